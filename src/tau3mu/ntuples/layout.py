"""The layouts: tables from branch names to the canonical view.

A layout is one tab-separated file, shipped in `layouts/` or a user's own:

- `#tree` names the tree, `#pad` the view and the value that mark a padded candidate, `#needs` a
  branch without which no tree has this layout;
- `branch` and `type` are those of the file, the type as awkward writes it;
- `view` is where the branch appears in the events: `muon.pt`, `triplet.mu1.pt`, `run`; a view
  `raw.NAME` belongs to no collection, since its length is not that of one;
- `missing` lists the values that mean "not there", and `flag` for a boolean stored as a number,
  `first` for a scalar stored as a vector of length one, `optional` for a branch that files may
  lack, `index:muon` for the positions of legs among the muons.

`HLT_*` stands for all branches of which the name begins like that. Branches without a row can be
read as well, see `Layout.adapted`.

A shipped layout is known by its name. A table of a user is known by its text, since it has to reach
processes and machines that do not have the file, and since what is read depends on all of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tau3mu.config.input_files import read_bytes, user_path
from tau3mu.config.printable import printable
from tau3mu.errors import InputError, suggest
from tau3mu.ntuples.table_checks import LEVELS, is_list
from tau3mu.ntuples.tables import Branch, decode_table, parse_table
from tau3mu.ntuples.triggers import matches

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

__all__ = [
    "Branch",
    "Layout",
    "agreed",
    "common_layout",
    "layout",
    "layouts",
    "named",
    "own_layout",
    "plain",
]

_UNTYPED: Final = "float32"
"""The type of a branch that no file has."""

_OWN: Final = "#layout\t"
"""How the text of a table of a user begins, after which its name follows."""


@dataclass(frozen=True)
class Layout:
    """A table from branch names to the canonical view of the events."""

    name: str
    tree: str
    pad_view: str
    pad_value: float
    branches: tuple[Branch, ...]
    needs: str = ""
    own: bool = False

    def __hash__(self) -> int:
        """Returns a hash that does not look at hundreds of rows, which few tables differ in."""
        return hash((self.name, self.tree, len(self.branches), self.own))

    @cached_property
    def by_view(self) -> dict[str, Branch]:
        """The branches by their place in the canonical view."""
        return {branch.view: branch for branch in self.branches}

    @cached_property
    def by_name(self) -> dict[str, Branch]:
        """The branches by their name in the file, without wildcards."""
        return {name: rows[0] for name, rows in self._named.items() if "*" not in name}

    @cached_property
    def _named(self) -> dict[str, tuple[Branch, ...]]:
        """The rows by the name of their branch, those that are called after it last."""
        found: dict[str, tuple[Branch, ...]] = {}
        for row in sorted(self.branches, key=lambda row: named(row.view) == row.name):
            found[row.name] = (*found.get(row.name, ()), row)
        return found

    @cached_property
    def fixed(self) -> frozenset[str]:
        """The names of the branches that are not triggers, of which there may be any number."""
        levels = tuple(f"{level}." for level in LEVELS)
        return frozenset(n for n, row in self.by_name.items() if not row.view.startswith(levels))

    @cached_property
    def _wildcards(self) -> tuple[tuple[str, Branch], ...]:
        rows = (branch for branch in self.branches if "*" in branch.name)
        return tuple((row.name.removesuffix("*"), row) for row in rows)

    @property
    def pad(self) -> Branch | None:
        """The branch that tells which candidates are pads, if there are any."""
        return self.by_view.get(self.pad_view)

    @property
    def absent(self) -> tuple[str, ...]:
        """The names of the branches that the file at hand lacks."""
        return tuple(row.name for row in self.branches if row.absent)

    @property
    def padded(self) -> str:
        """The collection that has pads, in which a column `index` counts them too."""
        return self.pad_view.partition(".")[0]

    def column(self, view: str) -> Branch | None:
        """Returns the row of the branch that a column is made of, or None if it is unknown.

        Args:
            view: A column that is not a trigger, such as `muon.pt`; `raw.NAME` is any branch.
        """
        view = plain(view)
        if view == f"{self.padded}.index":
            return self.pad
        row = self.by_view.get(view)
        return self.find(named(view)) if row is None and view.startswith("raw.") else row

    def rows_of(self, view: str) -> tuple[Branch, ...]:
        """Returns the rows of the branches that a column is made of, none if it is unknown.

        Args:
            view: As for `column`, or a column of a leg that is given by its index.
        """
        if (row := self.column(view)) is not None:
            return (row,)
        leg, _, field = plain(view).rpartition(".")
        index = self.by_view.get(f"{leg}_index")
        if index is None or not index.leg:
            return ()
        target = self.by_view.get(f"{index.leg}.{field}")
        return () if target is None else (index, target)

    def adapted(self, columns: Iterable[str], types: Mapping[str, str]) -> Layout:
        """Returns the layout with rows for the columns that are branches of a tree by their names.

        `raw.NAME` is the branch `NAME` as it is, `Muon.pt` the branch `Muon_pt` if no row has this
        column. A column with `?` at its end is optional: if the tree lacks its branch, nothing is
        there in the events, and a trigger has not fired.

        Args:
            columns: The columns that are to be read.
            types: The types of the branches of the tree by name; those of others are not needed.
        """
        asked = set(columns)
        rows = {
            row.view: replace(row, absent=row.absent and row.name not in types)
            for row in self.branches
        }
        untyped, added = [], []
        for column in sorted(asked):
            view = plain(column)
            if view.partition(".")[0] in LEVELS or self.rows_of(view)[1:]:
                continue
            optional = view not in asked
            if (row := self.column(view)) is None:
                name = named(view)
                same = self.find(name)
                if name not in types and not optional:
                    continue
                if name not in types and same is None:
                    untyped.append(view)
                kind = _UNTYPED if same is None else same.type
                row = Branch(name, types.get(name, kind), view)
                added.append(view)
            optional = optional or row.optional
            row = replace(row, optional=optional, absent=optional and row.name not in types)
            if row != self.find(row.name):
                rows[row.view] = row
        for view in untyped:
            collection = view.partition(".")[0]
            if any(is_list(row.type) for row in rows.values() if _is_in(collection, row)):
                rows[view] = replace(rows[view], type=f"var * {_UNTYPED}")
        _refuse_mixed([rows[view] for view in added])
        branches = tuple(rows.values())
        return self if branches == self.branches else replace(self, branches=branches, own=True)

    def with_rows(self, rows: Iterable[Branch]) -> Layout:
        """Returns the layout with other rows in the place of those of the same columns, and more.

        Args:
            rows: Of the file at hand.
        """
        known = {row.view: row for row in self.branches} | {row.view: row for row in rows}
        return replace(self, branches=tuple(known.values()), own=True)

    def follows(self, table: Layout) -> bool:
        """Returns whether this is what a table gives for a file.

        Args:
            table: The table, which may have changed since.
        """
        mine, theirs = ((one.name, one.tree, one.pad_view, one.pad_value) for one in (self, table))
        return mine == theirs and all(
            any(_same(row, other) for other in (*table.branches, *table.rows_named(row.name)))
            or (table.column(row.view) is None and named(row.view) == row.name)
            for row in self.branches
        )

    def find(self, name: str) -> Branch | None:
        """Returns the row of a branch of a file, wildcards resolved, or None if it is unknown.

        Args:
            name: The name of the branch in the file.
        """
        return next(iter(self.rows_named(name)), None)

    def rows_named(self, name: str) -> tuple[Branch, ...]:
        """Returns all rows of a branch of a file: one that a table says, and one by its name.

        Args:
            name: The name of the branch in the file.
        """
        rows = self._named.get(name, ())
        for beginning, branch in self._wildcards:
            if name.startswith(beginning) and "*" not in name:
                view = f"{branch.view.partition('.')[0]}.{name}"
                if view not in self.by_view:
                    rows = (replace(branch, name=name, view=view), *rows)
                break
        return rows

    def has_triggers(self, level: str) -> bool:
        """Returns whether there are rows for triggers.

        Args:
            level: `hlt` or `l1`.
        """
        return not self.by_view.keys().isdisjoint((f"{level}.*", f"{level}.name"))

    def reference(self, branches: Collection[str]) -> str:
        """Returns what `layout` returns the rows of some branches for, in any process.

        Args:
            branches: The branches that are read, as the file calls them.
        """
        if not self.own:
            return self.name
        return _text(self, frozenset(branches))

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
        wanted: dict[str, Branch | None] = {}
        for column in sorted(columns):
            collection, _, field = column.partition(".")
            if collection in LEVELS:
                triggers = self._trigger_branches(collection, field, available)
                wanted.update((name, self.find(name)) for name in triggers)
                continue
            if not (rows := self.rows_of(column)):
                message = (
                    f"layout {self.name} has no column {column!r}"
                    f"{suggest(column, self.by_view)}, and the tree no branch {named(column)!r}"
                )
                raise InputError(message, code="ntuples.unknown-column", path=column)
            for row in rows:
                wanted[row.name] = row if row.name not in wanted else self.find(row.name)
            if collection == self.padded and self.pad is not None:
                wanted[self.pad.name] = self.pad
        order = {branch.name: i for i, branch in enumerate(self.branches)}
        names = sorted(wanted, key=lambda name: (order.get(name, -1), name))
        found = ((name, wanted[name]) for name in names)
        return {name: row for name, row in found if row is not None}

    def triggers(
        self, columns: Iterable[str], available: Iterable[str]
    ) -> dict[str, tuple[str, ...]]:
        """Returns the branches of each trigger asked for, where each trigger is a branch.

        Args:
            columns: Columns of processors, of which those of triggers count.
            available: The names of branches.
        """
        names, found = tuple(available), {}
        for column in columns:
            level, _, pattern = plain(column).partition(".")
            if level in LEVELS and (row := self.by_view.get(f"{level}.*")) is not None:
                beginning = row.name.removesuffix("*")
                fit = (n for n in names if n.startswith(beginning) and matches(n, pattern))
                found[column] = tuple(sorted(fit))
        return found

    def missing_trigger(self, column: str) -> Branch:
        """Returns the row of a trigger that the file at hand lacks, which has not fired.

        Args:
            column: `hlt.PATTERN` or `l1.PATTERN`.
        """
        level, _, pattern = plain(column).partition(".")
        name = pattern.removesuffix("_v")
        if f"{level}.*" in self.by_view:
            name = self._stand_in(level, name)
        return Branch(name, "bool", f"{level}.{name}", absent=True)

    def _trigger_branches(self, level: str, pattern: str, available: Iterable[str]) -> set[str]:
        optional, pattern = pattern.endswith("?"), plain(pattern)
        column = f"{level}.{pattern}"
        if f"{level}.name" in self.by_view:
            return {self.by_view[f"{level}.{field}"].name for field in ("name", "decision")}
        if found := self.triggers([column], available).get(column):
            return set(found)
        absent = self.missing_trigger(column).name
        if absent in self.by_name and self.by_name[absent].absent:
            return {absent}
        if f"{level}.*" not in self.by_view:
            if optional:
                return set()
            message = (
                f"layout {self.name} has no row for {level}, asked for by the column "
                f"'{level}.{pattern}'; expected one such as {level.upper()}_*, bool, {level}.*"
            )
            raise InputError(message, code="ntuples.no-triggers", path=f"{level}.{pattern}")
        # Without a match, the pattern itself stands for the branch that is missing.
        return {self._stand_in(level, pattern)}

    def _stand_in(self, level: str, pattern: str) -> str:
        beginning = self.by_view[f"{level}.*"].name.removesuffix("*")
        common = (k for k in range(len(beginning), -1, -1) if pattern.startswith(beginning[-k:]))
        shared = next(common, 0)
        return beginning + pattern[shared:]


def plain(column: str) -> str:
    """Returns a column without the mark of those that may be missing.

    Args:
        column: Such as `gen_weight?`.
    """
    return column.removesuffix("?")


def named(column: str) -> str:
    """Returns the branch that a column is named after, where a layout has no row for it.

    Args:
        column: `raw.NAME`, or such as `Muon.pt` for `Muon_pt`.
    """
    view = plain(column)
    return view.removeprefix("raw.") if view.startswith("raw.") else view.replace(".", "_")


def _refuse_mixed(rows: Iterable[Branch]) -> None:
    """Raises an error if branches that begin alike are lists and single values."""
    first: dict[str, Branch] = {}
    for row in rows:
        collection, dot, _ = row.view.partition(".")
        if not dot or collection == "raw" or not row.type:
            continue
        other = first.setdefault(collection, row)
        if is_list(other.type) != is_list(row.type):
            message = (
                f"branch {row.name} is {row.type} and {other.name} {other.type}, which are no "
                f"collection: read one of them as raw.{row.name} or raw.{other.name}"
            )
            raise InputError(message, code="ntuples.no-collection", path=row.view)


def _is_in(collection: str, row: Branch) -> bool:
    return row.view.startswith(f"{collection}.") and collection not in {"raw", *LEVELS}


def _same(one: Branch, other: Branch) -> bool:
    """Returns whether two rows are the same but for what a file lacks."""
    return replace(one, optional=False, absent=False) == replace(
        other, optional=False, absent=False
    )


@cache
def layouts() -> dict[str, Layout]:
    """Returns the shipped layouts by name.

    Raises:
        InputError: There are mistakes in a table.
    """
    folder = files("tau3mu.ntuples") / "layouts"
    tables = sorted(item.name for item in folder.iterdir() if item.name.endswith(".tsv"))
    return {
        name.removesuffix(".tsv"): _read(
            (folder / name).read_bytes(), name.removesuffix(".tsv"), str(folder / name)
        )
        for name in tables
    }


def layout(reference: str) -> Layout:
    """Returns a layout.

    Args:
        reference: The name of a shipped layout, or what `own_layout` and `Layout.reference` return.

    Raises:
        InputError: There is no layout of this name.
    """
    if reference.startswith(_OWN):
        return _of_text(reference)
    known = layouts()
    if reference not in known:
        message = (
            f"unknown layout {reference!r}{suggest(reference, known)}; known: {', '.join(known)}; "
            "your own is given as path/to/table.tsv"
        )
        raise InputError(message, code="ntuples.unknown-layout", path=reference)
    return known[reference]


def agreed(references: Iterable[str]) -> dict[str, str]:
    """Returns layouts by which all files have columns of the same types, by what they were.

    A file that lacks a branch without a row cannot tell its type, but others of the run can.

    Args:
        references: The layouts of the files.
    """
    tables = {one: layout(one) for one in dict.fromkeys(references)}
    rows = [row for table in tables.values() if table.own for row in table.branches]
    types = {row.view: row.type for row in rows if not row.absent and named(row.view) == row.name}
    found = {}
    for reference, table in tables.items():
        changed = [
            replace(row, type=types[row.view])
            for row in table.branches
            if row.absent and row.type != types.get(row.view, row.type)
        ]
        new = table.with_rows(changed) if changed else table
        found[reference] = new.reference(new.by_name) if changed else reference
    return found


def common_layout(references: Iterable[str]) -> str:
    """Returns what `layout` takes for files together, each of which may lack other branches.

    Args:
        references: Their layouts, all of one table.
    """
    tables = [layout(reference) for reference in dict.fromkeys(references)]
    if not any(table.own for table in tables):
        return tables[0].name
    rows: dict[str, Branch] = {}
    for row in (row for table in tables for row in table.branches):
        if row.absent and row.view.partition(".")[0] in LEVELS:
            continue  # whether a trigger may be missing is asked again
        other = rows.get(row.view, row)
        rows[row.view] = replace(
            other if row.absent else row, optional=row.optional or other.optional, absent=False
        )
    merged = replace(tables[0], branches=tuple(rows.values()), own=True)
    return merged.reference(merged.by_name)


def own_layout(asked: str, folder: Path = Path()) -> str:
    """Returns what `layout` takes for a layout that a user has chosen.

    Args:
        asked: The name of a shipped layout, or the path of a table.
        folder: Where relative paths begin.

    Raises:
        InputError: There is no such layout or table, or there are mistakes in it.
    """
    if not asked.endswith(".tsv"):
        return layout(asked).name
    path = folder / user_path(asked)
    content = read_bytes(path, "layout")
    table = _read(content, printable(path.name), str(path))
    return _text(replace(table, own=True), frozenset(table.by_name))


def _read(content: bytes, name: str, place: str) -> Layout:
    return Layout(name, *parse_table(decode_table(content, place), place))


@lru_cache(maxsize=64)
def _of_text(text: str) -> Layout:
    first, _, rest = text.partition("\n")
    name = first.removeprefix(_OWN)
    return Layout(name, *parse_table(rest, name), own=True)


@lru_cache(maxsize=64)  # so that the chunks of all files have one text in memory
def _text(table: Layout, branches: frozenset[str]) -> str:
    pad = [f"#pad\t{table.pad_view}\t{table.pad_value!r}"] if table.pad_view else []
    pad += [f"#needs\t{table.needs}"] if table.needs else []
    titles = "branch\ttype\tview\tmissing"
    rows = [
        row
        for row in table.branches
        if row.name in branches or "*" in row.name or row.view == table.pad_view
    ]
    # A table has at least one row.
    cells = ((row.name, row.type, row.view, row.words) for row in rows or table.branches[:1])
    lines = [f"{_OWN}{table.name}", f"#tree\t{table.tree}", *pad, titles, *map("\t".join, cells)]
    return "\n".join(lines)
