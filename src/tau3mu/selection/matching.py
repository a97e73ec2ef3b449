"""Which muon or track of the event a leg of a triplet is.

The ntuples do not say, so the momenta are compared: they are copies of the same numbers, stored
as float for muons and as double for legs and tracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

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
    pairs = ak.cartesian({"leg": legs, "object": objects}, axis=1, nested=True)
    exact = _equal(pairs.leg, pairs.object)
    close = _close(pairs.leg, pairs.object)
    n_exact, n_close = ak.sum(exact, axis=2), ak.sum(close, axis=2)
    distance = ak.where(close, pairs.leg.deltaR(pairs.object), np.inf)
    first_exact = ak.mask(ak.argmax(exact, axis=2), n_exact > 0)
    closest = ak.mask(ak.argmin(distance, axis=2), n_close > 0)
    return Match(ak.where(n_exact > 0, first_exact, closest), n_exact, n_close)


def _equal(first: ak.Array, second: ak.Array) -> ak.Array:
    same = [_rounded(first[name]) == _rounded(second[name]) for name in ("pt", "eta", "phi")]
    return same[0] & same[1] & same[2]


def _close(first: ak.Array, second: ak.Array) -> ak.Array:
    return (
        (abs(first.eta - second.eta) < ANGLE_TOLERANCE)
        & (abs(first.deltaphi(second)) < ANGLE_TOLERANCE)
        & (abs(first.pt - second.pt) < PT_TOLERANCE * abs(second.pt))
    )


def _rounded(values: ak.Array) -> ak.Array:
    return ak.values_astype(values, np.float32)


def _flat(counts: ak.Array) -> npt.NDArray[np.int64]:
    return np.asarray(ak.flatten(counts, axis=None))
