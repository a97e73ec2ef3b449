"""Proposes a layout table for the branches of a tree."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from tau3mu.ntuples.known_layouts import known_layouts
from tau3mu.ntuples.table_checks import LEVELS, TYPES, converts, is_list
from tau3mu.ntuples.tables import Branch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tau3mu.ntuples.layout import Layout

__all__ = ["propose_table"]

_TRIGGER: Final = re.compile(r"(.*?)(HLT|L1)_.*")
_INDEX: Final = re.compile(r"(?P<leg>.+?)_?(idx|Idx)$")
_COLUMN: Final = re.compile(r"[A-Za-z]\w*\.[A-Za-z_]\w*")
_IDENTITY: Final = {"run": "run", "luminosityBlock": "lumi", "event": "event"}


def propose_table(tree: str, types: Mapping[str, str]) -> str:
    """Returns a table with a row for each branch that events can have, to be edited.

    What a known layout says of a branch is taken over; other columns are named after their
    branches. Branches of other types are in comments.

    Args:
        tree: The name of the tree.
        types: The types of its branches by name.
    """
    known = _best(types)
    rows: dict[str, Branch] = {}
    comments, views = [], set()
    levels: dict[str, Branch] = {}
    for name, kind in types.items():
        if not TYPES.fullmatch(kind):
            comments.append(f"# {name} is {kind}, which events cannot have")
            continue
        if (found := _TRIGGER.fullmatch(name)) and not is_list(kind) and kind != "string":
            level = found[2].lower()
            levels.setdefault(level, Branch(f"{found[1]}{found[2]}_*", kind, f"{level}.*"))
            continue
        if name.startswith("n") and _is_counter(name, types):
            continue
        row = known.find(name) if known is not None else None
        if row is None or row.view in views or not _fits(row, kind):
            row = Branch(name, kind, _view(name, kind, types))
            if row.view in views or row.view.partition(".")[0] in LEVELS:
                row = Branch(name, kind, f"raw.{name}")
        views.add(row.view)
        rows[name] = row
    lines = [f"#tree\t{tree}"]
    if known is not None and known.pad in rows.values():
        lines += [f"#pad\t{known.pad_view}\t{known.pad_value:g}"]
    lines += ["# Proposed from the branches: name the columns as processors do,"]
    lines += ["# such as triplet.mass, and remove the rows of what nobody reads.", *comments]
    lines += ["branch\ttype\tview\tmissing"]
    found_rows = [*_leg_rows(rows.values()), *levels.values()]
    lines += ["\t".join((r.name, r.type, r.view, r.words)).rstrip() for r in found_rows]
    return "\n".join(lines) + "\n"


def _best(types: Mapping[str, str]) -> Layout | None:
    scores = {table: len(table.fixed & types.keys()) for table in known_layouts().values()}
    best = max(scores, key=lambda table: scores[table])
    return best if scores[best] else None


def _fits(row: Branch, kind: str) -> bool:
    return row.type == kind or (not row.first and converts(kind, row.type))


def _is_counter(name: str, types: Mapping[str, str]) -> bool:
    return any(other.startswith(f"{name[1:]}_") and is_list(types[other]) for other in types)


def _view(name: str, kind: str, types: Mapping[str, str]) -> str:
    """Returns the column of a branch that no layout knows."""
    if name in _IDENTITY and not is_list(kind):
        return _IDENTITY[name]
    collection, underscore, field = name.partition("_")
    together = all(
        is_list(other) == is_list(kind)
        for branch, other in types.items()
        if branch.startswith(f"{collection}_")
    )
    if underscore and together and _COLUMN.fullmatch(f"{collection}.{field}"):
        first = collection if collection.isupper() else collection[0]
        return f"{first.lower()}{collection[len(first) :]}.{field}"
    fit = not is_list(kind) and re.fullmatch(r"[A-Za-z_]\w*", name) and name != "raw"
    return name if fit and name not in LEVELS else f"raw.{name}"


def _leg_rows(rows: Iterable[Branch]) -> list[Branch]:
    """Returns the rows, those of indices of muons and tracks as what legs are made of."""
    found = list(rows)
    collections = {row.view.partition(".")[0] for row in found if is_list(row.type)}
    return [_as_leg(row, collections) for row in found]


def _as_leg(row: Branch, collections: set[str]) -> Branch:
    collection, _, field = row.view.partition(".")
    match = _INDEX.fullmatch(field)
    if not match or collection in {"muon", "raw", "gen"} or "int" not in row.type:
        return row
    leg = match["leg"].lower()
    target = "muon" if leg.startswith("mu") else "track" if leg.startswith(("tr", "pi")) else ""
    if target not in collections:
        return row
    return replace(row, view=f"{collection}.{match['leg']}_index", leg=target)
