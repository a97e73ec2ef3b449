"""Folders of derived data as sources of the registry: their parents are in their own records."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from tau3mu.config.input_files import user_path
from tau3mu.datasets import load_datasets
from tau3mu.derived import read_derived
from tau3mu.derived.records import DATASET, DERIVED
from tau3mu.errors import InputError
from tau3mu.train.registered import Parent

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.datasets import Dataset
    from tau3mu.derived.records import DerivedRecord
    from tau3mu.derived.records import Parent as RecordedParent
    from tau3mu.train.registry import Registry

__all__ = ["derived_datasets", "folder_of_derived"]


def folder_of_derived(source: str) -> Path | None:
    """Returns the folder of derived data that a source means, None if it means something else.

    Args:
        source: A folder, or the record or the dataset file in it.
    """
    path = user_path(source)
    folder = path.parent if path.name in {DERIVED, DATASET} else path
    return folder.absolute() if (folder / DERIVED).is_file() else None


def derived_datasets(registry: Registry, folder: Path) -> list[tuple[Dataset, Parent]]:
    """Returns the datasets of derived data with their parents.

    A skim of one dataset has its own name, else that of each dataset behind it: of 2017B and 2017C,
    the skim `loose` is the datasets `loose_2017B` and `loose_2017C`.

    Args:
        registry: In which the parents are.
        folder: Of the derived data.

    Raises:
        InputError: A record is damaged, or a parent is neither registered nor of a train.
    """
    record = read_derived(folder)
    train = _train_of(registry, folder, record)
    found = []
    datasets = load_datasets(folder / DATASET)
    for dataset in datasets:
        if (derived := record.datasets.get(dataset.name)) is None:
            message = f"{folder / DERIVED} does not know the dataset {dataset.name!r} of {DATASET}"
            raise InputError(message, code="train.unknown-derived", path=dataset.name)
        above = _registered(registry, derived.parent)
        if above is None and train is None:
            missing = derived.parent.name
            message = (
                f"the parent of {folder} is not registered: dataset {missing!r}, "
                f"{len(derived.parent.files)} files; register it first (datasets add)"
            )
            raise InputError(message, code="train.missing-parent", path=missing)
        name, version = above or (None, None)
        parent = Parent(dataset=name, version=version, train=train, step=record.step or None)
        own = record.name if len(datasets) == 1 else f"{record.name}_{dataset.name}"
        found.append((replace(dataset, name=own), parent))
    return found


def _registered(registry: Registry, parent: RecordedParent) -> tuple[str, str] | None:
    """Returns name and version of the registered dataset with the files that were read."""
    files = Counter((file.tree, file.uuid, file.entries) for file in parent.files)
    names = registry.names()
    for name in sorted(names, key=lambda name: name != parent.name):
        for dataset in reversed(registry.versions(name)):
            if Counter((file.tree, file.uuid, file.entries) for file in dataset.files) == files:
                return dataset.name, dataset.version
    return None


def _train_of(registry: Registry, folder: Path, record: DerivedRecord) -> int | None:
    """Returns the number of the train in whose results the data were written."""
    run = (folder / record.run).resolve()
    numbers = {path.resolve(): int(path.name) for path in registry.store.trains()}
    return next((numbers[path] for path in (run, *run.parents) if path in numbers), None)
