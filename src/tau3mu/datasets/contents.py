"""The tree of an open file, compared with what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tau3mu.datasets.checked import CheckedFile, Inspection
from tau3mu.datasets.origin import parse_origin, read_origin
from tau3mu.errors import InputError, suggest
from tau3mu.ntuples.detection import detect_layout
from tau3mu.ntuples.fields import field_types
from tau3mu.ntuples.layout import Branch, Layout, layout, layouts
from tau3mu.ntuples.offsets import counters
from tau3mu.ntuples.table_checks import LEVELS
from tau3mu.ntuples.triggers import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

__all__ = ["Asked", "FailedFileError", "look_into", "wanted_names"]

_TREE_CLASSES: Final = ["TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple"]


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
    """

    tree: str | None
    layout: str | None
    columns: frozenset[str]
    entries: int | None = None

    @property
    def layouts(self) -> list[Layout]:
        """The layouts that it may have."""
        return [*layouts().values()] if self.layout is None else [layout(self.layout)]


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
    table = layout(asked.layout) if asked.layout else detect_layout(available, asked.columns)
    if table is None:
        message = f"tree {name} has no branch of a known layout ({', '.join(layouts())})"
        raise InputError(message, code="ntuples.unknown-layout", path=path)
    wanted, warnings = _wanted(table, asked.columns, available)
    missing = [branch for branch in wanted.values() if branch.name not in available]
    types = field_types(tree, [branch for branch in wanted if branch in available])
    problems = [_describe_missing(missing, available, name, table)] if missing else []
    problems += [
        f"branch {branch!r} is {kind}, expected {wanted[branch].type} (layout {table.name})"
        for branch, kind in types.items()
        if kind != wanted[branch].type
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
        tuple(wanted),
        size=file.fEND,
        origin=origin,
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
    names: set[str] = set()
    triggers = [column.partition(".") for column in asked.columns]
    for table in asked.layouts:
        levels = tuple(level for level in LEVELS if table.has_triggers(level))
        known = [c for c in asked.columns if table.column(c) or c.partition(".")[0] in levels]
        names.update(table.resolve(known, ()))
    names |= counters(names)
    patterns = [pattern for level, _, pattern in triggers if level in LEVELS]
    return lambda name: name in names or any(matches(name, pattern) for pattern in patterns)


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
    if (kind := root.key(name).fClassName) not in _TREE_CLASSES:
        message = f"{name} is a {kind}, expected a tree; the file holds {_list_trees(root)}"
        raise InputError(message, code="dataset.not-a-tree", path=name)
    return root[name]


def _list_trees(root: Any) -> str:
    names = root.keys(cycle=False, filter_classname=_TREE_CLASSES)
    return ", ".join(sorted(set(names))) or "no tree at all"


def _wanted(
    table: Layout, columns: Collection[str], available: list[str]
) -> tuple[dict[str, Branch], list[str]]:
    """Returns the branches to read, and warnings about triggers.

    Where each trigger is a branch, it is enough that one pattern of a level has one: menus change
    from era to era.
    """
    found = table.triggers(columns, available)
    dropped: set[str] = set()
    for level in LEVELS:
        patterns = {column for column in found if column.startswith(f"{level}.")}
        absent = {column for column in patterns if not found[column]}
        if absent < patterns:
            dropped |= absent
    warnings = [
        f"no branch for trigger {column}: it counts as not fired" for column in sorted(dropped)
    ]
    warnings += [
        f"{column} takes the {len(names)} paths {', '.join(names)}; for one alone, end it with _v"
        for column, names in sorted(found.items())
        if column.startswith("hlt.") and len(names) > 1
    ]
    branches = table.resolve(set(columns) - dropped, available)
    return dict(sorted(branches.items())), warnings


def _describe_missing(
    missing: Iterable[Branch], available: list[str], tree: str, table: Layout
) -> str:
    strangers = [name for name in available if table.find(name) is None]
    names = [
        f"{branch.name!r} for {branch.view}{suggest(branch.name, strangers)}" for branch in missing
    ]
    return f"tree {tree} (layout {table.name}) lacks {', '.join(names)}"
