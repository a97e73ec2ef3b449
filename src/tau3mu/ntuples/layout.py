"""The layouts: tables from branch names to the canonical view.

A layout is one tab-separated file in `layouts/`, and a new ntuple layout is a new file there:

- `#tree` names the tree, `#pad` the view and the value that mark a padded candidate;
- `branch` and `type` are what the file holds, the type as awkward writes it;
- `view` is where the branch appears in the events: `muon.pt`, `triplet.mu1.pt`, `run`; a view
  `raw.NAME` belongs to no collection, since its length is not that of one;
- `missing` lists the values that mean "not there", and `flag` for a boolean stored as a number,
  `first` for a scalar stored as a vector of length one.

`HLT_*` stands for all branches of which the name begins like that.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

from tau3mu.errors import InputError, suggest
from tau3mu.ntuples.triggers import matches

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["Branch", "Layout", "detect_layout", "layout", "layouts"]

_TRIGGER_LEVELS = ("hlt", "l1")


@dataclass(frozen=True)
class Branch:
    """One row of a layout table."""

    name: str
    type: str
    view: str
    missing: tuple[float, ...] = ()
    flag: bool = False
    first: bool = False


@dataclass(frozen=True)
class Layout:
    """A table from branch names to the canonical view of the events."""

    name: str
    tree: str
    pad_view: str
    pad_value: float
    branches: tuple[Branch, ...]

    @cached_property
    def by_view(self) -> dict[str, Branch]:
        """The branches by their place in the canonical view."""
        return {branch.view: branch for branch in self.branches}

    @cached_property
    def by_name(self) -> dict[str, Branch]:
        """The branches by their name in the file, wildcards left out."""
        return {branch.name: branch for branch in self.branches if "*" not in branch.name}

    @property
    def pad(self) -> Branch:
        """The branch that tells which candidates are pads."""
        return self.by_view[self.pad_view]

    def find(self, name: str) -> Branch | None:
        """Returns the row of a branch of a file, wildcards resolved, or None if it is unknown."""
        if (row := self.by_name.get(name)) is not None:
            return row
        for branch in self.branches:
            if "*" in branch.name and fnmatchcase(name, branch.name):
                level = branch.view.partition(".")[0]
                return Branch(name, branch.type, f"{level}.{name}")
        return None

    def resolve(self, columns: Iterable[str], available: Iterable[str]) -> dict[str, Branch]:
        """Returns the branches that hold the given columns, by name and in table order.

        Args:
            columns: Places in the canonical view (`muon.pt`), and triggers as `hlt.PATTERN` or
                `l1.PATTERN` (see `fired`).
            available: The names of the branches of the tree; it tells which triggers there are.

        Returns:
            What to read, whether available or not. The branch that marks pads is always among
            it when a column of its collection is.

        Raises:
            InputError: A column is not part of the layout.
        """
        wanted = set()
        padded = self.pad_view.partition(".")[0]
        for column in columns:
            collection, _, field = column.partition(".")
            if collection in _TRIGGER_LEVELS:
                wanted.update(self._trigger_branches(collection, field, available))
                continue
            if column not in self.by_view:
                message = f"layout {self.name} has no column {column!r}" + suggest(
                    column, self.by_view
                )
                raise InputError(message)
            wanted.add(self.by_view[column].name)
            if collection == padded:
                wanted.add(self.pad.name)
        order = {branch.name: i for i, branch in enumerate(self.branches)}
        rows = (
            (name, self.find(name)) for name in sorted(wanted, key=lambda n: (order.get(n, -1), n))
        )
        return {name: row for name, row in rows if row is not None}

    def _trigger_branches(self, level: str, pattern: str, available: Iterable[str]) -> set[str]:
        if f"{level}.name" in self.by_view:
            return {self.by_view[f"{level}.{field}"].name for field in ("name", "decision")}
        wildcard = self.by_view[f"{level}.*"].name
        found = {n for n in available if fnmatchcase(n, wildcard) and matches(n, pattern)}
        # Without a match, the pattern itself stands for the branch that is missing.
        return found or {wildcard.replace("*", "") + pattern.removeprefix(wildcard.rstrip("*"))}


@cache
def layouts() -> dict[str, Layout]:
    """Returns the shipped layouts by name."""
    folder = files("tau3mu.ntuples") / "layouts"
    tables = sorted(item.name for item in folder.iterdir() if item.name.endswith(".tsv"))
    return {
        name.removesuffix(".tsv"): _parse(name.removesuffix(".tsv"), (folder / name).read_text())
        for name in tables
    }


def layout(name: str) -> Layout:
    """Returns a shipped layout.

    Raises:
        InputError: There is no layout of this name.
    """
    known = layouts()
    if name not in known:
        message = f"unknown layout {name!r}{suggest(name, known)}; known: {', '.join(known)}"
        raise InputError(message)
    return known[name]


def detect_layout(branches: Iterable[str]) -> Layout | None:
    """Returns the layout that knows most of the given branch names, or None if none knows any."""
    return _detected(tuple(branches))


@lru_cache(maxsize=16)  # the files of a dataset have the same branches, by and large
def _detected(names: tuple[str, ...]) -> Layout | None:
    scores = {
        name: sum(candidate.find(branch) is not None for branch in names)
        for name, candidate in layouts().items()
    }
    best = max(scores, key=lambda name: scores[name])
    return layouts()[best] if scores[best] else None


def _parse(name: str, text: str) -> Layout:
    header: Mapping[str, list[str]] = {
        line.split("\t")[0]: line.split("\t")[1:]
        for line in text.splitlines()
        if line.startswith("#")
    }
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")][1:]
    return Layout(
        name=name,
        tree=header["#tree"][0],
        pad_view=header["#pad"][0],
        pad_value=float(header["#pad"][1]),
        branches=tuple(_row(*row) for row in rows),
    )


def _row(name: str, kind: str, view: str, missing: str = "") -> Branch:
    words = missing.split()
    values = tuple(float(word) for word in words if word not in {"flag", "first"})
    return Branch(name, kind, view, values, flag="flag" in words, first="first" in words)
