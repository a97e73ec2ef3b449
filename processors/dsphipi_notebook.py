"""The control channel exactly as the original RDataFrame notebook selected it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

from tau3mu.ntuples import fired
from tau3mu.outputs import Selection
from tau3mu.processors.columns import HLT_PATHS, L1_SEEDS, LEGS
from tau3mu.processors.dsphipi import (
    DsPhiPi,
    dimuon_mass,
    passes_acceptance,
    passes_phi,
    passes_trigger_matching,
    passes_vertex,
)
from tau3mu.selection import Step, pairs_within, step

if TYPE_CHECKING:
    from collections.abc import Callable

    from tau3mu.processing import Cutflow

__all__ = ["DsPhiPiNotebook"]


class DsPhiPiNotebook(DsPhiPi):
    """Repeats the original notebook, its oversights included, as a cross-check of `DsPhiPi`.

    It keeps an event if each cut is passed by some triplet, not all by the same one; it asks
    whether any muon is global and PF while the track of the same number is near the origin; it
    takes the smallest vertex χ² of all triplets, so that a pad (-99) wins over real candidates.
    """

    name = "dsphipi_notebook"

    def select(self, events: ak.Array, cutflow: Cutflow) -> Selection:
        """Returns the triplet of smallest χ² of each event left, be it a pad or not."""
        steps = [_counted("all", events)]
        for name, passes in _CUTS.items():
            events = events[ak.to_numpy(passes(events))]
            steps.append(_counted(name, events))
        triplets = events.raw.triplet
        best = ak.argmin(triplets.vertex_chi2, axis=1, keepdims=True)
        candidates, counts = self.describe(
            events, triplets[best][:, 0], best[:, 0], np.ones(len(events))
        )
        return Selection(candidates, tuple(steps), counts)


def _any(passes: Callable[[ak.Array], ak.Array]) -> Callable[[ak.Array], ak.Array]:
    """Returns the cut on events that asks for any triplet, pads included, that passes."""

    def passes_event(events: ak.Array) -> ak.Array:
        triplets = events.raw.triplet
        answers = ak.unflatten(passes(ak.flatten(triplets)), ak.num(triplets))
        return ak.any(answers, axis=1)

    return passes_event


def _passes_delta_r(triplets: ak.Array) -> ak.Array:
    return pairs_within([triplets[leg] for leg in LEGS], 1e-4, 0.8)


def _passes_phi(triplets: ak.Array) -> ak.Array:
    return passes_phi(dimuon_mass(triplets))


def _passes_id_by_position(events: ak.Array) -> ak.Array:
    muon, track = events.raw.muon, events.raw.track
    good_muon = (muon.is_global != 0) & (muon.is_pf != 0)
    # Impact parameters were compared with their sign, and a muon beyond the last track ended the
    # original run; here it passes no cut.
    good_track = (track.dz < 20) & (track.dxy < 0.3)
    length = int(ak.max(ak.num(good_muon), initial=0, mask_identity=False))
    muons = ak.fill_none(ak.pad_none(good_muon, length, clip=True), value=False)
    tracks = ak.fill_none(ak.pad_none(good_track, length, clip=True), value=False)
    return ak.any(muons & tracks, axis=1)


_CUTS: dict[str, Callable[[ak.Array], ak.Array]] = {
    "hlt": lambda events: fired(events.hlt, *HLT_PATHS),
    "l1": lambda events: fired(events.l1, *L1_SEEDS),
    "vertex": _any(passes_vertex),
    "acceptance": _any(passes_acceptance),
    "deltaR": _any(_passes_delta_r),
    "id_ip": _passes_id_by_position,
    "phi": _any(_passes_phi),
    "trigmatch": _any(passes_trigger_matching),
}


def _counted(name: str, events: ak.Array) -> Step:
    return step(name, np.ones(len(events)), int(ak.count(events.triplet.mass)))
