"""Datasets by the names in train files: registered ones first, then shipped ones and files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tau3mu.datasets.finding import datasets
from tau3mu.datasets.short import split_view
from tau3mu.datasets.versions import dataset_version
from tau3mu.errors import InputError, suggest
from tau3mu.train.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import CheckedFile, Dataset
    from tau3mu.run.plan import RunPlan
    from tau3mu.train.store import Store

__all__ = ["ResolvedDataset", "check_version", "resolve_dataset", "versions_of"]


@dataclass(frozen=True)
class ResolvedDataset:
    """A dataset that a train file has named.

    Attributes:
        dataset: As runs take it.
        version: Under which the whole of it is registered; None if it is not, so that its version
            is known only when its files were opened (`tau3mu.datasets.versions`).
    """

    dataset: Dataset
    version: str | None = None


def resolve_dataset(name: str, store: Store, *, prefix: str | None = None) -> list[ResolvedDataset]:
    """Returns the datasets that a name stands for: one, or all of a dataset file.

    Args:
        name: `NAME` or `NAME@VERSION` of a registered dataset, or else what `tau3mu.datasets`
            takes; with `@short:0.01` at the end for a short view.
        store: In which datasets are registered.
        prefix: Put before the paths in dataset files; registered datasets know their places.

    Raises:
        InputError: There is no such dataset, it is not active, or its parent is missing.
    """
    registry = Registry(store)
    reference, fraction = split_view(name)
    registered = registry.names()
    if reference.partition("@")[0] not in registered:
        try:
            return [ResolvedDataset(dataset) for dataset in datasets(name, prefix=prefix)]
        except InputError as error:
            if error.code != "dataset.unknown-file":
                raise
            hint = suggest(reference.partition("@")[0], registered)
            message = (
                f"{error}; registered in {store.root}: {', '.join(registered) or 'none'}{hint}"
            )
            raise InputError(message, code=error.code, path=error.path) from error
    found = registry.get(reference)
    if not found.active:
        message = (
            f"dataset {name!r} is not active; `python -m tau3mu.train datasets activate "
            f"{found.name}` lets new trains read it"
        )
        raise InputError(message, code="train.inactive-dataset", path=name)
    registry.ancestors(found)
    dataset = found.dataset()
    whole = fraction == 1
    return [ResolvedDataset(dataset if whole else dataset.short(fraction), found.version)]


def check_version(resolved: ResolvedDataset, files: Sequence[CheckedFile]) -> str:
    """Returns the version of a dataset whose files were opened, as the registry has it.

    That of a short view is the version of the whole dataset.

    Args:
        resolved: The dataset.
        files: All of its files as the preflight found them.

    Raises:
        InputError: The files are others than those that were registered.
    """
    whole = resolved.dataset
    if whole.fraction < 1:
        whole = replace(whole, fraction=1.0, lumi=whole.whole_lumi, whole_lumi=None)
    version = dataset_version(whole, files)
    if resolved.version in {None, version}:
        return version
    name = resolved.dataset.name
    message = (
        f"the files of dataset {name!r} have changed since version {resolved.version} was "
        f"registered; they are {version} now: register them again (datasets add)"
    )
    raise InputError(message, code="train.dataset-changed", path=name)


def versions_of(datasets: Sequence[ResolvedDataset], plan: RunPlan) -> dict[str, str]:
    """Returns the versions of datasets by name, those of the whole ones for short views.

    Args:
        datasets: As they were found.
        plan: With their files.

    Raises:
        InputError: The files of a registered dataset are not those that were registered.
    """
    files = {
        one.dataset.name: [file for file in plan.files if file.dataset == one.dataset.name]
        for one in datasets
    }
    return {one.dataset.name: check_version(one, files[one.dataset.name]) for one in datasets}
