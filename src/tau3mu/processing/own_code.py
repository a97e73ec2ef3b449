"""Hashes of this package, part by part, and the versions of what its results depend on."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["library_versions", "package_hashes", "part_hash"]

_LIBRARIES: Final = ("awkward", "coffea", "correctionlib", "numpy", "uproot", "vector")
_ELSEWHERE: Final = ("data", "fits", "processors")
_NO_RESULTS: Final = {"benchmark", "console", "report", "train", "web"}
"""Parts on which no result of a run depends."""


def library_versions() -> dict[str, str]:
    """Returns the versions of this package and of the libraries that select events for it."""
    return {library: version(library) for library in ("tau3mu", *_LIBRARIES)}


def package_hashes() -> dict[str, str]:
    """Returns a hash of each part of this package on which results depend."""
    there = (item.name for item in files("tau3mu").iterdir() if item.is_dir())
    parts = {*_ELSEWHERE, *(name for name in there if not name.startswith(("_", ".")))}
    return {part: part_hash(part) for part in sorted(parts - _NO_RESULTS)}


@cache
def part_hash(part: str) -> str:
    """Returns a hash of a part of this package: its programs, tables and documents.

    Args:
        part: Such as `selection`.
    """
    digest = hashlib.sha256()
    folder = files("tau3mu") / part
    # Where the sources are used in place, some parts lie elsewhere; imports find them.
    for piece in _contents(folder if folder.is_dir() else files(f"tau3mu.{part}")):
        digest.update(len(piece).to_bytes(8, "little"))
        digest.update(piece)
    return digest.hexdigest()


def _contents(folder: Any) -> Iterator[bytes]:
    for item in sorted(folder.iterdir(), key=lambda item: str(item.name)):
        if item.is_dir():
            if not item.name.startswith(("_", ".")):
                yield from _contents(item)
        elif item.name.endswith((".py", ".tsv", ".json")):
            yield item.name.encode()
            yield item.read_bytes()
