"""Detects the layout of a tree by its branches and by the columns that are to be read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError
from tau3mu.ntuples.layout import Layout, layouts
from tau3mu.ntuples.table_checks import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.ntuples.tables import Branch

__all__ = ["detect_layout"]

_NEAR: Final = 0.8
"""A layout that knows this fraction of the branches that the best one knows is as good."""


def detect_layout(branches: Iterable[str], columns: Iterable[str] = ()) -> Layout | None:
    """Returns the layout that knows most of the branches of a tree, or None if none knows any.

    Triggers do not count, since one row stands for any number of them. A layout in which the tree
    has all columns that are to be read comes before those in which it lacks some.

    Args:
        branches: The names of the branches.
        columns: The columns that are to be read.

    Raises:
        InputError: Several layouts know about as many branches, and not the same columns.
    """
    return _detected(tuple(branches), frozenset(columns))


@lru_cache(maxsize=16)  # the files of a dataset have the same branches, by and large
def _detected(names: tuple[str, ...], columns: frozenset[str]) -> Layout | None:
    available = frozenset(names)
    scores = {table: len(table.fixed & available) for table in layouts().values()}
    known = sorted((t for t in scores if scores[t]), key=lambda t: -scores[t])
    if not known:
        return None
    complete = [table for table in known if _has(table, columns, available)]
    if columns and not complete:
        return known[0]  # what is missing is an error in any case
    best, *others = complete
    rivals = [table for table in others if scores[table] >= _NEAR * scores[best]]
    reading = _reading(best, columns, names)
    if not columns or any(_reading(table, columns, names) != reading for table in rivals):
        _refuse_rivals([best, *rivals], scores)
    return best


def _has(table: Layout, columns: frozenset[str], available: frozenset[str]) -> bool:
    """Returns whether the tree has all columns; of triggers, whether there can be some."""
    for column in columns:
        level = column.partition(".")[0]
        if level in LEVELS:
            if not table.has_triggers(level):
                return False
        elif (row := table.column(column)) is None or row.name not in available:
            return False
    return True


def _reading(
    table: Layout, columns: frozenset[str], names: tuple[str, ...]
) -> tuple[Mapping[str, Branch], float | None]:
    """Returns all that the events depend on."""
    rows = table.resolve(columns, names)
    return rows, table.pad_value if table.pad.name in rows else None


def _refuse_rivals(rivals: list[Layout], scores: Mapping[Layout, int]) -> None:
    if len(rivals) > 1:
        names = ", ".join(f"{table.name} ({scores[table]} of its branches)" for table in rivals)
        message = (
            f"its branches fit the layouts {names}; say which one: --layout NAME, or layout in the "
            "metadata of the dataset"
        )
        raise InputError(message, code="ntuples.ambiguous-layout", path="layout")
