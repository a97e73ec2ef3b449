"""The datasets of a train by the words of its file, as its settings want them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tau3mu.datasets import combine, limit_files
from tau3mu.train.resolving import ResolvedDataset, resolve_dataset
from tau3mu.train.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["find"]


def find(
    names: Sequence[str],
    settings: Mapping[str, Any],
    store: Store | None = None,
    *,
    readers: Sequence[tuple[str, ...] | None] = (),
) -> list[ResolvedDataset]:
    """Returns the datasets of a train.

    Args:
        names: Registered and shipped datasets, dataset files, and ntuples.
        settings: Those of the train, of which `prefix`, `layout` and `max_files` are about
            datasets.
        store: In which datasets are registered; see `Store`.
        readers: For each name, the processors that read it, None for all; what none reads is left
            out. All read all by default.

    Raises:
        InputError: One cannot be found, or two are the same or share a file.
    """
    store = store or Store()
    prefix, layout = settings.get("prefix"), settings.get("layout")
    found = [
        _with(one, readers=None if by is None else frozenset(by))
        for name, by in zip(names, readers or [None] * len(names), strict=True)
        for one in (resolve_dataset(name, store, prefix=prefix) if by != () else ())
    ]
    combine([one.dataset for one in found])
    if layout:
        from tau3mu.ntuples.known_layouts import layout_called

        found = [_with(one, layout=layout_called(layout)) for one in found]
    if settings.get("max_files"):
        limited = limit_files([one.dataset for one in found], settings["max_files"])
        found = [replace(one, dataset=few) for one, few in zip(found, limited, strict=True)]
    return found


def _with(one: ResolvedDataset, **facts: Any) -> ResolvedDataset:
    return replace(one, dataset=replace(one.dataset, **facts))
