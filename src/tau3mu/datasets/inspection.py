"""One file in the preflight: opened once, compared with what is asked of it."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import uproot
from uproot.interpretation.identify import UnknownInterpretation
from uproot.interpretation.objects import CannotBeAwkward

from tau3mu.datasets.checked import CheckedFile, Inspection
from tau3mu.datasets.checksum import verify_checksum
from tau3mu.datasets.dataset import FileDetails
from tau3mu.errors import InputError, suggest
from tau3mu.ntuples.layout import Branch, Layout, detect_layout, layouts
from tau3mu.ntuples.opened import keep_open
from tau3mu.ntuples.printable import printable
from tau3mu.ntuples.reader import ReadError
from tau3mu.ntuples.remote import (
    client_options,
    forget_connections,
    in_order,
    is_set_aside,
    set_aside,
)
from tau3mu.ntuples.tree import counters, open_file
from tau3mu.ntuples.triggers import matches
from tau3mu.ntuples.unreadable import (
    Severity,
    advice,
    decisive,
    is_defect,
    read_errors,
    reason,
    severity,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

__all__ = ["inspect_file"]

_TREE_CLASSES = ["TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple"]
_LEVELS = ("hlt", "l1")


class _BadFileError(Exception):
    """Is raised when a file can be opened but should not be read."""


_WAITS: Final = (1.0, 4.0)
"""Seconds before a server that did not answer is asked again."""

_NO_DETAILS: Final = FileDetails()


def inspect_file(
    dataset: str,
    path: str,
    tree: str | None,
    columns: Collection[str],
    details: FileDetails = _NO_DETAILS,
    *,
    verify: bool = False,
    keep: bool = False,
) -> Inspection:
    """Returns what a file holds, or what keeps it from being read.

    Its replicas are tried in order until one can be read, those that do not answer several times.

    Args:
        dataset: The name of its dataset.
        path: A local path or a URL.
        tree: The name of the tree, None for the tree of a known layout.
        columns: The columns that processors read, such as `triplet.mass` and `hlt.PATTERN`.
        details: What the dataset file says of it beside its tree.
        verify: Whether to look at all replicas and their checksums, and to leave out those that
            are not what they should be.
        keep: Whether this process is going to read it, so that it should stay open.

    Raises:
        InputError: A library for the protocol or the compression is not installed.
    """
    places = (path, *details.replicas)

    def look_at_all() -> list[Inspection]:
        looks = []
        for place in in_order(places):
            look = _look(dataset, place, tree, columns, details, verify=verify, keep=keep)
            looks.append(look)
            if looks[-1].severity in {None, "run"} and not verify:
                break
        return looks

    # Once is enough for servers that have been found to be down.
    waits = () if all(map(is_set_aside, places)) else _WAITS
    looks = look_at_all()
    for wait in waits:
        if decisive(look.severity for look in looks) != "retry":
            break
        time.sleep(wait)
        looks = look_at_all()
    return _summary(path, places, looks, details, verify=verify)


def _summary(
    path: str,
    places: Sequence[str],
    looks: Sequence[Inspection],
    details: FileDetails,
    *,
    verify: bool,
) -> Inspection:
    bad = [look for look in looks if look.severity is not None]
    good = [look for look in looks if look.severity is None]
    if not good:
        problem = bad[0].problems[0]
        if len(places) > 1:
            texts = [f"{printable(b.path)}: {b.problems[0].removeprefix(_CANNOT)}" for b in bad]
            problem = _CANNOT + "; ".join(texts)
        worst = decisive(look.severity for look in bad)
        return replace(bad[0], path=path, problems=(problem,), severity=worst)
    best = good[0]
    passed = tuple((look.path, look.problems[0].removeprefix(_CANNOT)) for look in bad)
    if (file := best.file) is not None:
        # What does not answer now may do so later; what is damaged will not be whole.
        out = {look.path for look in bad if verify or look.severity != "retry"}
        others = [look for look in good[1:] if look.file and look.file.uuid != file.uuid]
        passed += tuple((look.path, "is another file (its UUID differs)") for look in others)
        out |= {look.path for look in others} | {file.path}
        replicas = tuple(place for place in places if place not in out)
        listed = path if file.path != path else ""
        file = replace(file, replicas=replicas, checksum=details.checksum, listed=listed)
    return replace(best, path=path, file=file, unavailable=passed)


_CANNOT: Final = "cannot be read: "


def _look(
    dataset: str,
    path: str,
    tree: str | None,
    columns: Collection[str],
    details: FileDetails,
    *,
    verify: bool,
    keep: bool,
) -> Inspection:
    """Returns what one replica holds, or why it cannot be read."""
    kind: Severity | None = None
    try:
        _refuse_no_text(path)
        if verify:
            verify_checksum(path, details.checksum)
        with ExitStack() as stack:
            file = open_file(path, _wanted_names(columns), **client_options(path))
            stack.enter_context(file)
            inspection = _inspect(file, dataset, path, tree, columns, details.entries)
            checked = None if inspection.problems else inspection.file
            if keep and checked and keep_open(path, checked.branches, file):
                stack.pop_all()
            return inspection
    except InputError as error:
        problem = str(error)
    except ReadError as error:
        problem, kind = str(error).removeprefix(f"{printable(path)}: "), error.severity
    except ImportError as error:
        message = f"{printable(path)} cannot be read here: {error}"
        raise InputError(message) from error
    except _BadFileError as error:
        problem, kind = str(error), "file"
    except FileNotFoundError:
        problem, kind = "no such file: check the path and the prefix", "file"
    except read_errors() as error:
        if is_defect(error):
            raise
        problem, kind = f"{_CANNOT}{reason(error)}{advice(error)}", severity(error)
    if kind == "retry":
        set_aside(path)
        forget_connections(path)
    return Inspection(dataset, path, problems=(problem,), severity=kind)


def _refuse_no_text(path: str) -> None:
    # Python stands such bytes in for by halves of characters, which nothing can write down.
    if any("\ud800" <= character <= "\udfff" for character in path):
        message = "has a name that is not UTF-8: rename it, or link to it by another name"
        raise _BadFileError(message)


def _inspect(
    file: Any,
    dataset: str,
    path: str,
    asked: str | None,
    columns: Collection[str],
    expected: int | None,
) -> Inspection:
    # A file that was cut may still have its tree, but not all of its data.
    size = file.source.num_bytes
    if size is not None and size < file.fEND:
        message = f"is cut: {size} bytes, expected {file.fEND}; copy it again"
        raise _BadFileError(message)
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
    if expected is not None and entries != expected:
        message = f"has {entries} events, expected {expected} according to the dataset file"
        raise _BadFileError(message)
    checked = CheckedFile(dataset, path, name, layout.name, str(file.uuid), entries, tuple(wanted))
    return Inspection(dataset, path, checked, file.fEND, tuple(problems), notes=tuple(notes))


def _wanted_names(columns: Collection[str]) -> Callable[[str], bool]:
    """Returns what tells the branches that hold the columns, in whatever layout."""
    names: set[str] = set()
    for layout in layouts().values():
        known = [c for c in columns if c in layout.by_view or c.partition(".")[0] in _LEVELS]
        names.update(layout.resolve(known, ()))
    names |= counters(names)
    patterns = [c.partition(".")[2] for c in columns if c.partition(".")[0] in _LEVELS]
    return lambda name: name in names or any(matches(name, pattern) for pattern in patterns)


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
