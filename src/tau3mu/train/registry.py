"""The registry of a store: datasets by name, with all their versions and where they come from.

A version is a file, `STORE/datasets/NAME/VERSION.json`, and is named by a hash of the content of
the dataset. That two processes register at a time loses nothing: the files are written atomically,
under a lock, after the data files were opened.
"""

from __future__ import annotations

import getpass
import os
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from tau3mu.datasets.versions import dataset_version
from tau3mu.errors import InputError, suggest
from tau3mu.redaction import redact
from tau3mu.storage.files import disk_error, json_text, make_folder, write_text
from tau3mu.storage.lock import locked
from tau3mu.train.dataset_changes import DatasetChange, change_between
from tau3mu.train.index import update
from tau3mu.train.references import Use, recorded_uses, refuse_in_use
from tau3mu.train.registered import (
    Parent,
    RegisteredDataset,
    Registration,
    check_unchanged,
    read_registered,
    registered_files,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.datasets.certification import Certification
    from tau3mu.train.store import Store

__all__ = ["Added", "Registry"]

_WAIT: Final = 60.0
_SHORTEST: Final = 4
"""Digits of a version that are enough, if no other version begins with them."""


@dataclass(frozen=True)
class Added:
    """What `Registry.add` has done.

    Attributes:
        dataset: The version that the dataset has now.
        before: The version that it had before, None if it is new.
        change: How the files and facts differ from it; all of them are new without one.
        written: Whether anything was written.
    """

    dataset: RegisteredDataset
    before: RegisteredDataset | None
    change: DatasetChange
    written: bool

    @property
    def text(self) -> str:
        """What has happened, such as "+2 files, +40,000 events"."""
        if self.before is None:
            return "new"
        if self.change:
            return str(self.change)
        return "other places, parent or description" if self.written else "nothing has changed"


class Registry:
    """The registered datasets of a store.

    Attributes:
        folder: Where they are.
    """

    def __init__(self, store: Store) -> None:
        """Creates the object; there need not be anything yet.

        Args:
            store: The store.
        """
        self.store = store
        self.folder = store.datasets

    def names(self) -> list[str]:
        """Returns the names of all registered datasets."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if _files_of(path))

    def versions(self, name: str) -> list[RegisteredDataset]:
        """Returns all versions of a dataset; the last one is the current one.

        Args:
            name: Of the dataset.

        Raises:
            InputError: There is no such dataset, or the file of a version is damaged.
        """
        files = _files_of(self.folder / name) if name in self.names() else []
        if not files:
            raise self._unknown(name)
        found = [read_registered(path) for path in files]
        return sorted(found, key=lambda version: (version.last.number, version.last.when))

    def get(self, reference: str) -> RegisteredDataset:
        """Returns a version of a dataset.

        Args:
            reference: `NAME` for the current version, or `NAME@VERSION`, of which the first digits
                are enough.

        Raises:
            InputError: There is no such dataset or version, or its file is damaged.
        """
        name, _, version = reference.partition("@")
        if not version:
            return self.versions(name)[-1]
        if name not in self.names():
            raise self._unknown(name)
        files = _files_of(self.folder / name)
        begin = [path for path in files if path.stem.startswith(version)]
        same = [path for path in files if path.stem == version]
        found = same or (begin if len(version) >= _SHORTEST else [])
        if len(found) == 1:
            return read_registered(found[0])
        what = "no version" if not found else "more than one version"
        known = ", ".join(path.stem for path in files)
        message = f"dataset {name!r} has {what} {version!r}; there are {known}"
        raise InputError(message, code="train.unknown-version", path=reference)

    def ancestors(self, dataset: RegisteredDataset) -> list[RegisteredDataset]:
        """Returns the registered datasets from which one was made, its parent first.

        Args:
            dataset: A version of a dataset.

        Raises:
            InputError: A parent is missing, or a dataset would be made from itself.
        """
        names, found = [dataset.name], []
        current = dataset
        while (parent := current.parent) is not None:
            self._check_parent(current.name, parent)
            if parent.dataset is None or not self._holds(parent):
                break
            names.append(parent.dataset)
            if parent.dataset in names[:-1]:
                message = f"dataset {dataset.name!r} is made from itself: {' <- '.join(names)}"
                raise InputError(message, code="train.dataset-cycle", path=dataset.name)
            current = self.get(f"{parent.dataset}@{parent.version}")
            found.append(current)
        return found

    def uses(self) -> dict[str, list[Use]]:
        """Returns what refers to datasets, by their names: first datasets, then trains and tests.

        Raises:
            InputError: The record of a dataset, a train or a test is damaged.
        """
        found: dict[str, list[Use]] = {}
        for name in self.names():
            for child in self.versions(name):
                if (parent := child.parent) is not None and parent.dataset is not None:
                    use = Use("dataset", f"{child.name}@{child.version}", parent.version or "")
                    found.setdefault(parent.dataset, []).append(use)
        for name, uses in recorded_uses(self.store).items():
            found.setdefault(name, []).extend(uses)
        return found

    def add(
        self,
        dataset: Dataset,
        files: Sequence[CheckedFile],
        *,
        parent: Parent | None = None,
        description: str | None = None,
        active: bool | None = None,
    ) -> Added:
        """Registers a dataset, or a new version of one, unless nothing has changed.

        Args:
            dataset: Its facts and where its files are.
            files: All of its files as the preflight found them.
            parent: What it was made from; that of the version before by default.
            description: A line for other people; that of the version before by default.
            active: Whether new trains may read it; as before by default, else True.

        Raises:
            InputError: The name or a path cannot be registered, the parent is missing, or the
                dataset would be made from itself.
            RunError: It cannot be written.
        """
        _check(dataset)
        version = dataset_version(dataset, files)
        with self._changing():
            past = self.versions(dataset.name) if dataset.name in self.names() else []
            before = past[-1] if past else None
            if before:
                check_unchanged(before)
            same = next((one for one in past if one.version == version), None)
            certified = dataset.certification
            content = RegisteredDataset(
                name=dataset.name, version=version, files=registered_files(dataset, files),
                era=dataset.era, is_mc=dataset.is_mc, lumi=dataset.lumi,
                extra=dict(dataset.extra), layout=dataset.layout,
                certification=None if certified is None else _ranges(certified),
                linked=dataset.linked, energy=dataset.energy,
                cross_section=dataset.cross_section, lumi_source=dataset.lumi_source,
                brilcalc=dataset.brilcalc, generated=dataset.generated,
                linked_events=_links_of(dataset),
                parent=parent or (before.parent if before else None),
                description=(before.description if before else "")
                if description is None else description,
                active=(before.active if before else True) if active is None else active,
                registered=same.registered if same else (_now(1),),
            )  # fmt: skip
            self.ancestors(content)
            if same is None or same is not before:
                number = before.last.number + 1 if before else 1
                registered = (*(same.registered if same else ()), _now(number))
                content = content.model_copy(update={"registered": registered})
            change = change_between(before, content) if before else DatasetChange()
            if written := content != before:
                self._write(content)
        if written:
            update(self._path(content))
        return Added(content, before, change, written)

    def set_active(self, name: str, active: bool) -> RegisteredDataset:
        """Says whether new trains may read a dataset, and returns its current version.

        Args:
            name: Of the dataset.
            active: Whether they may.

        Raises:
            InputError: There is no such dataset.
            RunError: It cannot be written.
        """
        with self._changing():
            dataset = self.get(name).model_copy(update={"active": active})
            self._write(dataset)
        update(self._path(dataset))
        return dataset

    def remove(self, reference: str) -> list[RegisteredDataset]:
        """Removes a version of a dataset, or all, and returns what is gone; no data file is.

        Args:
            reference: `NAME` for all versions, or `NAME@VERSION`.

        Raises:
            InputError: There is no such dataset, or something refers to it.
            RunError: A file cannot be removed.
        """
        name, _, version = reference.partition("@")
        with self._changing():
            past = self.versions(name)
            gone = [self.get(reference)] if version else past
            # What is not one of the others may well be meant, such as the version of a short view.
            others = {one.version for one in past if one not in gone}
            found = [use for use in self.uses().get(name, []) if use.version not in others]
            refuse_in_use(name, found)
            for one in gone:
                path = self._path(one)
                try:
                    path.unlink()
                except OSError as error:
                    raise disk_error(path, error) from error
            with suppress(OSError):  # versions are left
                (self.folder / name).rmdir()
        for one in gone:
            update(self._path(one))
        return gone

    def _check_parent(self, name: str, parent: Parent) -> None:
        if self._holds(parent):
            return
        if parent.train is not None and parent.train in self._trains():
            return  # the train itself says which files it has read
        message = (
            f"the parent of dataset {name!r} is missing in {self.store.root}: {parent}; "
            "register it first (datasets add)"
        )
        raise InputError(message, code="train.missing-parent", path=str(parent))

    def _holds(self, parent: Parent) -> bool:
        path = self.folder / str(parent.dataset) / f"{parent.version}.json"
        return parent.dataset is not None and path.is_file()

    def _trains(self) -> set[int]:
        return {int(path.name) for path in self.store.trains()}

    def _path(self, dataset: RegisteredDataset) -> Path:
        return self.folder / dataset.name / f"{dataset.version}.json"

    def _write(self, dataset: RegisteredDataset) -> None:
        path = self._path(dataset)
        make_folder(path.parent)
        write_text(path, json_text(dataset.model_dump(mode="json")))

    @contextmanager
    def _changing(self) -> Iterator[None]:
        make_folder(self.folder)
        with locked(self.folder, wait=_WAIT):
            yield

    def _unknown(self, name: str) -> InputError:
        names = self.names()
        known = f"registered are {', '.join(names)}" if names else "nothing is registered yet"
        message = f"{self.store.root} has no dataset {name!r}{suggest(name, names)}; {known}"
        return InputError(message, code="train.unknown-dataset", path=name)


def _files_of(folder: Path) -> list[Path]:
    """Returns the files of all versions; those that are being written begin with a dot."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def _ranges(certification: Certification) -> dict[str, tuple[tuple[int, int], ...]]:
    return {str(run): tuple(parts) for run, parts in certification.ranges.items()}


def _check(dataset: Dataset) -> None:
    if dataset.fraction < 1:
        message = (
            f"dataset {dataset.name!r} is a short view; register the whole of it, of which "
            f"{dataset.name}@short:{dataset.fraction:g} is then a view too"
        )
        raise InputError(message, code="train.short-view", path=dataset.name)
    if dataset.name.startswith("."):
        message = f"dataset name {dataset.name!r} begins with a dot, expected a letter or a digit"
        raise InputError(message, code="train.bad-dataset-name", path=dataset.name)
    for place in dataset.places():
        if redact(place) != place:
            message = (
                f"dataset {dataset.name!r}: {place} holds a secret, which whoever reads the store "
                "would see; give the credentials by the environment"
            )
            raise InputError(message, code="train.secret-in-path", path=dataset.name)


def _now(number: int) -> Registration:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container without names of users
        user = str(os.getuid())
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return Registration(number=number, when=when, by=user)


def _links_of(dataset: Dataset) -> int | None:
    if dataset.linked is None:
        return None
    from tau3mu.derived.linked import number_of_links  # with awkward

    return number_of_links(dataset.linked)
