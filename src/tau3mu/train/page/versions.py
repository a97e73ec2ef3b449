"""Versions of registered datasets as the page shows them, read once while their files stay."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pydantic_core import from_json

from tau3mu.datasets.short import view_entries
from tau3mu.errors import InputError, Tau3muError, suggest
from tau3mu.train.dataset_changes import change_between
from tau3mu.train.registered import RegisteredDataset, read_registered

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.registered import Registration
    from tau3mu.train.store import Store

__all__ = ["File", "Version", "all_versions", "change", "dataset_names", "files_of", "short_views"]

_REMEMBERED: Final = 2048
_HUGE: Final = 2**63
_FRACTIONS: Final = (0.001, 0.01, 0.1)


class File(NamedTuple):
    """A file of a version."""

    path: str
    tree: str
    uuid: str
    entries: int
    size: int | None
    checksum: str | None
    replicas: int


@dataclass(frozen=True, eq=False)
class Version:
    """A version of a dataset without its files, of which there may be ten thousand.

    It is the same object as long as its file stays.

    Attributes:
        path: Of its file.
        name: Of the dataset.
        version: Its hash, the name of the file.
        files: How many.
        events: In them.
        size: Bytes of all files, None if some are not known.
        entries: The events of each file.
        marks: What tells whether each file is one of another version too: a hash of tree, UUID and
            events, 64 bits with which ten thousand have one in common with odds of 10⁻¹¹.
        content: The version with its first file only; None for a damaged file.
        facts: What else is known, such as `era`.
        parent: The parent as a text, empty without one.
        registered: When and by whom; none for a damaged file.
        problem: Why its file cannot be read, empty if it can.
    """

    path: Path
    name: str
    version: str
    files: int = 0
    events: int = 0
    size: int | None = None
    entries: array[int] = field(default_factory=lambda: array("q"), repr=False)
    marks: array[int] = field(default_factory=lambda: array("q"), repr=False)
    content: RegisteredDataset | None = field(default=None, repr=False)
    facts: tuple[tuple[str, Any], ...] = ()
    parent: str = ""
    parent_dataset: str = ""
    parent_version: str = ""
    parent_train: int | None = None
    registered: tuple[Registration, ...] = ()
    problem: str = ""

    @property
    def order(self) -> tuple[int, str]:
        """By which the last version is the current one."""
        return (
            (self.registered[-1].number, self.registered[-1].when) if self.registered else (0, "")
        )

    @property
    def fact(self) -> dict[str, Any]:
        """Further facts by name."""
        return dict(self.facts)


def dataset_names(store: Store) -> list[str]:
    """Returns the names of all registered datasets.

    Args:
        store: Where they are.
    """
    folder = store.datasets
    return sorted(path.name for path in folder.iterdir() if _files(path)) if folder.is_dir() else []


def all_versions(store: Store, name: str) -> list[Version]:
    """Returns the versions of a dataset; the last one is the current one.

    Args:
        store: Where they are.
        name: Of the dataset.

    Raises:
        InputError: There is no such dataset.
    """
    names = dataset_names(store)
    if name not in names:
        message = f"there is no dataset {name!r}{suggest(name, names)}"
        raise InputError(message, code="train.unknown-dataset", path=name)
    found = [_version(path, *_stamp(path)) for path in _files(store.datasets / name)]
    return sorted(found, key=lambda version: version.order)


def change(before: Version, after: Version) -> str:
    """Returns how a version differs from another, as a text.

    Args:
        before: The older one.
        after: The newer one.
    """
    if before.path == after.path:
        return "nothing"
    if problem := before.problem or after.problem:
        return f"not known: {problem}"
    return _change(before, after)


def files_of(version: Version, begin: int, end: int) -> list[File]:
    """Returns some files of a version.

    Args:
        version: The version.
        begin: The number of the first one, from 0.
        end: That of the first one that is not returned.
    """
    return [_as_file(one) for one in _read(version.path)[1][begin:end]]


def short_views(version: Version) -> list[dict[str, Any]]:
    """Returns a row for some short views of a dataset: their names and events; none of linked data.

    Args:
        version: Of the whole of it.
    """
    if version.content is None or version.content.linked is not None:
        return []
    return [
        {
            "view": f"{version.name}@short:{fraction:g}",
            "events": sum(view_entries(entries, fraction) for entries in version.entries),
        }
        for fraction in _FRACTIONS
    ]


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))
    except OSError:
        return []


def _stamp(path: Path) -> tuple[int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return 0, 0, 0
    return status.st_size, status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=_REMEMBERED)
def _version(path: Path, *_stamps: int) -> Version:
    name, version = path.parent.name, path.stem
    try:
        found, files = _read(path)
        entries = array("q", [file["entries"] for file in files])
    except (Tau3muError, OSError, OverflowError) as error:
        return Version(path, name, version, problem=str(error))
    parent = found.parent
    is_linked = found.linked is not None
    sizes = [None] if is_linked else [file.get("size") for file in files]
    return Version(
        path,
        name,
        version,
        files=len(files),
        events=found.events if is_linked else sum(entries),
        size=None if None in sizes else sum(size or 0 for size in sizes),
        entries=entries,
        marks=array("q", [hash((one["tree"], one["uuid"], one["entries"])) for one in files]),
        content=found,
        facts=(
            ("era", found.era),
            ("kind", "simulation" if found.is_mc else "data"),
            ("luminosity [fb⁻¹]", found.lumi),
            ("cross section [pb]", found.cross_section),
            ("layout", found.layout),
            ("certified runs", len(found.certification) if found.certification else None),
            ("active", found.active),
            ("description", found.description),
            *((f"{key}", str(value)) for key, value in found.extra.items()),
        ),
        parent=str(parent) if parent else "",
        parent_dataset=(parent.dataset or "") if parent else "",
        parent_version=(parent.version or "") if parent else "",
        parent_train=parent.train if parent else None,
        registered=found.registered,
    )


@lru_cache(maxsize=_REMEMBERED)
def _change(before: Version, after: Version) -> str:
    old, new = Counter(before.marks), Counter(after.marks)
    try:
        if old == new:  # then all of their checksums count
            files = [[*map(_as_file, _read(one.path)[1])] for one in (before, after)]
        else:
            files = [_marked(before, old - new), _marked(after, new - old)]
        return str(change_between(_with(before, files[0]), _with(after, files[1])))
    except (Tau3muError, OSError) as error:
        return f"not known: {error}"


def _marked(version: Version, marks: Counter[int]) -> list[Any]:
    """Returns files as a comparison needs them."""
    entries = dict(zip(version.marks, version.entries, strict=True))
    return [SimpleNamespace(tree="", uuid=mark, entries=entries[mark]) for mark in marks.elements()]


def _with(version: Version, files: list[Any]) -> Any:
    facts = {name: getattr(version.content, name) for name in RegisteredDataset.model_fields}
    return SimpleNamespace(**(facts | {"files": files}))


def _read(path: Path) -> tuple[RegisteredDataset, list[dict[str, Any]]]:
    """Returns a version with one file only, and all of its files.

    Raises:
        InputError: The file of the version is damaged.
    """
    try:
        content = from_json(path.read_bytes())
        files = content["files"]
        if not files or not all(map(_is_right, files)):
            return _strictly(path)
        one = {"path": "-", "tree": "-", "layout": "", "uuid": "", "entries": 0}
        found = RegisteredDataset.model_validate_json(json.dumps(content | {"files": [one]}))
    except (ValueError, TypeError, KeyError, AttributeError):
        return _strictly(path)
    if (found.name, found.version) != (path.parent.name, path.stem):
        return _strictly(path)
    return found, files


def _as_file(content: dict[str, Any]) -> File:
    return File(
        content["path"],
        content["tree"],
        content["uuid"],
        content["entries"],
        content.get("size"),
        content.get("checksum"),
        len(content.get("replicas", ())),
    )


def _is_right(file: dict[str, Any]) -> bool:
    """Returns whether the values have the types that they should have."""
    size = file.get("size")
    return (
        type(file["path"]) is type(file["tree"]) is type(file["uuid"]) is str
        and type(file["entries"]) is int
        and 0 <= file["entries"] < _HUGE
        and (size is None or type(size) is int)
    )


def _strictly(path: Path) -> tuple[RegisteredDataset, list[dict[str, Any]]]:
    """Returns a version as everybody else reads it, which says what is wrong with it."""
    found = read_registered(path)
    files = [one.model_dump(mode="json") for one in found.files]
    return found.model_copy(update={"files": found.files[:1]}), files
