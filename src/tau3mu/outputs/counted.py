"""What is counted of all events that are read, before any cut: sections of data, generator weights.

Both are sums over chunks that depend neither on their order nor on how the events were divided.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.datasets.generated import Generated
from tau3mu.datasets.sections import sections_of
from tau3mu.selection.sums import exact_sum, rounded_sum

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

    from tau3mu.datasets.sections import Sections

__all__ = ["Counted", "WeightSums", "added_up", "counted_of"]


@dataclass(frozen=True)
class WeightSums:
    """Sums of weights, each as floats whose exact sum it is.

    Attributes:
        events: How many events.
        sumw: Of their weights.
        sumw2: Of the squares.
    """

    events: int = 0
    sumw: tuple[float, ...] = ()
    sumw2: tuple[float, ...] = ()

    @classmethod
    def of(cls, found: Generated) -> WeightSums:
        """Returns the sums that a file holds."""
        return cls(found.events, (found.sumw,), (found.sumw2,))

    @property
    def rounded(self) -> Generated:
        """The sums as numbers."""
        return Generated(self.events, rounded_sum(self.sumw), rounded_sum(self.sumw2))


@dataclass(frozen=True)
class Counted:
    """What was counted of some events; None is what could not be.

    Attributes:
        sections: The luminosity sections of data that have any of the events.
        generated: The sums of the generator weights of simulation.
    """

    sections: Sections | None = None
    generated: WeightSums | None = None

    def __eq__(self, other: object) -> bool:
        """Returns whether the same was counted."""
        if not isinstance(other, Counted) or self.generated != other.generated:
            return False
        if self.sections is None or other.sections is None:
            return self.sections is other.sections
        return np.array_equal(self.sections, other.sections)

    __hash__ = None  # type: ignore[assignment]


def counted_of(events: ak.Array, passes: npt.NDArray[np.bool_] | None, *, is_mc: bool) -> Counted:
    """Returns what is counted of the events of a chunk, as far as its columns tell.

    Args:
        events: All that were read.
        passes: Which of them are certified, None for all.
        is_mc: Whether they are simulated.
    """
    fields = set(events.fields)
    if is_mc:
        known = "gen_weight" in fields
        return Counted(generated=_weights(events["gen_weight"]) if known else None)
    if not {"run", "lumi"} <= fields:
        return Counted()
    columns = (events[name] for name in ("run", "lumi"))
    run, lumi = (column if passes is None else column[passes] for column in columns)
    return Counted(sections=sections_of(run, lumi))


def _weights(column: Any) -> WeightSums | None:
    weights = np.ma.asarray(ak.to_numpy(column)).astype(np.float64)
    if np.ma.is_masked(weights):
        return None
    plain = np.ma.getdata(weights)
    return WeightSums(len(plain), exact_sum(plain), exact_sum(plain**2))


def added_up(parts: Iterable[Counted]) -> Counted:
    """Returns what was counted of all parts; what one of them does not tell is not known.

    Args:
        parts: Of chunks or of files, all of data or all of simulation.
    """
    every = list(parts)
    sections = [one.sections for one in every if one.sections is not None]
    sums = [one.generated for one in every if one.generated is not None]
    whole = bool(every)
    return Counted(
        sections=np.unique(np.concatenate(sections))
        if whole and len(sections) == len(every)
        else None,
        generated=WeightSums(
            sum(one.events for one in sums),
            exact_sum([part for one in sums for part in one.sumw]),
            exact_sum([part for one in sums for part in one.sumw2]),
        )
        if whole and len(sums) == len(every)
        else None,
    )
