"""What an analysis is: the columns it reads, what it selects, and what it fills."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import awkward as ak
from coffea.processor import ProcessorABC, column_accumulator

if TYPE_CHECKING:
    from hist import Hist

    from tau3mu.outputs.selection import Selection

__all__ = ["Processor"]


class Processor(ProcessorABC):  # type: ignore[misc]
    """An analysis of ntuples: a coffea processor made of three methods.

    A subclass lists the `columns` of the canonical view that it reads (triggers as
    `hlt.PATTERN` and `l1.PATTERN`) and defines `select`, `histograms` and `fill`. It then runs in
    `tau3mu.run`, in coffea's Runner (with `tau3mu.ntuples.NtupleSchema`) and by hand.
    """

    name: ClassVar[str]
    columns: ClassVar[frozenset[str]]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Names a processor after its class, unless it says otherwise."""
        super().__init_subclass__(**kwargs)
        if "name" not in cls.__dict__:
            cls.name = cls.__name__

    @property
    def configuration(self) -> dict[str, Any]:
        """What was chosen, for the record of the run; JSON values only."""
        return {}

    @abstractmethod
    def select(self, events: ak.Array) -> Selection:
        """Returns the candidates in some events.

        Args:
            events: NanoEvents in the canonical view; `events.metadata["is_mc"]` tells simulation.
        """

    @abstractmethod
    def histograms(self) -> dict[str, Hist[Any]]:
        """Returns the empty histograms.

        Each has a growing axis `dataset`, and may have an axis `variation`, of which `nominal` is
        what is plotted and fitted.
        """

    @abstractmethod
    def fill(
        self,
        histograms: dict[str, Hist[Any]],
        candidates: ak.Array,
        *,
        dataset: str,
        is_mc: bool,
    ) -> None:
        """Fills `hist.Hist` from arrays, or lazily `hist.dask.Hist` from dask-awkward arrays."""

    def process(self, events: ak.Array) -> dict[str, Any]:
        """Returns what coffea's executors add up over the chunks of all datasets."""
        dataset = events.metadata["dataset"]
        selection = self.select(events)
        histograms = self.histograms()
        is_mc = bool(events.metadata.get("is_mc", False))
        self.fill(histograms, selection.candidates, dataset=dataset, is_mc=is_mc)
        steps = {
            step.name: {"events": step.events, "candidates": step.candidates, "sumw": step.sumw}
            for step in selection.cutflow
        }
        columns = {
            name: column_accumulator(ak.to_numpy(selection.candidates[name]))
            for name in selection.candidates.fields
        }
        return {
            "histograms": histograms,
            "cutflow": {dataset: steps},
            "counts": {dataset: dict(selection.counts)},
            "candidates": {dataset: columns},
        }

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Returns the sum of all chunks as it is."""
        return accumulator
