"""The columns of the candidates; of the padded ones only a few hold more than the pad."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.generate.block import Block
from tau3mu.generate.defaults import draw_defaults, with_gaps
from tau3mu.generate.physics import MUON_MASS, PION_MASS, Momentum

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.candidates import Candidates
    from tau3mu.generate.particles import Particles

__all__ = ["PAD", "REAL_IN_PADS", "triplet_columns"]

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
