"""The sums of what a processor found, by dataset and run number."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.execution.by_run import RUN
from tau3mu.outputs.totals import ProcessorTotal, on_datasets
from tau3mu.processing.histograms import fill_histograms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.datasets import Chunk
    from tau3mu.outputs import Selection
    from tau3mu.processing import Processor

__all__ = ["RunTotals"]


class RunTotals:
    """Adds up what one processor counted and filled of each run of data."""

    def __init__(self) -> None:
        """Begins with nothing."""
        self._totals: dict[str, dict[int, ProcessorTotal]] = {}

    def add(self, dataset: str, of_runs: Mapping[int, Selection]) -> None:
        """Adds the shares of a chunk.

        Args:
            dataset: The name of the dataset.
            of_runs: What was counted and filled, by run number.
        """
        totals = self._totals.setdefault(dataset, {})
        for run, selection in of_runs.items():
            totals.setdefault(run, ProcessorTotal()).add(selection, dataset, "")

    def selections(
        self, processor: Processor, candidates: ak.Array, chunks: Mapping[str, Chunk]
    ) -> dict[str, dict[int, Selection]]:
        """Returns the sums by dataset and run, with all histograms and without the candidates.

        Args:
            processor: What found it.
            candidates: All of them, from which histograms are filled.
            chunks: One of each dataset.
        """
        return {
            dataset: self._of_dataset(processor, candidates, chunks[dataset], totals)
            for dataset, totals in sorted(self._totals.items())
        }

    def _of_dataset(
        self,
        processor: Processor,
        candidates: ak.Array,
        chunk: Chunk,
        totals: Mapping[int, ProcessorTotal],
    ) -> dict[int, Selection]:
        rows = candidates[candidates.dataset == chunk.dataset]
        numbers = ak.to_numpy(rows[RUN])
        order = np.argsort(numbers, kind="stable")  # those of a run stay in their order
        runs = sorted(totals)
        first, last = (np.searchsorted(numbers[order], runs, side) for side in ("left", "right"))
        found = {}
        for run, start, stop in zip(runs, first, last, strict=True):
            total = totals[run].selection(chunk.dataset)
            some = rows[order[start:stop]]
            filled = fill_histograms(processor, some, [chunk], lazily=False)
            for name, one in total.histograms.items():
                filled[name] = on_datasets({chunk.dataset: one}, [chunk.dataset])
            found[run] = replace(total, candidates=rows[:0], histograms=filled)
        return found
