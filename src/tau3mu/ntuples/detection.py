"""Detects the layout of a tree by its branches and by the columns that are to be read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError
from tau3mu.ntuples.known_layouts import known_layouts
from tau3mu.ntuples.table_checks import LEVELS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from tau3mu.ntuples.layout import Layout
    from tau3mu.ntuples.tables import Branch

__all__ = ["detect_layout"]

_NEAR: Final = 0.8
"""A layout that knows this fraction of the branches that the best one knows is as good."""


def detect_layout(
    branches: Iterable[str],
    columns: Iterable[str] = (),
    types_of: Callable[[Collection[str]], Mapping[str, str]] | None = None,
) -> Layout | None:
    """Returns the layout that knows most of the branches of a tree, or None if none knows any.

    Triggers do not count, since one row stands for any number of them. A layout in which the tree
    has all columns that are to be read comes before those in which it lacks some, and one of the
    user or of an installed package before those that ship.

    Args:
        branches: The names of the branches.
        columns: The columns that are to be read.
        types_of: Returns the types of branches; they decide between layouts that know as many.

    Raises:
        InputError: Several layouts know about as many branches, and not the same columns.
    """
    names, asked = tuple(branches), frozenset(columns)
    found = _detected(names, asked, tuple(known_layouts().values()))
    if len(found) > 1 and asked and types_of is not None:
        rows = {table: _reading(table.adapted(asked, dict.fromkeys(names, "")), asked, names)[0]
                for table, _ in found}  # fmt: skip
        types = types_of(set(names) & {name for row in rows.values() for name in row})
        exact = [one for one in found if _has_types(rows[one[0]], types)]
        readings = [rows[table] for table, _ in exact]
        if exact and all(reading == readings[0] for reading in readings):
            found = tuple(exact[:1])
    _refuse_rivals(found)
    return found[0][0] if found else None


def _has_types(rows: Mapping[str, Branch], types: Mapping[str, str]) -> bool:
    """Returns whether a tree has branches of just the types that a layout says."""
    return all(
        row.type == types[name]
        for name, row in rows.items()
        if name in types and row.view.partition(".")[0] not in LEVELS
    )


@lru_cache(maxsize=16)  # the files of a dataset have the same branches, by and large
def _detected(
    names: tuple[str, ...], columns: frozenset[str], tables: tuple[Layout, ...]
) -> tuple[tuple[Layout, int], ...]:
    """Returns the layouts that a tree may have, the best first, and how many branches each knows.

    Those that would read the same as the best one are not among them.
    """
    available = frozenset(names)
    scores = {
        table: len(table.fixed & available)
        for table in tables
        if not table.needs or table.needs in available
    }
    known = sorted((t for t in scores if scores[t]), key=lambda t: -scores[t])
    if not known:
        return ()
    types = dict.fromkeys(names, "")
    adapted = {table: table.adapted(columns, types) for table in known}
    complete = [table for table in known if _has(adapted[table], columns, available)]
    if columns and not complete:
        return ((known[0], scores[known[0]]),)  # what is missing is an error in any case
    best, *others = sorted(complete, key=lambda table: not table.own)
    near = _NEAR * scores[best]
    rivals = [t for t in others if t.own == best.own and scores[t] >= near]
    rivals = [t for t in rivals if not _is_part(t, best, available)]
    reading = _reading(adapted[best], columns, names)
    if columns and all(_reading(adapted[t], columns, names) == reading for t in rivals):
        rivals = []
    return tuple((table, scores[table]) for table in (best, *rivals))


def _is_part(table: Layout, other: Layout, available: frozenset[str]) -> bool:
    """Returns whether another layout says the same of all that a layout knows of a tree."""
    if (table.pad_view, table.pad_value) != (other.pad_view, other.pad_value):
        return False
    known = table.fixed & available
    return all(table.by_name[name] == other.by_name.get(name) for name in known)


def _has(table: Layout, columns: frozenset[str], available: frozenset[str]) -> bool:
    """Returns whether the tree has all columns; of triggers, whether there can be some."""
    for column in columns:
        if column.endswith("?"):
            continue
        level = column.partition(".")[0]
        if level in LEVELS:
            if not table.has_triggers(level):
                return False
        elif not (rows := table.rows_of(column)) or not available.issuperset(r.name for r in rows):
            return False
    return True


def _reading(
    table: Layout, columns: frozenset[str], names: tuple[str, ...]
) -> tuple[Mapping[str, Branch], float | None]:
    """Returns all that the events depend on."""
    rows = table.resolve(columns, names)
    return rows, table.pad_value if table.pad is not None and table.pad.name in rows else None


def _refuse_rivals(rivals: Sequence[tuple[Layout, int]]) -> None:
    if len(rivals) > 1:
        names = ", ".join(f"{table.name} ({score} of its branches)" for table, score in rivals)
        message = (
            f"its branches fit the layouts {names}; say which one: --layout NAME, or layout in the "
            "metadata of the dataset"
        )
        raise InputError(message, code="ntuples.ambiguous-layout", path="layout")
