"""Trigger objects, which the ntuples list once for every filter that they passed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.selection.matching import pairs
from tau3mu.selection.rows import Lists, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tau3mu.selection.rows import Rows

__all__ = ["all_confirmed", "unique_objects"]


def unique_objects(objects: ak.Array) -> ak.Array:
    """Returns the objects (events × objects, with pt, eta, phi) without exact repetitions.

    The first of equal objects stays, in its order. Needed before objects are matched one to one.

    Args:
        objects: Events × objects, with pt, eta, phi; none missing.
    """
    together = ak.cartesian(
        {"here": objects, "there": objects}, axis=1, nested=True
    )  # events × objects × objects
    same = (
        (together.here.pt == together.there.pt)
        & (together.here.eta == together.there.eta)
        & (together.here.phi == together.there.phi)
    )
    return objects[ak.argmax(same, axis=2) == ak.local_index(objects.pt, axis=1)]


def all_confirmed(
    legs: Sequence[Rows],
    entry: npt.NDArray[np.int64],
    objects: Lists,
    *,
    delta_r: float,
    relative_pt: float,
) -> npt.NDArray[np.bool_]:
    """Returns which candidates have a trigger object of its own for each of their legs.

    Repetitions of an object count once. Pairs of a leg and an object are taken in the order of
    their distance, each leg and each object once.

    Args:
        legs: For each leg of the candidates, the momenta with pt, eta and phi.
        entry: The event of each candidate, as its index in `objects`.
        objects: Events × objects, with pt, eta, phi.
        delta_r: The distance in η and φ of a pair is below this.
        relative_pt: The difference of their pt, over that of the leg, is below this.
    """
    candidate, position = pairs(objects.offsets, entry)
    there = [plain(objects.rows[name]).astype(np.float64) for name in ("pt", "eta", "phi")]
    found = []
    for number, leg in enumerate(legs):
        here = [plain(leg[name]).astype(np.float64)[candidate] for name in ("pt", "eta", "phi")]
        pt, eta, phi = (values[position] for values in there)
        distance = np.hypot(here[1] - eta, np.mod(here[2] - phi + np.pi, 2 * np.pi) - np.pi)
        close = (distance < delta_r) & (np.abs(pt / here[0] - 1) < relative_pt)
        found.append((candidate[close], np.full(close.sum(), number), position[close],
                      distance[close]))  # fmt: skip
    which, leg_number, place, distance = map(np.concatenate, zip(*found, strict=True))
    place = _first_alike(place, objects, there)
    order = np.lexsort((place, leg_number, distance, which))
    which, leg_number, place = which[order], leg_number[order], place[order]
    confirmed = np.zeros(len(entry), np.int64)
    while len(which):  # one pair of each candidate after the other, at most one per leg
        closest = np.ones(len(which), np.bool_)
        np.not_equal(which[1:], which[:-1], out=closest[1:])
        confirmed[which[closest]] += 1
        taken = np.flatnonzero(closest)[np.cumsum(closest) - 1]
        left = (leg_number != leg_number[taken]) & (place != place[taken])
        which, leg_number, place = which[left], leg_number[left], place[left]
    return np.equal(confirmed, len(legs))


def _first_alike(
    place: npt.NDArray[np.int64], objects: Lists, momenta: Sequence[npt.NDArray[np.float64]]
) -> npt.NDArray[np.int64]:
    """Returns for some objects the first object of the same event that is equal."""
    used = np.unique(place)
    event = np.searchsorted(objects.offsets, used, side="right")
    keys = [*(values[used] for values in momenta), event]
    order = np.lexsort(keys)  # stable, so that the first of equal ones comes first
    begins = np.ones(len(used), np.bool_)
    begins[1:] = np.any([key[order][1:] != key[order][:-1] for key in keys], axis=0)
    first_alike = np.empty_like(used)
    first_alike[order] = used[order[begins]][np.cumsum(begins) - 1]
    return first_alike[np.searchsorted(used, place)]
