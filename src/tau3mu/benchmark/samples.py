"""Toy ntuples for the benchmarks, made once and kept in a folder."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tau3mu import __version__
from tau3mu.errors import RunError
from tau3mu.generate import generate

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["default_cache", "make_copies", "make_sample", "new_folder"]

log = logging.getLogger(__name__)

# Where the UUID is in the header of a ROOT file smaller than 2 GB: six numbers of four bytes, and
# others, precede it, and the version of its class (2 bytes).
_UUID_AT = 47


def default_cache() -> Path:
    """Returns the folder of the user's caches, `tau3mu/benchmarks` in it."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tau3mu/benchmarks"


def make_sample(
    cache: Path, *, layout: str, compression: str, events: int, files: int, workers: int
) -> list[Path]:
    """Returns the paths of toy ntuples, which are generated if the cache has none like these.

    Equal arguments give equal content. A file is written step by step, so memory does not grow
    with its size.

    Args:
        cache: The folder of all samples.
        layout: `t3m` (an RNTuple) or `nano` (a TTree).
        compression: `zlib`, `lz4`, `zstd` or `lzma`.
        events: Events of each file.
        files: Number of files.
        workers: Processes that write.

    Raises:
        InputError: An argument is out of range.
        RunError: A file cannot be written.
    """
    folder = cache / f"{__version__}-{layout}-{compression}-{events}x{files}"
    if not folder.exists():
        log.info("generating %d files of %d events in %s", files, events, folder)
        with new_folder(folder) as part:
            generate(
                part,
                events=events,
                files=files,
                layout=layout,
                compression=compression,
                workers=workers,
            )
    return [folder / f"Tree_PhiPi_{number + 1}.root" for number in range(files)]


def make_copies(source: Path, folder: Path, number: int) -> list[Path]:
    """Returns copies of a file, each with a UUID of its own, so that they count as many files.

    Raises:
        RunError: A copy cannot be written.
    """
    if not folder.exists():
        content = bytearray(source.read_bytes())
        with new_folder(folder) as part:
            for copy in range(number):
                content[_UUID_AT : _UUID_AT + 16] = uuid4().bytes
                (part / f"copy_{copy + 1}.root").write_bytes(content)
    return [folder / f"copy_{copy + 1}.root" for copy in range(number)]


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """Gives a temporary folder, which gets its name when the block ends well.

    Raises:
        RunError: The folder cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            yield part
            part.chmod(0o755)
            part.rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        message = f"cannot write {folder}: {error.strerror or error}"
        raise RunError(message) from error
