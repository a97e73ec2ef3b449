"""Files that are there whole or not at all, strict JSON, and finding files of a results folder."""

from __future__ import annotations

import errno
import json
import math
import os
import shutil
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError, RunError
from tau3mu.input_files import refuse_special, user_path
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["atomic", "disk_error", "find", "json_text", "write_text"]


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which takes its place when the block ends well.

    Whoever looks at `path` sees the old content or the new one, also after a power cut. The
    temporary file keeps the suffix, since writers go by it.

    Raises:
        RunError: The file cannot be written; the old content stays and no other file is left.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        with suppress(OSError):  # some network file systems cannot flush a folder
            _flush(path.parent)
    except OSError as error:
        raise disk_error(path, error) from error
    finally:
        with suppress(OSError):  # such as a folder that is a file, which is the error already
            temporary.unlink(missing_ok=True)


def disk_error(path: Path, error: OSError) -> RunError:
    """Returns the error that names the file which cannot be written, and what a full disk has."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    message = f"cannot write {path}: {reason}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        with suppress(OSError):
            free = shutil.disk_usage(path.parent).free
            message += f" ({free / 1e6:.1f} MB are free in {path.parent}): make room there"
    return RunError(message)


def write_text(path: Path, text: str) -> None:
    """Writes a text file; see `atomic`."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """Returns strict JSON without secrets of URLs.

    Numbers that JSON lacks (NaN and the infinities) are null.
    """
    return json.dumps(_plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def find(path: str | Path, *names: str) -> Path:
    """Returns the one file called like one of `names`.

    Args:
        path: The file itself, the folder of a processor, or a results folder of one processor.
        names: File names to look for.

    Raises:
        InputError: There is no such file, or more than one.
    """
    path = user_path(path)
    refuse_special(path, folders=True)
    if path.is_file():
        return path
    wanted = " or ".join(names)
    if not path.exists():
        message = f"{path} does not exist; expected a results folder or {wanted}"
        raise InputError(message)
    found = [path / name for name in names if (path / name).is_file()]
    found = found or [file for name in names for file in sorted(path.glob(f"*/{name}"))]
    if len(found) > 1:
        message = f"{path} holds more than one {wanted}; give one of them: " + ", ".join(
            str(file) for file in found
        )
        raise InputError(message)
    if not found:
        message = f"{path} is not a results folder: it holds no {wanted}"
        raise InputError(message)
    return found[0]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {redact(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, str | Path):
        return redact(str(value))
    return None if isinstance(value, float) and not math.isfinite(value) else value
