"""The tree of an open file, compared with what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, Literal

from tau3mu.datasets.blocks import BLOCKS, read_blocks
from tau3mu.datasets.checked import CheckedFile, Inspection
from tau3mu.datasets.generated import SUMS, read_generated
from tau3mu.datasets.origin import parse_origin, read_origin
from tau3mu.errors import InputError, suggest
from tau3mu.ntuples.detection import detect_layout
from tau3mu.ntuples.fields import field_types
from tau3mu.ntuples.known_layouts import known_layouts
from tau3mu.ntuples.layout import Branch, Layout, layout, named, plain
from tau3mu.ntuples.offsets import counters
from tau3mu.ntuples.table_checks import LEVELS, TYPES, converts, is_list
from tau3mu.ntuples.triggers import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

__all__ = [
    "TREE_CLASSES", "Asked", "FailedFileError", "MissingTriggers", "look_into", "wanted_names",
]  # fmt: skip

TREE_CLASSES: Final = ["TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple"]


MissingTriggers = Literal["error", "not-fired"]


class FailedFileError(Exception):
    """Is raised when a file can be opened but should not be read."""


@dataclass(frozen=True)
class Asked:
    """The tree and the columns that are to be read from a file.

    Attributes:
        tree: The name of the tree, None for the tree of its layout.
        layout: Its layout, None to detect it.
        columns: The columns that are to be read.
        entries: How many events it should have, None if that is not known.
        missing_triggers: `error` if the file has to have a branch for each trigger, `not-fired` if
            it may lack them; None if one for each of `hlt` and `l1` is enough.
        is_mc: Whether it is simulation.
    """

    tree: str | None
    layout: str | None
    columns: frozenset[str]
    entries: int | None = None
    missing_triggers: MissingTriggers | None = None
    is_mc: bool = False

    @property
    def layouts(self) -> list[Layout]:
        """The layouts that it may have."""
        return [*known_layouts().values()] if self.layout is None else [layout(self.layout)]


def look_into(file: Any, dataset: str, path: str, asked: Asked) -> Inspection:
    """Returns the content of an open file.

    Args:
        file: An open `uproot.ReadOnlyFile`.
        dataset: The name of its dataset.
        path: How messages call it.
        asked: What is to be read.

    Raises:
        InputError: It is not what was asked for.
        FailedFileError: It should not be read.
    """
    # A file that was cut may still have its tree, but not all of its data.
    size = file.source.num_bytes
    if size is not None and size < file.fEND:
        message = f"is cut: {size} bytes, expected {file.fEND}; copy it again"
        raise FailedFileError(message)
    root = file.root_directory
    if origin := read_origin(root):
        _refuse_slim(origin, path)
    name = asked.tree or _find_tree(root, asked.layouts)
    tree = _open_tree(root, name)
    available = tree.keys(recursive=False)
    table = (
        layout(asked.layout)
        if asked.layout
        else detect_layout(available, asked.columns, partial(field_types, tree))
    )
    if table is None:
        message = f"tree {name} has no branch of a known layout ({', '.join(known_layouts())})"
        raise InputError(message, code="ntuples.unknown-layout", path=path)
    table = table.adapted(asked.columns, _types_by_name(tree, table, asked, available))
    table, wanted, warnings = _wanted(table, asked, available)
    there = set(available)
    missing = [row for row in wanted.values() if row.name not in there and not row.absent]
    types = field_types(tree, [branch for branch in wanted if branch in there])
    problems = [_describe_missing(missing, available, name, table)] if missing else []
    problems += [
        text for branch, kind in types.items() if (text := _mistyped(wanted[branch], kind, table))
    ]
    entries = int(tree.num_entries)
    if asked.entries is not None and entries != asked.entries:
        message = f"has {entries} events, expected {asked.entries} according to the dataset file"
        raise FailedFileError(message)
    reference, uuid = table.reference(wanted), str(file.uuid)
    checked = CheckedFile(
        dataset,
        path,
        name,
        reference,
        uuid,
        entries,
        tuple(branch for branch, row in wanted.items() if not row.absent),
        size=file.fEND,
        origin=origin,
        generated=read_generated(root) if asked.is_mc else None,
        blocks=None if asked.is_mc else read_blocks(root),
    )
    return Inspection(dataset, path, checked, file.fEND, tuple(problems), warnings=tuple(warnings))


def _refuse_slim(text: str, path: str) -> None:
    if (origin := parse_origin(text, path)).kind == "slim":
        message = (
            f"holds slim data, the selected candidates of {origin.processor} rather than events, "
            "which are not an input of runs: open it with tau3mu.outputs.load_candidates, or read "
            f"the parent {origin.dataset}"
        )
        raise InputError(message, code="derived.slim-input", path=path)


def wanted_names(asked: Asked) -> Callable[[str], bool]:
    """Returns a function that accepts the names of the branches of the columns, in any layout.

    Args:
        asked: What is to be read.
    """
    tables = known_layouts().values() if asked.layout is None else ()
    return _wanted_names(replace(asked, entries=None), tuple(tables))


@lru_cache(maxsize=16)  # the same is asked of thousands of files
def _wanted_names(asked: Asked, _: tuple[Layout, ...]) -> Callable[[str], bool]:
    triggers = [plain(column).partition(".") for column in asked.columns]
    names = {named(column) for column in asked.columns} | (SUMS if asked.is_mc else BLOCKS)
    for table in asked.layouts:
        levels = tuple(level for level in LEVELS if table.has_triggers(level))
        known = [c for c in asked.columns if table.rows_of(c) or c.partition(".")[0] in levels]
        names.update(table.resolve(known, ()))
    names |= counters(names)
    patterns = [pattern for level, _, pattern in triggers if level in LEVELS]

    @lru_cache(maxsize=10_000)
    def is_wanted(name: str) -> bool:
        return name in names or any(matches(name, pattern) for pattern in patterns)

    return is_wanted


def _find_tree(root: Any, tables: Iterable[Layout]) -> str:
    known = sorted({table.tree for table in tables})
    found = [name for name in known if name in root]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"holds the trees {' and '.join(found)}; say which one to read"
        raise InputError(message, code="dataset.several-trees")
    message = f"has no tree {' or '.join(known)}; it holds {_list_trees(root)}"
    raise InputError(message, code="dataset.no-tree")


def _open_tree(root: Any, name: str) -> Any:
    if name not in root:
        message = f"has no tree {name}; it holds {_list_trees(root)}"
        raise InputError(message, code="dataset.no-tree", path=name)
    # The key knows the class; `classname_of` would read the whole tree for it.
    if (kind := root.key(name).fClassName) not in TREE_CLASSES:
        message = f"{name} is a {kind}, expected a tree; the file holds {_list_trees(root)}"
        raise InputError(message, code="dataset.not-a-tree", path=name)
    return root[name]


def _list_trees(root: Any) -> str:
    names = root.keys(cycle=False, filter_classname=TREE_CLASSES)
    return ", ".join(sorted(set(names))) or "no tree at all"


def _types_by_name(
    tree: Any, table: Layout, asked: Asked, available: Collection[str]
) -> dict[str, str]:
    """Returns the types of the branches by whose names columns are asked for.

    Raises:
        InputError: One of them is nothing that events can have.
    """
    there = set(available)
    by_name = {named(c) for c in asked.columns if not table.rows_of(c)}
    types = field_types(tree, sorted(by_name & there))
    for name, kind in types.items():
        if not TYPES.fullmatch(kind):
            message = (
                f"branch {name!r} is {kind}, expected numbers, booleans, texts or lists of them"
            )
            raise InputError(message, code="ntuples.unknown-type", path=name)
    return dict.fromkeys(there, "") | types


def _mistyped(row: Branch, kind: str, table: Layout) -> str:
    """Returns what is wrong with the type of a branch, if anything."""
    trigger = row.view.partition(".")[0] in LEVELS and not is_list(kind) and kind != "string"
    if kind == row.type or trigger or converts(kind, row.type):
        return ""
    return f"branch {row.name!r} is {kind}, expected {row.type} (layout {table.name})"


def _wanted(
    table: Layout, asked: Asked, available: list[str]
) -> tuple[Layout, dict[str, Branch], list[str]]:
    """Returns the layout for this file, the branches to read, and warnings about triggers.

    Where each trigger is a branch, it is enough by default that one pattern of a level has one:
    menus change from era to era.
    """
    found = table.triggers(asked.columns, available)
    missing: set[str] = set()
    for level in LEVELS:
        lists = f"{level}.name" in table.by_view
        patterns = {column for column in asked.columns if column.startswith(f"{level}.")}
        absent = {column for column in patterns if not found.get(column, lists)}
        optional = {column for column in absent if column.endswith("?")}
        if asked.missing_triggers is None:
            missing |= absent if absent < patterns else optional
        else:
            missing |= optional if asked.missing_triggers == "error" else absent
    warnings = [
        f"no branch for trigger {plain(column)}: it counts as not fired"
        for column in sorted(missing)
    ]
    warnings += [
        f"{column} takes the {len(names)} paths {', '.join(names)}; for one alone, end it with _v"
        for column, names in sorted(found.items())
        if column.startswith("hlt.") and len(names) > 1
    ]
    if missing:
        table = table.with_rows(table.missing_trigger(column) for column in missing)
    branches = table.resolve(asked.columns, available)
    warnings += [
        f"no branch {row.name} for {row.view}: nothing is there"
        for row in branches.values()
        if row.absent and row.view.partition(".")[0] not in LEVELS
    ]
    return table, dict(sorted(branches.items())), warnings


def _describe_missing(
    missing: Iterable[Branch], available: list[str], tree: str, table: Layout
) -> str:
    strangers = [name for name in available if table.find(name) is None]
    names = [
        f"{branch.name!r} for {branch.view}{suggest(branch.name, strangers)}" for branch in missing
    ]
    return f"tree {tree} (layout {table.name}) lacks {', '.join(names)}"
