"""The rows of a cutflow: what is left after each cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tau3mu.selection.sums import exact_sum

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Step", "step"]


@dataclass(frozen=True)
class Step:
    """The counts after one cut: events, candidates, and the sum of the event weights.

    `sumw` is the sum of the weights rounded to a float, and `remainder` is what that rounding took
    away, so that the sum over all chunks does not depend on how the events were divided. A step
    that consists of several cuts has a row for each of them in `cuts`.
    """

    name: str
    events: int
    candidates: int
    sumw: float
    remainder: tuple[float, ...] = ()
    cuts: tuple[Step, ...] = ()


def step(name: str, weights: npt.NDArray[np.float64], candidates: int) -> Step:
    """Returns the row of a cutflow.

    Args:
        name: Of the cut.
        weights: The weights of the events that are left.
        candidates: How many candidates these have.
    """
    sumw, *remainder = exact_sum(weights) or (0.0,)
    return Step(name, len(weights), candidates, sumw, tuple(remainder))
