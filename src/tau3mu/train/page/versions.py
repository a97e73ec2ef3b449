"""Versions of registered datasets as the page shows them, read once while their files stay."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tau3mu.datasets.short import view_entries
from tau3mu.errors import InputError, Tau3muError, suggest
from tau3mu.train.dataset_changes import change_between
from tau3mu.train.registered import check_unchanged, read_registered

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.registered import RegisteredDataset, Registration
    from tau3mu.train.store import Store

__all__ = ["Version", "all_versions", "change", "dataset_names", "problem_of", "short_views"]

_REMEMBERED: Final = 2048
_FRACTIONS: Final = (0.001, 0.01, 0.1)


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


def problem_of(version: Version) -> str:
    """Returns what is wrong with the file of a version, empty if nothing is.

    Args:
        version: The version.
    """
    return version.problem or _unchanged(version.path, *_stamp(version.path))


def short_views(dataset: RegisteredDataset) -> list[dict[str, Any]]:
    """Returns a row for some short views of a dataset: their names and events.

    Args:
        dataset: The whole of it.
    """
    if dataset.linked is not None:
        return []
    return [
        {
            "view": f"{dataset.name}@short:{fraction:g}",
            "events": sum(view_entries(file.entries, fraction) for file in dataset.files),
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
        found = read_registered(path)
    except (Tau3muError, OSError) as error:
        return Version(path, name, version, problem=str(error))
    parent = found.parent
    return Version(
        path, name, version, len(found.files), found.events, found.size,
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
    )  # fmt: skip


@lru_cache(maxsize=_REMEMBERED)
def _change(before: Path, after: Path, *_stamps: tuple[int, ...]) -> str:
    try:
        return str(change_between(read_registered(before), read_registered(after)))
    except (Tau3muError, OSError) as error:
        return f"not known: {error}"


@lru_cache(maxsize=_REMEMBERED)
def _unchanged(path: Path, *_stamps: int) -> str:
    try:
        check_unchanged(read_registered(path))
    except (Tau3muError, OSError) as error:
        return str(error)
    return ""
