"""Checks whether the columns of a layout table fit together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["LEVELS", "SCALARS", "TYPES", "check_views", "converts", "is_list", "is_number"]

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


def converts(stored: str, asked: str) -> bool:
    """Returns whether numbers can be turned into those of a layout, unless a value is too large.

    Args:
        stored: The type of a branch, such as `var * uint8`.
        asked: The type that the layout says.
    """
    depth, kind = stored.count("var"), stored.rpartition(" ")[2]
    asked_kind = asked.rpartition(" ")[2]
    if depth != asked.count("var") or kind not in SCALARS or "string" in {kind, asked_kind}:
        return False
    return not kind.startswith("float") or (kind, asked_kind) == ("float32", "float64")


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
    if _is_one_trigger(field, kind):
        return
    decision = "bool or a number"
    expected = {"*": decision, "name": "var * string", "decision": f"var * {decision}"}
    good = kind == "var * string" if field == "name" else "string" not in kind
    if not good or kind.count("var") != (field != "*"):
        asked = expected.get(field, "var * and a number")
        add(place.line, place.column, f"{view!r} is {kind}, expected {asked}")


def _is_one_trigger(field: str, kind: str) -> bool:
    """Returns whether a row is for a branch that is one trigger."""
    return field not in {"*", "name", "decision"} and kind != "string" and not is_list(kind)


def _check_nesting(
    rows: Sequence[Row], known: dict[str, int], add: Callable[[int, int, str], None]
) -> None:
    """Finds columns that are a group of columns in another row, and half a list of triggers."""
    for view, kind, _, place in rows:
        parents = [view[: match.start()] for match in re.finditer(r"\.", view)]
        for parent in parents if not view.startswith("raw.") else ():
            if parent in known:
                text = f"{view!r} is part of {parent!r}, which line {known[parent]} calls a branch"
                add(place.line, place.column, text)
        level, _, field = view.partition(".")
        if level not in LEVELS or _is_one_trigger(field, kind):
            continue
        there = {other for other in ("*", "name", "decision") if f"{level}.{other}" in known}
        if "*" in there and field != "*":
            text = f"{view!r} belongs to a list of triggers, {level}.* to one branch for each"
            add(place.line, place.column, f"{text}; expected one of both")
        elif field != "*" and (lacking := {"name", "decision"} - there):
            text = f"{view!r} needs a row for {level}.{min(lacking)} as well"
            add(place.line, place.column, text)
