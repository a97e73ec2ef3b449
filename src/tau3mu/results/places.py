"""Where the results of a processor lie."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tau3mu.errors import InputError, suggest
from tau3mu.results.manifest import glance_at, manifest_in, results_in

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.results.manifest import Manifest

__all__ = ["processor_in"]


def _read(path: Path) -> Manifest:
    """Returns the content of `run.json`, which is read once for many pictures."""
    status = path.stat()
    return _read_once(path, (status.st_ino, status.st_mtime_ns, status.st_size))


@lru_cache(maxsize=1)
def _read_once(path: Path, _: tuple[int, ...]) -> Manifest:
    return glance_at(path)


def processor_in(folder: Path, name: str) -> tuple[Path, Manifest]:
    """Returns the folder of a processor, and the manifest of its run with the datasets of it alone.

    Args:
        folder: The results folder, or that of a train.
        name: Of the processor; one that the run does not know is no part of a path.

    Raises:
        InputError: There are no results, or none of the processor.
    """
    folder = results_in(folder)
    manifest = manifest_in(folder, _read)
    known = manifest.configuration.get("processors")
    known = list(known) if isinstance(known, dict) else []
    if name not in known or not (folder / name).is_dir():
        message = f"{folder} has no processor {name!r}{suggest(name, known)}"
        raise InputError(message, code="results.unknown-processor", path=name)
    return folder / name, manifest.model_copy(update={"datasets": manifest.datasets_of(name)})
