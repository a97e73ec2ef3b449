"""Which muon or track of the event a leg of a triplet is.

The ntuples do not say, so the momenta are compared: they are copies of the same numbers, stored
as float for muons and as double for legs and tracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.selection.rows import Lists, Rows, as_mask, plain, rows_of

if TYPE_CHECKING:
    import awkward as ak
    import numpy.typing as npt

__all__ = ["Match", "match"]

ANGLE_TOLERANCE = 1e-4
"""Largest difference in η and in φ (rad) of a match that is not exact."""

PT_TOLERANCE = 1e-4
"""Largest relative difference in pt of a match that is not exact."""


@dataclass(frozen=True)
class Match:
    """The object of each leg, and how sure that is; all are one value per leg.

    `index` is the position among the objects of all events, one after the other, and -1 without a
    match; `exact` tells whether that object equals the leg, and `n_alike` how many objects do, or
    how many are within the tolerance if none does. `n_objects` is the number of all objects.
    """

    index: npt.NDArray[np.int64]
    exact: npt.NDArray[np.bool_]
    n_alike: npt.NDArray[np.int64]
    n_objects: int

    def is_any(self, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Tells which legs have an object that is `good`, of which there is one per object.

        Raises:
            TypeError: `good` are no booleans.
            ValueError: They are not one per object.
        """
        # Without a match, the index -1 finds what is appended.
        return np.append(as_mask(good, self.n_objects, "objects"), False)[self.index]

    def counts(self) -> dict[str, int]:
        """Returns the number of legs: all, inexact, unmatched, ambiguous."""
        return {
            "legs": len(self.index),
            "inexact": int(np.sum(~self.exact & (self.n_alike > 0))),
            "unmatched": int(np.sum(self.n_alike == 0)),
            "ambiguous": int(np.sum(self.n_alike > 1)),
        }


def match(legs: ak.Array | Rows, event: npt.NDArray[np.int64], objects: ak.Array | Lists) -> Match:
    """Finds for each leg the object of the same event that it is a copy of.

    An exact match has the same pt, η and φ after rounding to 32-bit floats; the first such object
    is taken. Without one, the closest in ΔR is taken of those within `ANGLE_TOLERANCE` and
    `PT_TOLERANCE`, and of several that are as close again the first.

    Args:
        legs: One record per leg, with pt, eta, phi; none missing.
        event: The event of each leg, as its index in `objects`.
        objects: Events × objects, with pt, eta, phi; none missing. What `rows_of` makes of them
            saves time if it is used several times.
    """
    offsets, _, candidates = objects if isinstance(objects, Lists) else rows_of(objects)
    leg = {name: plain(legs[name]) for name in ("pt", "eta", "phi")}
    candidate = {name: plain(candidates[name]) for name in leg}
    row, position = _pairs(offsets, event)
    equal = np.arange(len(row))
    for name in leg:  # each looks only at the pairs that the one before has left
        one = leg[name].astype(np.float32)[row[equal]]
        equal = equal[one == candidate[name][position[equal]].astype(np.float32)]
    index = np.full(len(event), -1)
    index[row[equal][::-1]] = position[equal][::-1]  # the last to be written is the first object
    n_alike = np.bincount(row[equal], minlength=len(event))
    exact = n_alike > 0

    rest = np.flatnonzero(~exact[row])
    row, position = row[rest], position[rest]
    close, distance = _close(
        {name: values[row] for name, values in leg.items()},
        {name: values[position] for name, values in candidate.items()},
    )
    nearest = np.flatnonzero(close)[np.argsort(distance[close], kind="stable")[::-1]]
    index[row[nearest]] = position[nearest]  # the last written is the first of the closest
    n_alike += np.bincount(row[close], minlength=len(event))
    return Match(index, exact, n_alike, len(candidates))


def _pairs(
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
    """Tells which pairs are within the tolerances, and returns their distances in ΔR."""
    deta = one["eta"].astype(np.float64) - other["eta"]
    dphi = np.mod(one["phi"].astype(np.float64) - other["phi"] + np.pi, 2 * np.pi) - np.pi
    dpt = one["pt"].astype(np.float64) - other["pt"]
    close = (
        (np.abs(deta) < ANGLE_TOLERANCE)
        & (np.abs(dphi) < ANGLE_TOLERANCE)
        & (np.abs(dpt) < PT_TOLERANCE * np.abs(other["pt"]))
    )
    return close, np.hypot(deta, dphi)
