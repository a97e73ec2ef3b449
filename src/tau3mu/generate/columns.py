"""The columns of muons, tracks and candidates, and the branches with lengths of their own."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.generate.block import Block, all_columns, collection_of, draw_defaults, with_gaps
from tau3mu.generate.particles import MUON_1, MUON_MASS, NO_LEG, PION_MASS, Momentum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.candidates import Candidates
    from tau3mu.generate.particles import Decays, Particles
    from tau3mu.generate.triggers import TriggerObjects

__all__ = [
    "PAD",
    "REAL_IN_PADS",
    "empty_columns",
    "gen_match_columns",
    "growing_column",
    "muon_columns",
    "parking_columns",
    "track_columns",
    "tracker_layers",
    "triplet_columns",
]

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
    return part | tracker_layers(rng, muons, no_inner_track)


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


def tracker_layers(rng: Generator, muons: Particles, no_inner_track: NDArray[np.bool_]) -> Block:
    """Returns the column to which a muon without inner track adds two entries."""
    view = "raw.Muon_trackerLayersWithMeasurement"
    layers = np.where(no_inner_track, _NO_LAYERS, rng.integers(6, 18, len(muons.event)))
    entries = 1 + no_inner_track
    counts = np.bincount(muons.event, weights=entries, minlength=len(muons.counts))
    return Block({view: counts.astype(np.int64)}, {view: np.repeat(layers, entries)})


REAL_IN_PADS = (
    "triplet.pv_refit_n_tracks",
    "triplet.pv_refit_is_valid",
    "triplet.pv_refit_chi2",
    "triplet.pv_refit_ndof",
    "triplet.pv_no_sv_chi2",
    "triplet.pv_no_sv_ndof",
)
PAD = -99

_BEAM_SPOT = (0.08, -0.03, 0.9)  # cm, as all lengths here
_PV_SPREAD = (0.002, 0.002, 4.0)
_MEAN_FLIGHT = 0.05  # transverse, of the D mesons
_SHORTEST_FLIGHT = 0.01
_APPARENT_FLIGHT = 0.03  # of unrelated particles
_FLIGHT_ERRORS = (0.004, 0.006)
_REFIT_PT_CHANGE = 1e-3
_NO_PV_TRACKS = 0.03
_MEAN_PV_TRACKS = 20
_SIGNAL_CHI2, _OTHER_CHI2 = 3.0, 15.0

# How often the quantities exist for no track, no vertex or no isolation (see `defaults`).
_GAP_RATES = {
    "no_vertex12": 0.02,
    "no_vertex13": 0.02,
    "no_vertex23": 0.02,
    "no_sv_refit": 0.01,
    "no_iso_track1": 0.3,
    "no_iso_track2": 0.3,
    "no_iso_track3": 0.3,
    "no_track": 0.2,
    "no_isolation": 0.02,
}


def triplet_columns(
    rng: Generator,
    candidates: Candidates,
    muons: Particles,
    tracks: Particles,
    distances: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
) -> Block:
    """Returns all columns of the candidates, pads included.

    Args:
        rng: Source of the random numbers.
        candidates: The candidates.
        muons: The muons that they are made of.
        tracks: The tracks that they are made of.
        distances: For each list of trigger objects the ΔR of all muons and of all tracks to the
            nearest object.
    """
    legs = (
        muons.momentum[candidates.mu1],
        muons.momentum[candidates.mu2],
        tracks.momentum[candidates.track],
    )
    total = _sum(legs)
    size = len(candidates.event)
    columns = {
        "triplet.mass": total.mass,
        "triplet.pt": total.pt,
        "triplet.eta": total.eta,
        "triplet.phi": total.phi,
        "triplet.charge": tracks.charge[candidates.track],
        "triplet.selected_index": candidates.index,
        "triplet.pv_n_tracks": np.zeros(size),
        "triplet.pv_refit_is_valid": ~candidates.padded,
        "triplet.pv_refit_n_tracks": rng.poisson(_MEAN_PV_TRACKS, size)
        * (rng.random(size) >= _NO_PV_TRACKS),
    }
    columns |= _leg_columns(candidates, legs, distances)
    columns |= _refit_columns(rng, candidates, legs)
    columns |= _vertex_columns(rng, candidates, total)
    columns |= draw_defaults(rng, {"triplet": candidates.counts}, columns)
    gaps = {name: rng.random(size) < rate for name, rate in _GAP_RATES.items()}
    columns = with_gaps(columns, gaps)
    padded = {
        view: values if view in REAL_IN_PADS else np.where(candidates.padded, PAD, values)
        for view, values in columns.items()
    }
    return Block({"triplet": candidates.counts}, padded)


def _leg_columns(
    candidates: Candidates,
    legs: tuple[Momentum, Momentum, Momentum],
    distances: Mapping[str, tuple[NDArray[Any], NDArray[Any]]],
) -> dict[str, NDArray[Any]]:
    columns: dict[str, NDArray[Any]] = {}
    positions = (candidates.mu1, candidates.mu2, candidates.track)
    for name, leg, position in zip(("mu1", "mu2", "track"), legs, positions, strict=True):
        columns[f"triplet.{name}.pt"] = leg.pt
        columns[f"triplet.{name}.eta"] = leg.eta
        columns[f"triplet.{name}.phi"] = leg.phi
        columns[f"triplet.{name}.candidate_index"] = candidates.index
        for year, (of_muons, of_tracks) in distances.items():
            nearest = of_tracks if name == "track" else of_muons
            columns[f"triplet.{name}.trigger_dr_{year}"] = nearest[position]
    return columns


def _refit_columns(
    rng: Generator, candidates: Candidates, legs: tuple[Momentum, Momentum, Momentum]
) -> dict[str, NDArray[Any]]:
    """Returns the legs as the fit of their common vertex changes them."""
    size = len(candidates.event)
    refit = [
        Momentum(leg.pt * rng.normal(1, _REFIT_PT_CHANGE, size), leg.eta, leg.phi) for leg in legs
    ]
    columns = {"triplet.sv_refit_mass": _sum(refit).mass}
    for number, leg in enumerate(refit, 1):
        columns[f"triplet.refit{number}.pt"] = leg.pt
        columns[f"triplet.refit{number}.eta"] = leg.eta
        columns[f"triplet.refit{number}.phi"] = leg.phi
        columns[f"triplet.refit{number}.candidate_index"] = candidates.index
    return columns


def _vertex_columns(rng: Generator, candidates: Candidates, total: Any) -> dict[str, NDArray[Any]]:
    """Returns the primary vertex, the vertex of the candidate, and the distances between them."""
    size, signal = len(candidates.event), candidates.signal
    apparent = np.abs(rng.normal(0, _APPARENT_FLIGHT, size))
    lifetime = _SHORTEST_FLIGHT + rng.exponential(_MEAN_FLIGHT, size)
    flight_xy = np.where(signal, lifetime, apparent)
    error_xy = rng.uniform(*_FLIGHT_ERRORS, size)
    chi2 = rng.exponential(np.where(signal, _SIGNAL_CHI2, _OTHER_CHI2))
    stretch = np.cosh(total.eta)
    columns = {
        "vertex_chi2": chi2,
        "vertex_ndof": np.full(size, 3),
        "flight_distance_bs": flight_xy,
        "flight_distance_bs_err": error_xy,
        "flight_significance": flight_xy / error_xy,
        "flight_distance_xy_pv": flight_xy,
        "flight_significance_xy_pv": flight_xy / error_xy,
        "flight_distance_pv": flight_xy * stretch,
        "flight_distance_pv_err": error_xy * stretch,
        "flight_significance_pv": flight_xy / error_xy,
    }
    directions = (np.cos(total.phi), np.sin(total.phi), np.sinh(total.eta))
    for axis, spot, spread, direction in zip(
        "xyz", _BEAM_SPOT, _PV_SPREAD, directions, strict=True
    ):
        pv = rng.normal(spot, spread, len(candidates.counts))[candidates.event]
        columns[f"bs_{axis}"] = np.full(size, spot)
        columns[f"pv_{axis}"] = columns[f"pv_refit_{axis}"] = pv
        columns[f"vertex_{axis}"] = pv + flight_xy * direction
    return {f"triplet.{name}": values for name, values in columns.items()}


def _sum(legs: Iterable[Momentum]) -> Any:
    mu1, mu2, track = legs
    return mu1.with_mass(MUON_MASS) + mu2.with_mass(MUON_MASS) + track.with_mass(PION_MASS)


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


def parking_columns(padded: NDArray[np.int64], size: int, skim: str = "t3m") -> Block:
    """Returns the distances to objects of B-parking filters: entries for pads, and no others.

    Args:
        padded: The event of each padded candidate.
        size: The number of events.
        skim: The name of the layout.
    """
    counts = np.bincount(padded, minlength=size)
    views = [view for view in all_columns(skim) if fnmatchcase(view, "raw.Mu?_dRtriggerMatch_*")]
    return Block(dict.fromkeys(views, counts), dict.fromkeys(views, np.full(len(padded), PAD)))


def empty_columns(known: Block, skim: str = "t3m") -> Block:
    """Returns the columns of all collections that no event of the known columns has."""
    collections = {view: collection_of(view) for view in all_columns(skim)}
    empty = {v: c for v, c in collections.items() if c and c not in known.counts}
    none = np.zeros_like(known.counts["muon"])
    return Block(dict.fromkeys(empty.values(), none), dict.fromkeys(empty, np.empty(0)))


def _true_momentum(truth: Decays, event: NDArray[Any], leg: NDArray[Any]) -> Momentum:
    first, second = (Momentum(p4.pt, p4.eta, p4.phi)[event] for p4 in truth.legs[:2])
    pairs = zip(first, second, strict=True)
    return Momentum(*(np.where(leg == MUON_1, one, two) for one, two in pairs))
