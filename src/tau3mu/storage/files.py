"""Files that are complete or not there, strict JSON, and finding files of a results folder."""

from __future__ import annotations

import errno
import glob
import json
import math
import os
import shutil
import tempfile
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.config.input_files import refuse_special, user_path
from tau3mu.errors import InputError, RunError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "Memory",
    "atomic",
    "disk_error",
    "find",
    "json_text",
    "make_folder",
    "remove_staged",
    "remove_temporary",
    "staged",
    "write_text",
]

_ASIDE = ".new-"


class Memory(BytesIO):
    """A file in memory that stays open when uproot closes it, so that it can be read."""

    def close(self) -> None:
        """Does nothing."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which takes its place when the block ends well.

    Whoever looks at `path` sees the old content or the new one, also after a power cut. The
    temporary file keeps the suffix, since writers go by it.

    Args:
        path: The file, in a folder that is there.

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


@contextmanager
def staged(folder: Path, *, replace: bool = False) -> Iterator[Path]:
    """Yields a new folder inside `folder`; its files take their places when the block ends well.

    So of files that belong together either all are there, or none: a full disk, an error or a
    killed process leaves what was there before.

    Args:
        folder: Where the files are to be; it is made if it is missing.
        replace: Whether they may replace others.

    Raises:
        InputError: One of the files is there and must not be replaced; none was written.
        RunError: A file cannot be written.
    """
    make_folder(folder)
    try:
        aside = Path(tempfile.mkdtemp(prefix=_ASIDE, dir=folder))
    except OSError as error:
        raise disk_error(folder, error) from error
    try:
        yield aside
        _take_places(aside, folder, replace=replace)
    except RunError as error:  # of a file aside; users know its place
        message = str(error).replace(str(aside), str(folder))
        raise RunError(message, code=error.code, path=folder) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _take_places(aside: Path, folder: Path, *, replace: bool) -> None:
    files = [path for path in sorted(aside.rglob("*")) if not path.is_dir()]
    targets = [folder / path.relative_to(aside) for path in files]
    if not replace and (taken := [str(target) for target in targets if target.exists()]):
        message = f"{taken[0]} exists already; choose another folder or move it away"
        raise InputError(message, code="storage.file-exists", path=taken[0])
    target = folder
    try:
        for path, target in zip(files, targets, strict=True):
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
    except OSError as error:
        raise disk_error(target, error) from error
    for parent in {target.parent for target in targets}:
        with suppress(OSError):
            _flush(parent)


def make_folder(folder: Path) -> None:
    """Makes a folder with its parents, unless it is there.

    Args:
        folder: The folder.

    Raises:
        RunError: It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"cannot make the folder {folder}: {error.strerror or error}"
        raise RunError(message, code="storage.cannot-make-folder", path=folder) from error


def remove_staged(folder: Path) -> None:
    """Removes what killed processes have left of `staged`.

    Args:
        folder: A folder into which no process is writing now.
    """
    for aside in folder.glob(f"{_ASIDE}*"):
        shutil.rmtree(aside, ignore_errors=True)


def remove_temporary(path: Path) -> None:
    """Removes what killed processes have left of `atomic`.

    Args:
        path: The file, which no process is writing now.
    """
    for temporary in path.parent.glob(f".{glob.escape(path.stem)}.*{path.suffix}"):
        temporary.unlink()


def disk_error(path: Path, error: OSError) -> RunError:
    """Returns the error that names the file that cannot be written, and the room on a full disk.

    Args:
        path: The file.
        error: Why it cannot be written.
    """
    reason = os.strerror(error.errno) if error.errno else str(error)
    message = f"cannot write {path}: {reason}"
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        with suppress(OSError):
            free = shutil.disk_usage(path.parent).free
            message += f" ({free / 1e6:.1f} MB are free in {path.parent}): make room there"
    return RunError(message, code="storage.cannot-write", path=path)


def write_text(path: Path, text: str) -> None:
    """Writes a text file in UTF-8; see `atomic`.

    Args:
        path: The file.
        text: Its whole content.
    """
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def json_text(value: Any) -> str:
    """Returns strict JSON without secrets of URLs.

    Args:
        value: Mappings, sequences, NumPy arrays, paths and plain values; NaN and the infinities,
            which JSON lacks, become null.
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
        raise InputError(message, code="storage.not-found", path=path)
    found = [path / name for name in names if (path / name).is_file()]
    found = found or [file for name in names for file in sorted(path.glob(f"*/{name}"))]
    if len(found) > 1:
        message = f"{path} holds more than one {wanted}; give one of them: " + ", ".join(
            str(file) for file in found
        )
        raise InputError(message, code="storage.ambiguous", path=path)
    if not found:
        message = f"{path} is not a results folder: it holds no {wanted}"
        raise InputError(message, code="storage.not-a-results-folder", path=path)
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
    if hasattr(value, "tolist"):  # of NumPy, which is not imported for it
        return _plain(value.tolist())
    if isinstance(value, str | Path):
        return redact(str(value))
    return None if isinstance(value, float) and not math.isfinite(value) else value
