"""Changes of the registry by the words of a user: sources are found, and files opened once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tau3mu.datasets import check_files
from tau3mu.datasets.finding import datasets, is_dataset_file
from tau3mu.errors import InputError
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
        sources: What `tau3mu.datasets` takes.
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
    found = _named(datasets(*sources, prefix=prefix, layout=layout), sources, name)
    files = check_files(found, frozenset(), on_file=on_file)
    return [
        registry.add(
            dataset,
            [file for file in files if file.dataset == dataset.name],
            parent=above,
            description=description,
        )
        for dataset in found
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


def _named(found: list[Dataset], sources: Sequence[str], name: str | None) -> list[Dataset]:
    if name is None:
        if ntuples := [source for source in sources if not is_dataset_file(source)]:
            message = f"{ntuples[0]} needs the name of its dataset: --name NAME"
            raise InputError(message, code="train.name-needed", path="name")
        return found
    if len(found) > 1:
        names = ", ".join(dataset.name for dataset in found)
        message = f"these are {len(found)} datasets ({names}), which cannot all be {name!r}"
        raise InputError(message, code="train.one-name", path="name")
    return [replace(found[0], name=name)]
