"""Versions of registered datasets as the page shows them, read once while their files stay."""

from __future__ import annotations

import json
from dataclasses import dataclass
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
_FRACTIONS: Final = (0.001, 0.01, 0.1)


class File(NamedTuple):
    """A file of a version; objects of the registry would take 40 MB for ten thousand."""

    path: str
    tree: str
    uuid: str
    entries: int
    size: int | None
    checksum: str | None
    replicas: int


@dataclass(frozen=True)
class Version:
    """A version of a dataset without its files, of which there may be ten thousand.

    Attributes:
        path: Of its file.
        name: Of the dataset.
        version: Its hash, the name of the file.
        files: How many.
        events: In them.
        size: Bytes of all files, None if some are not known.
        linked: Whether only some events of the files are meant.
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
    linked: bool = False
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
    return _change(before.path, after.path, _stamp(before.path), _stamp(after.path))


def files_of(version: Version, begin: int, end: int) -> list[File]:
    """Returns some files of a version.

    Args:
        version: The version.
        begin: The number of the first one, from 0.
        end: That of the first one that is not returned.
    """
    return _read(version.path)[1][begin:end]


def short_views(version: Version) -> list[dict[str, Any]]:
    """Returns a row for some short views of a dataset: their names and events; none of linked data.

    Args:
        version: Of the whole of it.
    """
    if version.linked or version.problem:
        return []
    return [
        {"view": f"{version.name}@short:{fraction:g}", "events": events}
        for fraction, events in _short(version.path, *_stamp(version.path))
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
    except (Tau3muError, OSError) as error:
        return Version(path, name, version, problem=str(error))
    parent = found.parent
    is_linked = found.linked is not None
    sizes = [None] if is_linked else [file.size for file in files]
    return Version(
        path,
        name,
        version,
        files=len(files),
        events=found.events if is_linked else sum(file.entries for file in files),
        size=None if None in sizes else sum(size or 0 for size in sizes),
        linked=is_linked,
        facts=(
            ("era", found.era),
            ("kind", "simulation" if found.is_mc else "data"),
            ("luminosity [fb⁻¹]", found.lumi),
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
def _short(path: Path, *_stamps: int) -> list[tuple[float, int]]:
    entries = [file.entries for file in _read(path)[1]]
    return [(one, sum(view_entries(n, one) for n in entries)) for one in _FRACTIONS]


@lru_cache(maxsize=_REMEMBERED)
def _change(before: Path, after: Path, *_stamps: tuple[int, ...]) -> str:
    try:
        return str(change_between(_slim(before), _slim(after)))
    except (Tau3muError, OSError) as error:
        return f"not known: {error}"


def _slim(path: Path) -> Any:
    """Returns a version with its files as a comparison needs them."""
    found, files = _read(path)
    facts = {name: getattr(found, name) for name in RegisteredDataset.model_fields}
    return SimpleNamespace(**(facts | {"files": files}))


def _read(path: Path) -> tuple[RegisteredDataset, list[File]]:
    """Returns a version with one file only, and all of its files.

    Raises:
        InputError: The file of the version is damaged.
    """
    try:
        content = from_json(path.read_bytes())
        files = [_as_file(one) for one in content["files"]]
        if not files or not all(map(_is_right, files)):
            return _strictly(path)
        one = {"path": "-", "tree": "-", "layout": "", "uuid": "", "entries": 0}
        found = RegisteredDataset.model_validate_json(json.dumps(content | {"files": [one]}))
    except (ValueError, TypeError, KeyError):
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


def _is_right(file: File) -> bool:
    """Returns whether the values have the types that they should have."""
    texts = isinstance(file.path, str) and isinstance(file.tree, str) and isinstance(file.uuid, str)
    return texts and isinstance(file.entries, int) and isinstance(file.size, int | None)


def _strictly(path: Path) -> tuple[RegisteredDataset, list[File]]:
    """Returns a version as everybody else reads it, which says what is wrong with it."""
    found = read_registered(path)
    return found, [_as_file(one.model_dump(mode="json")) for one in found.files]
