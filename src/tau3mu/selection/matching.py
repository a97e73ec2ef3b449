"""Which muon or track of the event a leg of a triplet is.

The ntuples do not say, so the momenta are compared: they are copies of the same numbers, stored
as float for muons and as double for legs and tracks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.selection.rows import Rows, plain, rows_of

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
    """The object of each leg, and how sure that is; all are one number per leg.

    `index` is the position among the objects of all events, one after the other, and -1 without a
    match; `n_exact` counts the objects that equal the leg, `n_close` those within the tolerance.
    """

    index: npt.NDArray[np.int64]
    n_exact: npt.NDArray[np.int64]
    n_close: npt.NDArray[np.int64]

    def is_any(self, good: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Tells which legs have an object that is `good`, of which there is one per object."""
        # Without a match, the index -1 finds what is appended.
        return np.append(good, False)[self.index]

    def counts(self) -> dict[str, int]:
        """Returns the number of legs: all, inexact, unmatched, ambiguous."""
        candidates = np.where(self.n_exact > 0, self.n_exact, self.n_close)
        return {
            "legs": len(candidates),
            "inexact": int(np.sum((self.n_exact == 0) & (self.n_close > 0))),
            "unmatched": int(np.sum(candidates == 0)),
            "ambiguous": int(np.sum(candidates > 1)),
        }


def match(legs: ak.Array | Rows, event: npt.NDArray[np.int64], objects: ak.Array) -> Match:
    """Finds for each leg the object of the same event that it is a copy of.

    An exact match has the same pt, η and φ after rounding to 32-bit floats; the first such object
    is taken. Without one, the closest in ΔR is taken of those within `ANGLE_TOLERANCE` and
    `PT_TOLERANCE`.

    Args:
        legs: One record per leg, with pt, eta, phi; none missing.
        event: The event of each leg, as its index in `objects`.
        objects: Events × objects, with pt, eta, phi; none missing.
    """
    offsets, _, candidates = rows_of(objects)
    leg = {name: plain(legs[name]) for name in ("pt", "eta", "phi")}
    candidate = {name: plain(candidates[name]) for name in leg}
    number = np.diff(offsets)[event]
    row = np.repeat(np.arange(len(number)), number)
    # One row per pair of a leg and an object of its event, the objects of a leg in their order.
    before = np.cumsum(number) - number
    position = np.arange(len(row)) + np.repeat(offsets[event] - before, number)
    one = {name: values[row] for name, values in leg.items()}
    other = {name: values[position] for name, values in candidate.items()}
    exact, (close, distance) = _equal(one, other), _close(one, other)
    index = np.full(len(number), -1)
    nearest = np.flatnonzero(close)[np.argsort(-distance[close], kind="stable")]
    index[row[nearest]] = position[nearest]  # the last to be written is the closest
    index[row[exact][::-1]] = position[exact][::-1]  # ... is the first
    n_exact = np.bincount(row[exact], minlength=len(number))
    n_close = np.bincount(row[close], minlength=len(number))
    return Match(index, n_exact, n_close)


def _equal(
    one: dict[str, npt.NDArray[Any]], other: dict[str, npt.NDArray[Any]]
) -> npt.NDArray[np.bool_]:
    same: list[npt.NDArray[np.bool_]] = [
        one[name].astype(np.float32) == other[name].astype(np.float32) for name in one
    ]
    return same[0] & same[1] & same[2]


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
