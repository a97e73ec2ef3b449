"""Fills histograms from merged candidates, here or through dask-awkward, to the same bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hist import Hist
from hist.axis import StrCategory

if TYPE_CHECKING:
    from collections.abc import Sequence

    import awkward as ak

    from tau3mu.datasets import Chunk
    from tau3mu.selection import Processor

__all__ = ["fill_directly", "fill_histograms", "fill_lazily"]

_BLOCK = 1_000_000


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
    totals = _empty(processor, chunks)
    for dataset, is_mc in {chunk.dataset: chunk.is_mc for chunk in chunks}.items():
        rows = candidates[candidates.dataset == dataset]
        for start in range(0, max(len(rows), 1), block):
            part = _empty(processor, chunks)
            fill = fill_lazily if lazily else fill_directly
            for name, filled in fill(
                processor, part, rows[start : start + block], dataset, is_mc=is_mc
            ).items():
                totals[name] = totals[name] + filled
    return totals


def fill_directly(
    processor: Processor, empty: dict[str, Hist[Any]], rows: ak.Array, dataset: str, *, is_mc: bool
) -> dict[str, Hist[Any]]:
    """Returns the histograms, filled with candidates."""
    processor.fill(empty, rows, dataset=dataset, is_mc=is_mc)
    return empty


def fill_lazily(
    processor: Processor, empty: dict[str, Hist[Any]], rows: ak.Array, dataset: str, *, is_mc: bool
) -> dict[str, Hist[Any]]:
    """Returns the same through `hist.dask` histograms and dask-awkward."""
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


def _empty(processor: Processor, chunks: Sequence[Chunk]) -> dict[str, Hist[Any]]:
    """Returns the empty histograms; a growing axis alone lacks datasets without candidates."""
    names = sorted({chunk.dataset for chunk in chunks})
    return {
        name: Hist(
            *(
                StrCategory(names, growth=True, name=axis.name, label=axis.label)
                if axis.name == "dataset"
                else axis
                for axis in histogram.axes
            ),
            storage=histogram.storage_type(),
        )
        for name, histogram in processor.histograms().items()
    }
