"""Results folders below the root of a site, and the names that addresses have for them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from tau3mu.errors import InputError
from tau3mu.results.manifest import results_in
from tau3mu.storage.names import RUN
from tau3mu.web.paths import confined

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from starlette.requests import Request

__all__ = ["Root", "file_of", "known_results", "name_of", "results_folder", "side_folder"]

Root: TypeAlias = "Path | Mapping[str, Path]"
"""A folder that is shown, or several by the names that addresses begin with."""

_DEEPEST: Final = 4
_MOST: Final = 2000
_TRAINS: Final = "trains"
_DIGITS: Final = 12
"""No train has a number of more."""


def known_results(root: Root, most: int = _MOST) -> list[str]:
    """Returns the results folders below a folder, those that were written last first.

    Args:
        root: What is shown.
        most: At most so many are looked for.
    """
    found: list[tuple[float, str]] = []
    for top in [root] if isinstance(root, Path) else root.values():
        for path, changed in _found(top.resolve(), _DEEPEST):
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


def name_of(root: Root, path: Path) -> str:
    """Returns how addresses call a folder or a file, "" for the root.

    Args:
        root: What is shown.
        path: In it, as `confined` returns it.

    Raises:
        InputError: It is not in it.
    """
    for first, top in [("", root)] if isinstance(root, Path) else root.items():
        if path.is_relative_to(resolved := top.resolve()):
            words = (first, *path.relative_to(resolved).parts)
            return "/".join(word for word in words if word)
    message = f"there is no {path.name!r} here"
    raise InputError(message, code="web.not-found", path=path.name)


def side_folder(request: Request, text: str) -> Path:
    """Returns the folder that a side of a comparison means.

    Args:
        request: What was asked.
        text: A results folder or that of one of its processors, the folder of a train or a test, or
            the number of a train.

    Raises:
        InputError: There is no such folder.
    """
    root: Root = request.app.state.site.root
    try:
        folder = confined(root, text)
    except InputError:
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
            raise
        folder = confined(root, f"{_TRAINS}/{int(text):04d}")
    found = confined(root, name_of(root, results_in(folder)))
    _check_links(root, found)
    return found


def _check_links(root: Root, folder: Path, deepest: int = 1) -> None:
    """Refuses a results folder of which a part lies outside of what is shown.

    Whoever reads its results follows links, so they are looked at before.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                confined(root, name_of(root, Path(entry.path)))
            elif deepest and entry.is_dir():
                _check_links(root, Path(entry.path), deepest - 1)


def results_folder(request: Request, text: str) -> Path:
    """Returns the results folder that a field of an address means.

    Args:
        request: What was asked.
        text: As for `side_folder`.

    Raises:
        InputError: There is no such folder.
    """
    folder = side_folder(request, text)
    if (folder / RUN).is_file() or not (folder.parent / RUN).is_file():
        return folder
    root: Root = request.app.state.site.root
    try:
        return confined(root, name_of(root, folder.parent))
    except InputError:  # a processor alone is shown
        return folder


def file_of(request: Request, folder: Path, *parts: str) -> Path:
    """Returns a file of a results folder, which does not lie outside of what is shown.

    Args:
        request: What was asked.
        folder: The results folder.
        parts: The names of its folders and of the file.

    Raises:
        InputError: There is no such file.
    """
    root: Root = request.app.state.site.root
    path = "/".join(parts)
    if not all(parts) or any("/" in part for part in parts):
        message = f"there is no {path!r} in {folder.name}"
        raise InputError(message, code="web.not-found", path=path)
    return confined(root, f"{name_of(root, folder)}/{path}".lstrip("/"))
