"""The output of a processor for some events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import awkward as ak
    import numpy as np
    import numpy.typing as npt
    from hist import Hist

    from tau3mu.selection.cutflow import Step

__all__ = ["Selection"]


@dataclass(frozen=True)
class Selection:
    """The output of a processor for some events.

    Attributes:
        candidates: One record of plain numbers per selected event, in the order of the events.
            Columns and types are the same for all events, also for none.
        cutflow: The steps, in an order that is the same for all events.
        counters: Further counts to add up and to show, such as legs without a match.
        histograms: Histograms that are filled here, rather than from the candidates of all chunks,
            and added up in the order of the chunks. An axis `dataset` is added if there is none.
        places: Of which event each candidate is, as its index among these events; None if the
            processor does not tell. The package needs it for chunks that span files.
    """

    candidates: ak.Array
    cutflow: tuple[Step, ...]
    counters: dict[str, int] = field(default_factory=dict)
    histograms: dict[str, Hist[Any]] = field(default_factory=dict)
    places: npt.NDArray[np.int64] | None = field(default=None, compare=False, repr=False)
