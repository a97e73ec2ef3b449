"""Results folders below the root of a site, and the names that addresses have for them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError
from tau3mu.results.manifest import results_in
from tau3mu.storage.names import RUN
from tau3mu.web.paths import confined

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["file_of", "known_results", "name_of", "results_folder", "side_folder"]

_DEEPEST: Final = 4
_MOST: Final = 2000
_TRAINS: Final = "trains"


def known_results(root: Path, most: int = _MOST) -> list[str]:
    """Returns the results folders below a folder, those that were written last first.

    Args:
        root: Of all that is shown.
        most: At most so many are looked for.
    """
    found: list[tuple[float, str]] = []
    for path, changed in _found(root, _DEEPEST):
        found.append((changed, name_of(root, path)))
        if len(found) == most:
            break
    return [name for _, name in sorted(found, key=lambda one: (-one[0], one[1]))]


def _found(folder: Path, deepest: int) -> Iterator[tuple[Path, float]]:
    below = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name == RUN and entry.is_file(follow_symlinks=False):
                    yield folder, entry.stat().st_mtime
                    return
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False):
                    below.append(entry.name)
    except OSError:  # removed just now, or not ours to read
        return
    if deepest:
        for name in below:
            yield from _found(folder / name, deepest - 1)


def name_of(root: Path, path: Path) -> str:
    """Returns how addresses call a folder or a file, "" for the root.

    Args:
        root: Of all that is shown.
        path: In it.
    """
    name = path.relative_to(root.resolve() if path.is_relative_to(root.resolve()) else root)
    return "" if name == type(name)() else name.as_posix()


def side_folder(request: Request, text: str) -> Path:
    """Returns the folder that a side of a comparison means.

    Args:
        request: What was asked.
        text: A results folder or that of one of its processors, the folder of a train or a test, or
            the number of a train.

    Raises:
        InputError: There is no such folder.
    """
    root: Path = request.app.state.site.root
    if text.isascii() and text.isdigit() and not (root / text).exists():
        text = f"{_TRAINS}/{int(text):04d}"
    folder = confined(root, text)
    return confined(root, name_of(root, results_in(folder)))


def results_folder(request: Request, text: str) -> Path:
    """Returns the results folder that a field of an address means.

    Args:
        request: What was asked.
        text: As for `side_folder`.

    Raises:
        InputError: There is no such folder.
    """
    root: Path = request.app.state.site.root
    folder = side_folder(request, text)
    if folder != root and not (folder / RUN).is_file() and (folder.parent / RUN).is_file():
        return confined(root, name_of(root, folder.parent))
    return folder


def file_of(request: Request, folder: Path, *parts: str) -> Path:
    """Returns a file of a results folder, which is not a link.

    Args:
        request: What was asked.
        folder: The results folder.
        parts: The names of its folders and of the file.

    Raises:
        InputError: There is no such file.
    """
    root: Path = request.app.state.site.root
    path = "/".join(parts)
    if ".." in parts or not all(parts):
        message = f"there is no {path!r} in {folder}"
        raise InputError(message, code="web.not-found", path=path)
    return confined(root, f"{name_of(root, folder)}/{path}")
