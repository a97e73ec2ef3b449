"""Which muon or track of the event a leg of a triplet is.

The ntuples do not say, so the momenta are compared: they are copies of the same numbers, stored
as float for muons and as double for legs and tracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Match", "match"]

ANGLE_TOLERANCE = 1e-4
"""Largest difference in η and in φ (rad) of a match that is not exact."""

PT_TOLERANCE = 1e-4
"""Largest relative difference in pt of a match that is not exact."""


class Match(NamedTuple):
    """The object of each leg, and how sure that is; all are events × triplets.

    `index` is the position in the event's collection, None without a match; `n_exact` counts the
    objects that equal the leg, `n_close` those within the tolerance.
    """

    index: ak.Array
    n_exact: ak.Array
    n_close: ak.Array

    def counts(self) -> dict[str, int]:
        """Returns the number of legs: all, inexact, unmatched, ambiguous."""
        candidates = np.where(_flat(self.n_exact) > 0, _flat(self.n_exact), _flat(self.n_close))
        return {
            "legs": len(candidates),
            "inexact": int(np.sum((_flat(self.n_exact) == 0) & (_flat(self.n_close) > 0))),
            "unmatched": int(np.sum(candidates == 0)),
            "ambiguous": int(np.sum(candidates > 1)),
        }


def match(legs: ak.Array, objects: ak.Array) -> Match:
    """Finds for each leg the object of the same event that it is a copy of.

    An exact match has the same pt, η and φ after rounding to 32-bit floats; the first such object
    is taken. Without one, the closest in ΔR is taken of those within `ANGLE_TOLERANCE` and
    `PT_TOLERANCE`.

    Args:
        legs: Events × triplets, with pt, eta, phi; no pads.
        objects: Events × objects, with pt, eta, phi.

    Returns:
        The indices and counts, events × triplets.
    """
    counts = ak.num(legs, axis=1)
    leg, candidate = _flattened(legs), _flattened(objects)
    first, number, row = _pairs(ak.to_numpy(counts), ak.to_numpy(ak.num(objects, axis=1)))
    # One row per pair of a leg and an object of its event, the objects of a leg in their order.
    position = np.arange(len(row)) - np.repeat(np.cumsum(number) - number, number)
    one = {name: values[row] for name, values in leg.items()}
    other = {
        name: values[np.repeat(first, number) + position] for name, values in candidate.items()
    }
    exact, (close, distance) = _equal(one, other), _close(one, other)
    n_legs = len(number)
    n_exact = np.bincount(row[exact], minlength=n_legs)
    n_close = np.bincount(row[close], minlength=n_legs)
    index = np.full(n_legs, -1)
    nearest = np.flatnonzero(close)[np.argsort(-distance[close], kind="stable")]
    index[row[nearest]] = position[nearest]  # the last to be written is the closest
    index[row[exact][::-1]] = position[exact][::-1]  # ... is the first
    found = ak.mask(ak.Array(index), index >= 0)
    return Match(*(ak.unflatten(values, counts) for values in (found, n_exact, n_close)))


def _flattened(momenta: ak.Array) -> dict[str, npt.NDArray[Any]]:
    return {name: ak.to_numpy(ak.flatten(momenta[name])) for name in ("pt", "eta", "phi")}


def _pairs(
    n_legs: npt.NDArray[np.int64], n_objects: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Returns for each leg the first object of its event and their number, for each pair its leg.

    Args:
        n_legs: Number of legs per event.
        n_objects: Number of objects per event.
    """
    first = np.repeat(np.cumsum(n_objects) - n_objects, n_legs)
    number = np.repeat(n_objects, n_legs)
    return first, number, np.repeat(np.arange(len(number)), number)


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


def _flat(counts: ak.Array) -> npt.NDArray[np.int64]:
    return np.asarray(ak.flatten(counts, axis=None))
