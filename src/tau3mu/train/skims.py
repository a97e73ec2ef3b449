"""The derived data of a train as registered datasets, which other trains read by their names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tau3mu.datasets import check_files, load_datasets
from tau3mu.derived import read_derived
from tau3mu.train.record import RESULTS, read_record
from tau3mu.train.registered import Parent
from tau3mu.train.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.registry import Added
    from tau3mu.train.store import Store

__all__ = ["register_skims"]


def register_skims(folder: Path, store: Store) -> list[Added]:
    """Registers the standard and linked skims of a train that read its datasets whole.

    A skim of one dataset is registered under its own name, else with that of each dataset behind.

    Args:
        folder: Of the train.
        store: In which it is.

    Raises:
        InputError: A file of a skim cannot be read.
        RunError: The store cannot be written.
    """
    record = read_record(folder)
    if any(one.fraction < 1 for one in record.datasets.values()):
        return []
    registry = Registry(store)
    added = []
    for file in sorted((folder / RESULTS / "derived").glob("*/dataset.json")):
        derived = read_derived(file.parent)
        found = load_datasets(file)
        for dataset in found:
            name = derived.name if len(found) == 1 else f"{derived.name}_{dataset.name}"
            one = replace(dataset, name=name)
            files = check_files([one], frozenset())
            version = record.datasets[dataset.name].version
            known = dataset.name in registry.names() and version in {
                each.version for each in registry.versions(dataset.name)
            }
            parent = Parent(
                dataset=dataset.name if known else None,
                version=version if known else None,
                train=int(folder.name),
                step=derived.step or None,
            )
            added.append(registry.add(one, files, parent=parent))
    return added
