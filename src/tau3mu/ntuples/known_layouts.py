"""The layouts that are found without being asked for: shipped, installed, and those of users.

A table in the working directory is one whose first line names its tree. A package installs tables
by entry points of the group `tau3mu.layouts`, each of which is the path of a table.
"""

from __future__ import annotations

import os
from functools import cache, lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final

from tau3mu.errors import InputError
from tau3mu.ntuples.layout import Layout, layout, layouts, own_layout

__all__ = ["known_layouts", "layout_called"]

_GROUP: Final = "tau3mu.layouts"


def known_layouts() -> dict[str, Layout]:
    """Returns all layouts that a tree may be found to have, by name.

    Raises:
        InputError: There are mistakes in a table, or an entry point is not the path of one.
    """
    return layouts() | _installed() | _here()


def layout_called(asked: str, folder: Path = Path()) -> str:
    """Returns what `layout` takes for a layout that a user has chosen.

    Args:
        asked: The name of a shipped or installed layout, or the path of a table.
        folder: Where relative paths begin.

    Raises:
        InputError: There is no such layout or table, or there are mistakes in it.
    """
    found = None if asked.endswith(".tsv") else _installed().get(asked)
    return own_layout(asked, folder) if found is None else found.reference(found.by_name)


@cache
def _installed() -> dict[str, Layout]:
    found = {}
    for point in entry_points(group=_GROUP):
        try:
            path = os.fspath(point.load())
        except Exception as error:  # whatever a package of somebody raises
            message = (
                f"layout {point.name!r} of the entry point {point.value} cannot be loaded, "
                f"expected the path of a table: {type(error).__name__}: {error}"
            )
            raise InputError(message, code="ntuples.bad-entry-point", path=point.name) from error
        found[point.name] = layout(own_layout(path))
    return found


def _here() -> dict[str, Layout]:
    folder = Path.cwd()
    found = {}
    for path in _tables(str(folder), folder.stat().st_mtime_ns):
        try:
            facts = Path(path).stat()
        except FileNotFoundError:
            continue
        table = _table(path, facts.st_size, facts.st_mtime_ns)
        if table is not None:
            found[table.name] = table
    return found


@lru_cache(maxsize=4)
def _tables(folder: str, _changed: int) -> list[str]:
    return sorted(str(path) for path in Path(folder).glob("*.tsv"))


@lru_cache(maxsize=64)
def _table(path: str, _size: int, _changed: int) -> Layout | None:
    with Path(path).open("rb") as file:
        if not file.read(16).removeprefix(b"\xef\xbb\xbf").startswith(b"#tree"):
            return None
    return layout(own_layout(path))
