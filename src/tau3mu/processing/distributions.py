"""Distributions of the quantities on which a processor cuts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import hist
import numpy as np

from tau3mu.processing.memo import CandidateRows

if TYPE_CHECKING:
    import numpy.typing as npt
    from hist import Hist

    from tau3mu.corrections.events import Weights
    from tau3mu.processing.declarations import Cut
    from tau3mu.processing.memo import ChunkAnswers

__all__ = ["Distributions", "distributions"]


@dataclass(frozen=True)
class Distributions:
    """The distributions of the quantities on which a processor cuts, by the name of the cut.

    A candidate that has no value, such as the impact parameter of a track that was not found, is
    not in its histogram. Cuts without a quantity show their answers, 0 or 1.

    Attributes:
        n_minus_one: Of the candidates that pass all other cuts.
        cut_by_cut: Of the candidates that reach the cut.
    """

    n_minus_one: dict[str, Hist[Any]]
    cut_by_cut: dict[str, Hist[Any]]

    def nominal(self) -> Distributions:
        """Returns those of the first dataset with nominal weights, over the quantity alone."""
        return Distributions(_nominal(self.n_minus_one), _nominal(self.cut_by_cut))


def distributions(
    processor: Any, answers: ChunkAnswers, weights: Weights | None = None
) -> Distributions:
    """Returns the distributions over dataset, variation and the quantity of each cut.

    Args:
        processor: Its cuts and weights count.
        answers: About the candidates of the events.
        weights: Of the events, if it has any.
    """
    index = np.arange(len(answers.candidates))
    failed = np.zeros(len(index), dtype=np.int64)
    failed_by = np.full(len(index), -1)
    reached = []
    for number, one in enumerate(processor.active_cuts):
        reached.append(index[failed == 0])
        fails = ~_passes(one, processor, answers, index)
        failed += fails
        failed_by[fails] = number
        possible = failed <= 1  # of the others, no cut is the only one that rejects them
        index, failed, failed_by = index[possible], failed[possible], failed_by[possible]
    n_minus_one = {
        one.name: _filled(
            one, processor, answers, index[(failed == 0) | (failed_by == number)], weights
        )
        for number, one in enumerate(processor.active_cuts)
    }
    cut_by_cut = {
        one.name: _filled(one, processor, answers, some, weights)
        for one, some in zip(processor.active_cuts, reached, strict=True)
    }
    return Distributions(n_minus_one, cut_by_cut)


def _passes(
    one: Cut, processor: Any, answers: ChunkAnswers, index: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    if one.on_events:
        return answers.passes(one, processor)[answers.candidates.entry[index]]
    return answers.passes(one, processor, index)


def _filled(
    one: Cut,
    processor: Any,
    answers: ChunkAnswers,
    index: npt.NDArray[np.int64],
    of_events: Weights | None,
) -> Hist[Any]:
    rows = CandidateRows(answers, processor, index)
    values = rows[one.of] if one.of else _passes(one, processor, answers, index).astype(np.int64)
    metadata = answers.events.metadata
    weights = dict(processor.variations)
    histogram = _empty(one, str(metadata.get("dataset", "events")), list(weights))
    if not metadata.get("is_mc", False):
        weights = {name: column for name, column in weights.items() if name == "nominal"}
    there = ~np.ma.getmaskarray(values)
    if values.dtype.kind == "f":
        there &= ~np.isnan(np.ma.getdata(values))
    for variation in weights or ("nominal",):
        histogram.fill(
            histogram.axes[0].value(0),
            variation,
            np.ma.getdata(values)[there],
            weight=_weights(processor, rows, variation, of_events)[there],
        )
    return histogram


def _weights(
    processor: Any, rows: CandidateRows, variation: str, of_events: Weights | None
) -> npt.NDArray[np.float64]:
    """Returns the weights of candidates for a variation, those of their events included."""
    own = dict(processor.weights)
    column = own.get(variation, own.get("nominal", ""))
    weights = np.asarray(rows[column]) if column else np.ones(len(rows))
    if of_events is None:
        return weights
    found = of_events.variations.get(variation, of_events.nominal)
    return weights * found[rows.entry]


def _empty(one: Cut, dataset: str, variations: list[str]) -> Hist[Any]:
    name = (one.of or one.name).replace(".", "_")
    if one.of and one.axis:
        axis: Any = one.axis.named(name)
    else:
        axis = hist.axis.Integer(0, 2, name=name, label=f"passes {one.name}")
    return hist.Hist(
        hist.axis.StrCategory([dataset], growth=True, name="dataset"),
        hist.axis.StrCategory(variations or ["nominal"], name="variation"),
        axis,
        storage="Weight",
    )


def _nominal(histograms: dict[str, Hist[Any]]) -> dict[str, Hist[Any]]:
    choice: dict[int | str, Any] = {"dataset": 0, "variation": "nominal"}
    parts: dict[str, Any] = {name: one[choice] for name, one in histograms.items()}
    return parts
