"""One file in the preflight: opened once, compared with what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import uproot
from uproot.interpretation.identify import UnknownInterpretation
from uproot.interpretation.objects import CannotBeAwkward

from tau3mu.errors import InputError, suggest
from tau3mu.ntuples.layout import Branch, Layout, detect_layout, layouts
from tau3mu.ntuples.tree import open_file
from tau3mu.ntuples.unreadable import read_errors, reason

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["CheckedFile", "Inspection", "inspect_file"]

_TREE_CLASSES = ["TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple"]
_LEVELS = ("hlt", "l1")


@dataclass(frozen=True)
class CheckedFile:
    """A file that can be read.

    Attributes:
        dataset: The name of its dataset.
        path: The file, an absolute path or a URL.
        tree: The name of the tree.
        layout: The name of the layout of the tree.
        uuid: The UUID that ROOT gave to the file.
        entries: The number of entries of the tree.
        branches: The branches that hold the columns asked for, in alphabetical order.
    """

    dataset: str
    path: str
    tree: str
    layout: str
    uuid: str
    entries: int
    branches: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """What was found in a file; it can be read if there are no problems."""

    dataset: str
    path: str
    file: CheckedFile | None = None
    size: int = 0
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def inspect_file(dataset: str, path: str, tree: str | None, columns: Collection[str]) -> Inspection:
    """Returns what a file holds, or what keeps it from being read.

    Args:
        dataset: The name of its dataset.
        path: A local path or a URL.
        tree: The name of the tree, None for the tree of a known layout.
        columns: The columns that processors read, such as `triplet.mass` and `hlt.PATTERN`.

    Raises:
        InputError: A library for the protocol or the compression is not installed.
    """
    try:
        with open_file(path, _names(columns).__contains__) as file:
            return _inspect(file, dataset, path, tree, columns)
    except InputError as error:
        problem = str(error)
    except ImportError as error:
        message = f"{path} cannot be read here: {error}"
        raise InputError(message) from error
    except FileNotFoundError:
        problem = "no such file: check the path and the prefix"
    except read_errors() as error:
        problem = f"cannot be read: {reason(error)}"
    return Inspection(dataset, path, problems=(problem,))


def _inspect(
    file: Any, dataset: str, path: str, asked: str | None, columns: Collection[str]
) -> Inspection:
    # A file that was cut may still have its tree, but not all of its data.
    size = file.source.num_bytes
    if size is not None and size < file.fEND:
        message = f"is cut: {size} bytes, expected {file.fEND}; copy it again"
        raise InputError(message)
    root = file.root_directory
    name = asked or _find_tree(root)
    tree = _open_tree(root, name)
    available = tree.keys(recursive=False)
    layout = detect_layout(available)
    if layout is None:
        message = f"tree {name} has no branch of a known layout ({', '.join(layouts())})"
        raise InputError(message)
    wanted, notes = _wanted(layout, columns, available)
    missing = [branch for branch in wanted.values() if branch.name not in available]
    types = _types(tree, [branch for branch in wanted if branch in available])
    problems = [_describe_missing(missing, available, name, layout)] if missing else []
    problems += [
        f"branch {branch!r} is {kind}, expected {wanted[branch].type} (layout {layout.name})"
        for branch, kind in types.items()
        if kind != wanted[branch].type
    ]
    entries = int(tree.num_entries)
    checked = CheckedFile(dataset, path, name, layout.name, str(file.uuid), entries, tuple(wanted))
    return Inspection(dataset, path, checked, file.fEND, tuple(problems), tuple(notes))


def _names(columns: Collection[str]) -> frozenset[str]:
    """Returns the branches that hold the columns, in whatever layout."""
    names: set[str] = set()
    for layout in layouts().values():
        known = [c for c in columns if c in layout.by_view or c.partition(".")[0] in _LEVELS]
        names.update(layout.resolve(known, ()))
    return frozenset(names)


def _find_tree(root: Any) -> str:
    known = sorted({layout.tree for layout in layouts().values()})
    found = [name for name in known if name in root]
    if len(found) == 1:
        return found[0]
    if found:
        message = f"holds the trees {' and '.join(found)}; say which one to read"
        raise InputError(message)
    message = f"has no tree {' or '.join(known)}; it holds {_list_trees(root)}"
    raise InputError(message)


def _open_tree(root: Any, name: str) -> Any:
    if name not in root:
        message = f"has no tree {name}; it holds {_list_trees(root)}"
        raise InputError(message)
    # The key knows the class; `classname_of` would read the whole tree for it.
    if (kind := root.key(name).fClassName) not in _TREE_CLASSES:
        message = f"{name} is a {kind}, expected a tree; the file holds {_list_trees(root)}"
        raise InputError(message)
    return root[name]


def _list_trees(root: Any) -> str:
    names = root.keys(cycle=False, filter_classname=_TREE_CLASSES)
    return ", ".join(sorted(set(names))) or "no tree at all"


def _wanted(
    layout: Layout, columns: Collection[str], available: list[str]
) -> tuple[dict[str, Branch], list[str]]:
    """Returns the branches to read, and notes on triggers that the file knows nothing of.

    Where each trigger is a branch, it is enough that one pattern of a level has one: menus change
    from era to era.
    """
    dropped: set[str] = set()
    notes: list[str] = []
    for level in _LEVELS:
        if f"{level}.*" not in layout.by_view:
            continue
        patterns = {column for column in columns if column.startswith(f"{level}.")}
        absent = {
            p for p in patterns if not layout.resolve([p], available).keys() <= set(available)
        }
        if absent < patterns:
            dropped |= absent
            notes += [
                f"no branch for trigger {column}: it counts as not fired"
                for column in sorted(absent)
            ]
    branches = layout.resolve(set(columns) - dropped, available)
    return dict(sorted(branches.items())), notes


def _describe_missing(
    missing: Iterable[Branch], available: list[str], tree: str, layout: Layout
) -> str:
    strangers = [name for name in available if layout.find(name) is None]
    names = [
        f"{branch.name!r} for {branch.view}{suggest(branch.name, strangers)}" for branch in missing
    ]
    return f"tree {tree} (layout {layout.name}) lacks {', '.join(names)}"


def _types(tree: Any, branches: list[str]) -> dict[str, str]:
    if isinstance(tree, uproot.behaviors.RNTuple.HasFields):
        kind = tree.arrays(branches, entry_stop=0).type.content
        return {name: str(kind.content(name)) for name in branches}
    return {name: _branch_type(tree[name], tree.file) for name in branches}


def _branch_type(branch: Any, file: Any) -> str:
    try:
        return str(branch.interpretation.awkward_form(file).type)
    except (UnknownInterpretation, CannotBeAwkward):
        return "nothing that can be read"
