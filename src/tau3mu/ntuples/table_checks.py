"""Checks whether the columns of a layout table fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LEVELS", "SCALARS", "TYPES", "check_views", "is_list", "is_number"]

LEVELS: Final = ("hlt", "l1")
"""The collections of triggers."""

SCALARS: Final = (
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float32", "float64", "string"),
)
TYPES: Final = re.compile(rf"(var \* )*({'|'.join(SCALARS)})")
"""The types of branches that can be read."""


class _Place(Protocol):
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


Row = tuple[str, str, bool, "_Place"]
"""A column of the events, the type of its branch, whether it is `first`, and its place."""


def is_list(kind: str) -> bool:
    """Returns whether a branch holds a list per event.

    Args:
        kind: The type, such as `var * float32`.
    """
    return kind.startswith("var * ")


def is_number(kind: str) -> bool:
    """Returns whether the values of a branch, or of its lists, are numbers.

    Args:
        kind: The type, such as `var * float32`.
    """
    return not kind.removeprefix("var * ").startswith(("var", "string", "bool"))


def check_views(rows: Sequence[Row], add: Callable[[int, int, str], None]) -> None:
    """Finds columns that are there twice, or that cannot be in the same events.

    Args:
        rows: The rows of the table.
        add: Takes line, column and text of each mistake.
    """
    first: dict[str, int] = {}
    lists: dict[str, tuple[bool, str]] = {}
    for view, kind, is_first, place in rows:
        if (line := first.setdefault(view, place.line)) != place.line:
            add(place.line, place.column, f"column {view!r} appears twice, first in line {line}")
            continue
        collection, dot, _ = view.partition(".")
        if collection == "raw":
            continue
        if collection in LEVELS:
            _check_trigger(view, kind, place, add)
        elif not dot and is_list(kind) != is_first:
            text = f"{view!r} is one value per event, expected {kind.removeprefix('var * ')}"
            add(place.line, place.column, f"{text}, or a list of one with first")
        elif dot:
            a_list = is_list(kind) and not is_first
            expected, other = lists.setdefault(collection, (a_list, view))
            if expected != a_list:
                text = f"{view!r} is {kind}, but {other!r} of the same collection is "
                text += "a list per event" if expected else "one value per event"
                add(place.line, place.column, text)
    _check_nesting(rows, first, add)


def _check_trigger(
    view: str, kind: str, place: _Place, add: Callable[[int, int, str], None]
) -> None:
    field = view.partition(".")[2]
    decision = "bool or a number"
    expected = {"*": decision, "name": "var * string", "decision": f"var * {decision}"}
    good = kind == "var * string" if field == "name" else "string" not in kind
    if not good or kind.count("var") != (field != "*"):
        asked = expected.get(field, "var * and a number")
        add(place.line, place.column, f"{view!r} is {kind}, expected {asked}")


def _check_nesting(
    rows: Sequence[Row], known: dict[str, int], add: Callable[[int, int, str], None]
) -> None:
    """Finds columns that are a group of columns in another row, and half a list of triggers."""
    for view, _, _, place in rows:
        parents = [view[: match.start()] for match in re.finditer(r"\.", view)]
        for parent in parents if not view.startswith("raw.") else ():
            if parent in known:
                text = f"{view!r} is part of {parent!r}, which line {known[parent]} calls a branch"
                add(place.line, place.column, text)
        level, _, field = view.partition(".")
        if level not in LEVELS:
            continue
        there = {other for other in ("*", "name", "decision") if f"{level}.{other}" in known}
        if "*" in there and field != "*":
            text = f"{view!r} belongs to a list of triggers, {level}.* to one branch for each"
            add(place.line, place.column, f"{text}; expected one of both")
        elif field != "*" and (lacking := {"name", "decision"} - there):
            text = f"{view!r} needs a row for {level}.{min(lacking)} as well"
            add(place.line, place.column, text)
