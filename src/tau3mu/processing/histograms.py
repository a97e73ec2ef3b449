"""Fills histograms from merged candidates, here or through dask-awkward, to the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hist import Hist, storage
from hist.axis import StrCategory

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import awkward as ak

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor

__all__ = ["empty_histograms", "fill", "fill_histograms"]

_BLOCK = 1_000_000
_WHOLE = (storage.Int64, storage.AtomicInt64)


def fill_histograms(
    processor: Processor,
    candidates: ak.Array,
    chunks: Sequence[Chunk],
    *,
    lazily: bool,
    block: int = _BLOCK,
) -> dict[str, Hist[Any]]:
    """Returns the histograms of a processor, with all datasets on their dataset axis.

    They are the sum of those of blocks of candidates, in the same order either way. So the
    rounding is the same too, and what dask-awkward builds is as large as the candidates need,
    however many chunks they come from.

    Args:
        processor: What fills.
        candidates: Of all datasets.
        chunks: All chunks of the run, which tell the datasets.
        lazily: Whether to fill `hist.dask` histograms from dask-awkward arrays.
        block: The number of candidates of a block.
    """
    names = sorted({chunk.dataset for chunk in chunks})
    empty = empty_histograms(processor, names)
    totals: dict[str, Hist[Any]] = {}
    for dataset, is_mc in {chunk.dataset: chunk.is_mc for chunk in chunks}.items():
        rows = candidates[candidates.dataset == dataset]
        for start in range(0, max(len(rows), 1), block):
            part = {name: histogram.copy() for name, histogram in empty.items()}
            some = rows[start : start + block]
            filled = fill(processor, part, some, dataset, is_mc=is_mc, lazily=lazily)
            totals = {name: totals.get(name, one) + filled[name] for name, one in empty.items()}
    return totals


def fill(
    processor: Processor,
    empty: dict[str, Hist[Any]],
    rows: ak.Array,
    dataset: str,
    *,
    is_mc: bool,
    lazily: bool,
) -> dict[str, Hist[Any]]:
    """Returns the histograms, filled with candidates.

    Args:
        processor: What fills.
        empty: What `Processor.histograms` returned, which may be filled here.
        rows: The candidates, of one dataset.
        dataset: Its name.
        is_mc: Whether it is simulation.
        lazily: Whether to fill `hist.dask` histograms from dask-awkward arrays.

    Raises:
        InputError: A histogram of whole numbers gets fractional weights, which it would cut off.
    """
    run = _fill_lazily if lazily else _fill_directly
    whole = [name for name, histogram in empty.items() if histogram.storage_type in _WHOLE]
    if not whole:
        return run(processor, empty, rows, dataset, is_mc=is_mc)
    weighted = {
        name: Hist(*histogram.axes, storage=storage.Weight()) for name, histogram in empty.items()
    }
    expected = _fill_directly(processor, weighted, rows, dataset, is_mc=is_mc)
    filled = run(processor, empty, rows, dataset, is_mc=is_mc)
    for name in whole:
        if not np.array_equal(filled[name].values(flow=True), expected[name].values(flow=True)):
            message = (
                f"histogram {name!r} stores whole numbers ({filled[name].storage_type.__name__}) "
                "and is filled with fractional weights: use storage='Weight'"
            )
            raise InputError(message, code="processor.fractional-weights", path=name)
    return filled


def _fill_directly(
    processor: Processor, empty: dict[str, Hist[Any]], rows: ak.Array, dataset: str, *, is_mc: bool
) -> dict[str, Hist[Any]]:
    processor.fill(empty, rows, dataset=dataset, is_mc=is_mc)
    return empty


def _fill_lazily(
    processor: Processor, empty: dict[str, Hist[Any]], rows: ak.Array, dataset: str, *, is_mc: bool
) -> dict[str, Hist[Any]]:
    import dask
    import dask_awkward as dak
    import hist.dask
    from dask.local import get_sync

    lazy: dict[str, Any] = {
        name: hist.dask.Hist(*histogram.axes, storage=histogram.storage_type())
        for name, histogram in empty.items()
    }
    processor.fill(lazy, dak.from_awkward(rows, npartitions=1), dataset=dataset, is_mc=is_mc)
    # The candidates are here already; sending them out would take longer than filling.
    (filled,) = dask.compute(lazy, scheduler=get_sync)
    histograms: dict[str, Hist[Any]] = filled
    return histograms


def empty_histograms(processor: Processor, datasets: Sequence[str]) -> dict[str, Hist[Any]]:
    """Returns the empty histograms; a growing axis alone lacks datasets without candidates."""
    return {
        name: Hist(
            *(
                StrCategory(datasets, growth=True, name=axis.name, label=axis.label)
                if axis.name == "dataset"
                else axis
                for axis in histogram.axes
            ),
            storage=histogram.storage_type(),
            name=histogram.name,
            label=histogram.label,
        )
        for name, histogram in processor.histograms().items()
    }
