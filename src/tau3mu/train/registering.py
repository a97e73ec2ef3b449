"""Changes of the registry by the words of a user: sources are found, and files opened once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tau3mu.datasets import check_files, combine
from tau3mu.datasets.finding import datasets, is_dataset_file
from tau3mu.errors import InputError
from tau3mu.train.derived_sources import derived_datasets, folder_of_derived
from tau3mu.train.registered import Parent
from tau3mu.train.registry import Added, Registry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tau3mu.datasets import Dataset
    from tau3mu.train.registered import RegisteredDataset
    from tau3mu.train.store import Store

__all__ = ["register", "set_active", "unregister"]


def register(
    store: Store,
    sources: Sequence[str],
    *,
    name: str | None = None,
    parent: str | None = None,
    description: str | None = None,
    prefix: str | None = None,
    layout: str | None = None,
    on_file: Callable[[], object] | None = None,
) -> list[Added]:
    """Registers datasets after opening all of their files once, and returns what has changed.

    Args:
        store: The store.
        sources: What `tau3mu.datasets` takes, and folders of derived data with their parents.
        name: Of the dataset, if there is one; ntuples need it.
        parent: The registered dataset from which it was made, `NAME` or `NAME@VERSION`.
        description: A line for other people.
        prefix: Put before the paths in dataset files.
        layout: Of all files.
        on_file: Is called after each file.

    Raises:
        InputError: A dataset or a file cannot be found or read, the name is missing, or the parent
            is.
        RunError: The store cannot be written.
    """
    registry = Registry(store)
    above = _parent(registry, parent)
    folders = {source: folder_of_derived(source) for source in sources}
    plain = [source for source, folder in folders.items() if folder is None]
    found = [(one, above) for one in _plain(plain, name, prefix=prefix, layout=layout)]
    for folder in filter(None, folders.values()):
        found += [(one, above or own) for one, own in derived_datasets(registry, folder)]
    if name is not None:
        found = [(replace(_only(found, name), name=name), found[0][1])]
    files = check_files(combine([one for one, _ in found]), frozenset(), on_file=on_file)
    return [
        registry.add(
            dataset,
            [file for file in files if file.dataset == dataset.name],
            parent=own,
            description=description,
        )
        for dataset, own in found
    ]


def set_active(store: Store, name: str, *, active: bool) -> RegisteredDataset:
    """Says whether new trains may read a dataset, and returns its current version.

    Args:
        store: The store.
        name: Of the dataset.
        active: Whether they may.

    Raises:
        InputError: There is no such dataset.
        RunError: The store cannot be written.
    """
    return Registry(store).set_active(name, active)


def unregister(store: Store, reference: str) -> list[RegisteredDataset]:
    """Removes a dataset or a version of it from the registry, and returns what is gone.

    Args:
        store: The store.
        reference: `NAME` or `NAME@VERSION`.

    Raises:
        InputError: There is no such dataset, or something refers to it.
        RunError: The store cannot be written.
    """
    return Registry(store).remove(reference)


def _parent(registry: Registry, reference: str | None) -> Parent | None:
    if reference is None:
        return None
    dataset = registry.get(reference)
    return Parent(dataset=dataset.name, version=dataset.version)


def _plain(
    sources: Sequence[str], name: str | None, *, prefix: str | None, layout: str | None
) -> list[Dataset]:
    """Returns the datasets of sources that are not derived data."""
    ntuples = [source for source in sources if not is_dataset_file(source)]
    if ntuples and name is None:
        message = f"{ntuples[0]} needs the name of its dataset: --name NAME"
        raise InputError(message, code="train.name-needed", path="name")
    return datasets(*sources, prefix=prefix, layout=layout) if sources else []


def _only(found: Sequence[tuple[Dataset, Parent | None]], name: str) -> Dataset:
    if len(found) > 1:
        names = ", ".join(dataset.name for dataset, _ in found)
        message = f"these are {len(found)} datasets ({names}), which cannot all be {name!r}"
        raise InputError(message, code="train.one-name", path="name")
    return found[0][0]
