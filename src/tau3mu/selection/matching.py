"""Which muon or track of the event a leg of a triplet is.

The ntuples do not say, so the momenta are compared: they are copies of the same numbers, stored
as float for muons and as double for legs and tracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.selection.rows import Lists, Rows, plain, rows_of

if TYPE_CHECKING:
    import awkward as ak
    import numpy.typing as npt

__all__ = ["Match", "match", "pairs"]

ANGLE_TOLERANCE = 1e-4
"""Largest difference in η and in φ (rad) of a match that is not exact."""

PT_TOLERANCE = 1e-4
"""Largest relative difference in pt of a match that is not exact."""


@dataclass(frozen=True)
class Match:
    """The object of each leg, and how certain that is; all are one value per leg.

    Attributes:
        index: The position among the objects of all events, one after the other; -1 without a
            match.
        exact: Whether that object equals the leg.
        n_alike: How many objects equal the leg, or are within the tolerance if none does.
    """

    index: npt.NDArray[np.int64]
    exact: npt.NDArray[np.bool_]
    n_alike: npt.NDArray[np.int64]

    @classmethod
    def of(cls, columns: Any) -> Match:
        """Returns the matches of which `columns` returned the arrays."""
        return cls(columns["index"], columns["exact"], columns["n_alike"])

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """Returns the matches as a dictionary of arrays."""
        return {"index": self.index, "exact": self.exact, "n_alike": self.n_alike}

    def take(self, values: Any) -> Any:
        """Returns a value for each leg, masked where it has no object.

        Args:
            values: One per object.
        """
        return self._masked(values[self.index[self.index >= 0]])

    def column(self, objects: Rows, name: str) -> Any:
        """Returns what `take` does of a column of which only these values are needed.

        Args:
            objects: All objects.
            name: The column.
        """
        return self._masked(plain(objects[self.index[self.index >= 0]][name]))

    def _masked(self, values: npt.NDArray[Any]) -> Any:
        matched = self.index >= 0
        found: Any = np.ma.array(np.zeros(len(matched), values.dtype), mask=~matched)
        found[matched] = values
        return found

    def counts(self) -> dict[str, int]:
        """Returns the number of legs: all, inexact, unmatched, ambiguous."""
        return {
            "legs": len(self.index),
            "inexact": int(np.count_nonzero(~self.exact & (self.n_alike > 0))),
            "unmatched": int(np.count_nonzero(self.n_alike == 0)),
            "ambiguous": int(np.count_nonzero(self.n_alike > 1)),
        }


def match(legs: ak.Array | Rows, event: npt.NDArray[np.int64], objects: ak.Array | Lists) -> Match:
    """Returns for each leg the object of the same event that it is a copy of.

    An exact match has the same pt, η and φ after rounding to 32-bit floats; the first such object
    is taken. Without one, the closest in ΔR is taken of those within `ANGLE_TOLERANCE` and
    `PT_TOLERANCE`, and of several that are as close again the first.

    Args:
        legs: One record per leg, with pt, eta, phi; none missing.
        event: The event of each leg, as its index in `objects`.
        objects: Events × objects, with pt, eta, phi; none missing. What `rows_of` makes of them
            saves time if it is used several times.
    """
    offsets, _, others = objects if isinstance(objects, Lists) else rows_of(objects)
    leg = {name: plain(legs[name]) for name in ("pt", "eta", "phi")}
    row, position = pairs(offsets, event)
    equal = np.arange(len(row))
    for name in leg:  # each looks only at the pairs that the one before has left
        one = leg[name].astype(np.float32)[row[equal]]
        other = plain(others[position[equal]][name])
        equal = equal[one == other.astype(np.float32)]
    index = np.full(len(event), -1)
    index[row[equal][::-1]] = position[equal][::-1]  # the last to be written is the first object
    n_alike = np.bincount(row[equal], minlength=len(event))
    exact = n_alike > 0

    rest = np.flatnonzero(~exact[row])
    row, position = row[rest], position[rest]
    close, distance = _close(
        {name: values[row] for name, values in leg.items()},
        {name: plain(others[position][name]) for name in leg},
    )
    nearest = np.flatnonzero(close)[np.argsort(distance[close], kind="stable")[::-1]]
    index[row[nearest]] = position[nearest]  # the last written is the first of the closest
    n_alike += np.bincount(row[close], minlength=len(event))
    return Match(index, exact, n_alike)


def pairs(
    offsets: npt.NDArray[np.int64], event: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns each pair of a leg and an object of its event, the objects of a leg in their order.

    Args:
        offsets: Where the objects of each event begin.
        event: The event of each leg.
    """
    number = np.diff(offsets)[event]
    row = np.repeat(np.arange(len(number)), number)
    before = np.cumsum(number) - number
    return row, np.arange(len(row)) + np.repeat(offsets[event] - before, number)


def _close(
    one: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]]
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
    """Returns which pairs are within the tolerances, and their distances in ΔR."""
    deta = one["eta"].astype(np.float64) - other["eta"]
    dphi = np.mod(one["phi"].astype(np.float64) - other["phi"] + np.pi, 2 * np.pi) - np.pi
    dpt = one["pt"].astype(np.float64) - other["pt"]
    close = (
        (np.abs(deta) < ANGLE_TOLERANCE)
        & (np.abs(dphi) < ANGLE_TOLERANCE)
        & (np.abs(dpt) < PT_TOLERANCE * np.abs(other["pt"]))
    )
    return close, np.hypot(deta, dphi)
