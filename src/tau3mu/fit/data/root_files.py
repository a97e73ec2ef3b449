"""ROOT files: histograms and trees by their path in the file, with exact errors."""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import uproot

from tau3mu.config.input_files import refuse_special, without_file_scheme
from tau3mu.errors import InputError, suggest
from tau3mu.storage.failures import is_defect, read_errors, reason
from tau3mu.storage.source import LocalSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hist import Hist

__all__ = [
    "find_histogram",
    "find_tree",
    "having",
    "histogram_keys",
    "labels",
    "listed",
    "open_root",
    "to_hist",
    "without_cycles",
]

_TREES = ("TTree", "TNtuple", "TNtupleD", "TChain", "ROOT::RNTuple")
_COLLECTIONS = ("TList", "THashList", "TObjArray")
_LISTED = 20
_CYCLE = re.compile(r";\d+(?=/|$)")


@contextmanager
def open_root(path: str) -> Iterator[Any]:
    """Opens a ROOT file; what goes wrong while it is read becomes one `InputError`.

    Raises:
        InputError: The file is missing, is no ROOT file, or is damaged.
    """
    path = without_file_scheme(path)
    if "://" not in path:
        refuse_special(path)
    try:
        # As a key, since uproot takes what follows a colon of a text for an object of the file.
        source = {} if "://" in path else {"handler": LocalSource}
        with uproot.open({path: None}, **source) as file:
            _check_size(file.file, path)
            yield file
    except InputError:
        raise
    except read_errors() as error:
        if is_defect(error):
            raise
        message = f"cannot read {path} as a ROOT file: {reason(error)}"
        raise InputError(message, code="fit.unreadable-root-file", path=path) from error


def find_histogram(file: Any, key: str) -> Any:
    """Returns the TH1 of a file.

    Args:
        file: An open file.
        key: Its path: directories, and names in lists that were written as one object. The newest
            of several cycles is meant, unless it says which: `mass;1`.

    Raises:
        InputError: It is not there, or is something else.
    """
    found = _find(file, key, "histogram")
    kind = str(found.classname)
    if kind.startswith("TH1"):
        return found
    where = f"{file.file_path}: {key!r} is a {kind}"
    if kind.startswith(("TH2", "TH3")):
        message = f"{where} of {kind[2]} dimensions, but one is fitted; write a projection of it"
    elif kind in _TREES:
        message = f"{where}; give its name as 'tree' and that of a branch as 'column'"
    else:
        message = f"{where}, expected a TH1 with counts"
    raise InputError(message, code="fit.not-a-histogram", path=key)


def find_tree(file: Any, key: str | None) -> Any:
    """Returns a TTree or RNTuple of a file, the only one if no name is given.

    Raises:
        InputError: It is not there, is something else, or there are several to choose from.
    """
    trees = [name for name, kind in _classes(file).items() if kind in _TREES]
    if key is None:
        if len(trees) != 1:
            which = "; say which as 'tree'" if trees else ""
            message = f"{file.file_path}: {having(trees, 'trees')}{which}"
            raise InputError(message, code="fit.missing-tree", path=file.file_path)
        return file[trees[0]]
    found = _find(file, key, "tree")
    if found.classname not in _TREES:
        message = (
            f"{file.file_path}: {key!r} is a {found.classname}, expected a tree; "
            f"{having(trees, 'trees')}"
        )
        raise InputError(message, code="fit.not-a-tree", path=key)
    return found


def histogram_keys(file: Any) -> list[str]:
    """Returns the paths of the TH1 of a file, in the order in which they were written."""
    return [name for name, kind in _classes(file).items() if kind.startswith("TH1")]


def to_hist(histogram: Any, where: str) -> Hist[Any]:
    """Returns a TH1 as a histogram of hist.

    Raises:
        InputError: Its bins have labels, so that they are not intervals.
    """
    if names := labels(histogram):
        message = (
            f"{where} has labelled bins ({listed(names.values())}); a histogram of the fitted "
            "variable has none"
        )
        raise InputError(message, code="fit.labelled-bins", path=where)
    return cast("Hist[Any]", histogram.to_hist())


def labels(histogram: Any) -> dict[int, str]:
    """Returns the labels of the bins of a TH1, by their number, of which the first is 1."""
    found = histogram.member("fXaxis").member("fLabels")
    return {} if found is None else {int(item.member("@fUniqueID")): str(item) for item in found}


def without_cycles(key: str) -> str:
    """Returns the path of an object without the cycles, such as `mass` of `mass;1`."""
    return _CYCLE.sub("", key)


def having(names: Iterable[str], kind: str) -> str:
    """Returns which things of a kind a file has, or that it has none, for a message."""
    every = list(names)
    return f"the file has the {kind} {listed(every)}" if every else f"the file has no {kind}"


def listed(names: Iterable[str]) -> str:
    """Returns names for a message, not more than can be read."""
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return (", ".join(every[:_LISTED]) + more) or "none"


def _check_size(file: Any, path: str) -> None:
    # A file that was cut may still have its keys, but not all of its data.
    size = file.source.num_bytes
    if size is not None and size < file.fEND:
        message = f"{path} is cut: {size} bytes, expected {file.fEND}; copy it again"
        raise InputError(message, code="fit.cut-file", path=path)


def _find(file: Any, key: str, kind: str) -> Any:
    classes = _classes(file)
    if without_cycles(key) in classes:
        return _cycle(file, key, kind)
    parts = key.split("/")
    for depth in range(len(parts) - 1, 0, -1):
        head = "/".join(parts[:depth])
        if classes.get(without_cycles(head)) in _COLLECTIONS:
            collection = _cycle(file, head, "list")
            return _in_collection(collection, f"{file.file_path}: {head}", parts[depth:])
    names = [name for name, found in classes.items() if found != "TDirectory"]
    there = f"it has {listed(names)}" if names else "the file is empty"
    message = f"{file.file_path} has no {kind} {key!r}{suggest(key, names)}; {there}"
    raise InputError(message, code=f"fit.unknown-{kind}", path=key)


def _cycle(file: Any, key: str, kind: str) -> Any:
    """Returns an object whose path is known, unless it has no such cycle."""
    try:
        return file[key]
    except uproot.KeyInFileError as error:
        path = without_cycles(key)
        there = [name for name in file.keys() if without_cycles(name) == path]  # noqa: SIM118
        message = f"{file.file_path} has no {kind} {key!r}; it has {listed(there)}"
        raise InputError(message, code=f"fit.unknown-{kind}", path=key) from error


def _in_collection(collection: Any, where: str, parts: list[str]) -> Any:
    name, *below = parts
    items = {str(item.member("fName")): item for item in collection if item.has_member("fName")}
    if name not in items:
        message = f"{where} has no {name!r}{suggest(name, items)}; it has {listed(items)}"
        raise InputError(message, code="fit.unknown-object", path=name)
    if not below:
        return items[name]
    if items[name].classname not in _COLLECTIONS:
        message = f"{where}/{name} is a {items[name].classname}, which holds no {below[0]!r}"
        raise InputError(message, code="fit.unknown-object", path=below[0])
    return _in_collection(items[name], f"{where}/{name}", below)


def _classes(file: Any) -> dict[str, str]:
    """Returns the class of each object of a file by its path."""
    return {str(name): str(kind) for name, kind in file.classnames(cycle=False).items()}
