"""The control channel exactly as the original RDataFrame notebook selected it."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.outputs import Selection
from tau3mu.processing.cuts import event_cut
from tau3mu.processors.dsphipi import DsPhiPi
from tau3mu.selection import Candidates, rows_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.processing import Cutflow
    from tau3mu.selection import Step

__all__ = ["DsPhiPiNotebook"]


class DsPhiPiNotebook(DsPhiPi):
    """Repeats the original notebook, its oversights included, as a cross-check of `DsPhiPi`.

    It keeps an event if each step is passed by some triplet, not all by the same one; it asks
    whether any muon is global and PF while the track of the same number is near the origin; it
    takes the smallest vertex χ² of all triplets, so that a pad (-99) wins over real candidates.
    """

    name = "dsphipi_notebook"
    collection = "raw.triplet"  # with pads
    id_mu1 = id_mu2 = track_dz = track_dxy = None

    def select(self, events: ak.Array, cutflow: Cutflow) -> Selection:
        """Returns the triplet of smallest χ² of each event left, whether it is a pad or not.

        Args:
            events: NanoEvents in the canonical view.
            cutflow: Holds what the processors of a pass share.
        """
        answers = self._answers(events, cutflow)
        left = Candidates.of(answers.candidates)
        real = np.diff(rows_of(events.triplet).offsets)
        steps = [_without_pads(left, real)]
        for name, cuts in groupby(self.active_cuts, key=attrgetter("step")):
            passes = np.ones(len(events), dtype=np.bool_)
            some = np.ones(len(left.index), dtype=np.bool_)
            for one in cuts:
                if one.on_events:
                    passes &= answers.passes(one, self)
                else:
                    some &= answers.passes(one, self, left.index)
                    passes = np.zeros(len(events), dtype=np.bool_)
                    passes[left.entry[some]] = True
            left = left.cut_events(name, passes[left.entries])
            steps.append(_without_pads(left, real))
        best = left.best(answers.candidates.rows.vertex_chi2[left.index])
        counters = self._counters(answers, best, "")
        return Selection(self._table(answers, best), tuple(steps), counters)

    @event_cut("id_ip")
    def id_by_position(self, events: ak.Array) -> Any:
        """Some muon is global and PF, and the track of the same number is near the origin."""
        muon, track = events.raw.muon, events.raw.track
        good_muon = (muon.is_global != 0) & (muon.is_pf != 0)
        # Impact parameters were compared with their sign, and a muon beyond the last track ended
        # the original run; here it passes no cut.
        good_track = (track.dz < self.max_track_dz) & (track.dxy < self.max_track_dxy)
        length = int(ak.max(ak.num(good_muon), initial=0, mask_identity=False))
        muons = ak.fill_none(ak.pad_none(good_muon, length, clip=True), value=False)
        tracks = ak.fill_none(ak.pad_none(good_track, length, clip=True), value=False)
        return ak.any(muons & tracks, axis=1)


def _without_pads(left: Candidates, real: npt.NDArray[np.int64]) -> Step:
    """Returns the last row with the number of triplets that are no pads, given per event."""
    return replace(left.steps[-1], candidates=int(real[left.entries].sum()))
