"""The columns of muons and tracks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.generate.block import Block
from tau3mu.generate.defaults import draw_defaults, with_gaps
from tau3mu.generate.particles import NO_LEG
from tau3mu.generate.physics import MUON_MASS

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.particles import Particles

__all__ = ["muon_columns", "track_columns"]

_NO_INNER_TRACK = 0.01
_NO_ISOLATION = 0.01
_GLOBAL = 0.9  # of the muons with an inner track
_STANDALONE = 0.5  # of the others
_FLAGS = {"is_pf": 0.95, "is_medium": 0.85}

_MUON_ID = 13
_PHI_ID = 333
_NO_LAYERS = -99
_DXY_SPREAD = 0.15  # cm, with respect to the origin of the detector
_DZ_SPREAD = 9.0


def muon_columns(rng: Generator, muons: Particles, *, simulation: bool) -> Block:
    """Returns all columns of the muons, and the raw one that is longer than they are."""
    size = len(muons.event)
    no_inner_track = rng.random(size) < _NO_INNER_TRACK
    is_global = ~no_inner_track & (rng.random(size) < _GLOBAL)
    is_standalone = is_global | no_inner_track | (rng.random(size) < _STANDALONE)
    no_isolation = rng.random(size) < _NO_ISOLATION
    pt, eta, phi = muons.momentum
    truth = (muons.leg != NO_LEG) & simulation
    columns = {
        "muon.pt": pt,
        "muon.eta": eta,
        "muon.phi": phi,
        "muon.energy": muons.momentum.with_mass(MUON_MASS).E,
        "muon.charge": muons.charge,
        "muon.best_track_pt": pt,
        "muon.best_track_eta": eta,
        "muon.best_track_phi": phi,
        "muon.pdg_id": -_MUON_ID * muons.charge * truth,
        "muon.mother_pdg_id": _PHI_ID * truth,
        "muon.sim_flavour": _MUON_ID * truth,
        "muon.is_global": is_global,
        "muon.is_standalone": is_standalone,
        "muon.is_tracker": ~no_inner_track,
        "muon.is_loose": ~no_inner_track,
        "muon.is_isolation_valid": ~no_isolation,
    }
    columns |= {f"muon.{name}": rng.random(size) < rate for name, rate in _FLAGS.items()}
    columns |= draw_defaults(rng, {"muon": muons.counts}, columns)
    gaps = {
        "no_inner_track": no_inner_track,
        "no_outer_track": ~is_standalone,
        "not_global": ~is_global,
        "no_isolation": no_isolation,
    }
    part = Block({"muon": muons.counts}, with_gaps(columns, gaps))
    return part | _tracker_layers(rng, muons, no_inner_track)


def track_columns(rng: Generator, tracks: Particles) -> Block:
    """Returns all columns of the tracks."""
    size = len(tracks.event)
    pt, eta, phi = tracks.momentum
    columns = {
        "track.pt": pt,
        "track.eta": eta,
        "track.phi": phi,
        "track.charge": tracks.charge,
        "track.dxy": rng.normal(0, _DXY_SPREAD, size),
        "track.dz": rng.normal(0, _DZ_SPREAD, size),
    }
    columns |= draw_defaults(rng, {"track": tracks.counts}, columns)
    return Block({"track": tracks.counts}, columns)


def _tracker_layers(rng: Generator, muons: Particles, no_inner_track: NDArray[np.bool_]) -> Block:
    """Returns the column to which a muon without inner track adds two entries."""
    view = "raw.Muon_trackerLayersWithMeasurement"
    layers = np.where(no_inner_track, _NO_LAYERS, rng.integers(6, 18, len(muons.event)))
    entries = 1 + no_inner_track
    counts = np.bincount(muons.event, weights=entries, minlength=len(muons.counts))
    return Block({view: counts.astype(np.int64)}, {view: np.repeat(layers, entries)})
