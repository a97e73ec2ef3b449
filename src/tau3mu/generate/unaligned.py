"""The branches with lengths of their own, which cannot be zipped with any collection."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.generate.block import Block, collection_of
from tau3mu.generate.defaults import all_columns
from tau3mu.generate.particles import MUON_1
from tau3mu.generate.physics import Momentum
from tau3mu.generate.triplets import PAD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tau3mu.generate.candidates import Candidates
    from tau3mu.generate.particles import Decays, Particles
    from tau3mu.generate.triggers import TriggerObjects

__all__ = ["empty_columns", "gen_match_columns", "growing_column", "parking_columns"]


def gen_match_columns(candidates: Candidates, muons: Particles, truth: Decays | None) -> Block:
    """Returns the momenta of gen-matched muons, measured and true, with pads among them.

    There is an entry for each pad and, where the truth is known, for each candidate that is a
    decay; `truth` then has one decay in every event.
    """
    listed = np.flatnonzero(candidates.padded | (candidates.signal & (truth is not None)))
    event, padded = candidates.event[listed], candidates.padded[listed]
    counts = np.bincount(event, minlength=len(candidates.counts))
    columns = {}
    for number, muon in (("01", candidates.mu1[listed]), ("02", candidates.mu2[listed])):
        measured = muons.momentum[muon]
        true = measured if truth is None else _true_momentum(truth, event, muons.leg[muon])
        for kind, momentum in (("", measured), ("Sim", true)):
            for name, values in zip(("Pt", "Eta", "Phi"), momentum, strict=True):
                view = f"raw.GenMatchMu{number}_{kind}{name}"
                columns[view] = np.where(padded, PAD, values)
    return Block(dict.fromkeys(columns, counts), columns)


def growing_column(objects: TriggerObjects) -> Block:
    """Returns the branch that is never cleared: the eta of all objects of this and past events.

    Each block begins with an empty list, as if it came from a job of its own.
    """
    view = "raw.MuonEta_HLT_BPMu12_IP6"
    counts = np.cumsum(objects.counts)
    member = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return Block({view: counts}, {view: objects.momentum.eta[member]})


def parking_columns(candidates: Candidates) -> Block:
    """Returns the distances to objects of B-parking filters: entries for pads, and no others."""
    padded = candidates.event[candidates.padded]
    counts = np.bincount(padded, minlength=len(candidates.counts))
    views = [view for view in all_columns() if fnmatchcase(view, "raw.Mu?_dRtriggerMatch_*")]
    return Block(dict.fromkeys(views, counts), dict.fromkeys(views, np.full(len(padded), PAD)))


def empty_columns(known: Block) -> Block:
    """Returns the columns of all collections that no event of the known columns has."""
    collections = {view: collection_of(view) for view in all_columns()}
    empty = {v: c for v, c in collections.items() if c and c not in known.counts}
    none = np.zeros_like(known.counts["muon"])
    return Block(dict.fromkeys(empty.values(), none), dict.fromkeys(empty, np.empty(0)))


def _true_momentum(truth: Decays, event: NDArray[Any], leg: NDArray[Any]) -> Momentum:
    first, second = (Momentum(p4.pt, p4.eta, p4.phi)[event] for p4 in truth.legs[:2])
    pairs = zip(first, second, strict=True)
    return Momentum(*(np.where(leg == MUON_1, one, two) for one, two in pairs))
