"""Trigger objects, which the ntuples list once for every filter that they passed."""

from __future__ import annotations

import awkward as ak

__all__ = ["unique_objects"]


def unique_objects(objects: ak.Array) -> ak.Array:
    """Returns the objects (events × objects, with pt, eta, phi) without exact repetitions.

    The first of equal objects stays, in its order. Needed before objects are matched one to one.

    Args:
        objects: Events × objects, with pt, eta, phi; none missing.
    """
    pairs = ak.cartesian(
        {"here": objects, "there": objects}, axis=1, nested=True
    )  # events × objects × objects
    same = (
        (pairs.here.pt == pairs.there.pt)
        & (pairs.here.eta == pairs.there.eta)
        & (pairs.here.phi == pairs.there.phi)
    )
    return objects[ak.argmax(same, axis=2) == ak.local_index(objects.pt, axis=1)]
