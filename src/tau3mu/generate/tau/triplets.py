"""Triplets of muons as the search's skim builds them, and their columns."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.generate.block import Block, draw_defaults, rank_in_event, with_gaps
from tau3mu.generate.columns import PAD, REAL_IN_PADS
from tau3mu.generate.particles import MUON_MASS, Momentum
from tau3mu.generate.tau.quality import CLASSES, draw_numbers, from_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.particles import Particles

__all__ = ["SKIM", "Triplets", "build_triplets", "triplet_columns"]

SKIM: Final = "t3m_tau"
"""The name of the layout."""

_MOST_MUONS: Final = 6  # that are combined in one event
_MASSES: Final = 0.4, 3.5
_VERTEX: Final = {"core": 0.8, "mixed": 0.25}  # chances of a vertex of unrelated muons
_PADDED: Final = 0.03
_BEAM_SPOT: Final = (0.08, -0.03, 0.9)
_PV_SPREAD: Final = (0.002, 0.002, 4.0)
_FLIGHT_ERRORS: Final = 0.006, 0.014
_FLIGHT_ERRORS_XY: Final = 0.004, 0.007
_APPARENT_FLIGHT: Final = 0.06  # mean, of muons from several decays of b hadrons
_DXY_ERRORS: Final = 0.002, 0.006
_REFIT_PT_CHANGE: Final = 1e-3
_NO_TRACK: Final = 0.05
_NO_REFIT: Final = 0.01
_NO_PAIR_VERTEX: Final = 0.02
_NO_ISOLATION_TRACK: Final = 0.3
_MEAN_PV_TRACKS: Final = 20


@dataclass(frozen=True)
class Triplets:
    """Triplets of all events, one event after the other.

    Attributes:
        event: The event of each triplet.
        counts: How many triplets each event has.
        legs: Positions among the muons, triplets × 3.
        core: Which are the three particles that the event was made with.
        quality: What the discriminant looks at, by name.
        padded: Whether the refit of the primary vertex failed.
    """

    event: NDArray[np.int64]
    counts: NDArray[np.int64]
    legs: NDArray[np.int64]
    core: NDArray[np.bool_]
    quality: dict[str, NDArray[np.float64]]
    padded: NDArray[np.bool_]


def build_triplets(rng: Generator, muons: Particles, classes: NDArray[np.int64]) -> Triplets:
    """Returns the triplets of charge ±1 that have a vertex.

    Args:
        rng: The source of the random numbers.
        muons: The muons; `leg` is 1, 2 or 3 of the particles that an event was made with.
        classes: The class of these three in each event, as an index into `CLASSES`.
    """
    first = np.cumsum(muons.counts) - muons.counts
    events, legs = [], []
    for number in range(3, _MOST_MUONS + 1):
        is_last = number == _MOST_MUONS
        here = np.flatnonzero(muons.counts >= number if is_last else muons.counts == number)
        chosen = np.array(list(combinations(range(number), 3)))
        events.append(np.repeat(here, len(chosen)))
        legs.append((first[here][:, np.newaxis, np.newaxis] + chosen).reshape(-1, 3))
    event, leg = np.concatenate(events), np.concatenate(legs)
    order = np.argsort(event, kind="stable")
    event, leg = event[order], leg[order]

    core = (muons.leg[leg] > 0).all(axis=1)
    signal = core & (classes[event] == CLASSES.index("signal"))
    chance = np.where(core, _VERTEX["core"], _VERTEX["mixed"])
    keep = signal | (rng.random(len(event)) < chance)
    keep &= np.abs(muons.charge[leg].sum(axis=1)) == 1
    p4 = muons.momentum.with_mass(MUON_MASS)
    mass = _sum(p4, leg).mass
    keep &= (mass > _MASSES[0]) & (mass < _MASSES[1])
    event, leg, core = event[keep], leg[keep], core[keep]
    combination = CLASSES.index("combination")
    numbers = draw_numbers(rng, np.where(core, classes[event], combination))
    counts = np.bincount(event, minlength=len(muons.counts))
    padded = rng.random(len(event)) < _PADDED
    return Triplets(event, counts, leg, core, from_numbers(numbers), padded)


def triplet_columns(
    rng: Generator,
    triplets: Triplets,
    muons: Particles,
    flight: NDArray[np.float64],
    distances: Mapping[str, NDArray[Any]],
    flags: Mapping[str, NDArray[np.bool_]],
) -> Block:
    """Returns all columns of the triplets, pads included.

    Args:
        rng: The source of the random numbers.
        triplets: The triplets.
        muons: The muons that they are made of.
        flight: The way of the τ of each event, 3 × events; NaN without a τ.
        distances: For each list of trigger objects the ΔR of all muons to the nearest object.
        flags: `is_global` and `is_pf` of all muons.
    """
    size = len(triplets.event)
    total = _sum(muons.momentum.with_mass(MUON_MASS), triplets.legs)
    columns: dict[str, NDArray[Any]] = {
        "mass": total.mass,
        "pt": total.pt,
        "eta": total.eta,
        "phi": total.phi,
        "charge": muons.charge[triplets.legs].sum(axis=1),
        "pv_n_tracks": np.zeros(size),
        "pv_refit_is_valid": ~triplets.padded,
        "pv_refit_n_tracks": 2 + rng.poisson(_MEAN_PV_TRACKS, size),
        "min_dca_iso": triplets.quality["min_dca_iso"],
        "vertex_chi2": 3 * triplets.quality["vertex_chi2_per_dof"],
        "vertex_ndof": np.full(size, 3),
        "vertex_covariance": rng.exponential(1e-4, (size, 6)),
        "pv_refit_covariance": rng.exponential(1e-5, (size, 6)),
    }
    columns |= _leg_columns(rng, triplets, muons, distances, flags)
    columns |= _refit_columns(rng, triplets, muons)
    columns |= _vertex_columns(rng, triplets, total, flight)
    named = {f"triplet.{name}": values for name, values in columns.items()}
    named |= draw_defaults(rng, {"triplet": triplets.counts}, named, SKIM)
    gaps = {"no_track": _NO_TRACK, "no_sv_refit": _NO_REFIT}
    gaps |= {f"no_vertex{pair}": _NO_PAIR_VERTEX for pair in (12, 13, 23)}
    gaps |= {f"no_iso_track{leg}": _NO_ISOLATION_TRACK for leg in (1, 2, 3)}
    named = with_gaps(named, {k: rng.random(size) < rate for k, rate in gaps.items()}, SKIM)
    for view in named.keys() - set(REAL_IN_PADS):
        named[view] = named[view].copy()
        named[view][triplets.padded] = PAD
    return Block({"triplet": triplets.counts}, named)


def _leg_columns(
    rng: Generator,
    triplets: Triplets,
    muons: Particles,
    distances: Mapping[str, NDArray[Any]],
    flags: Mapping[str, NDArray[np.bool_]],
) -> dict[str, NDArray[Any]]:
    size, quality = len(triplets.event), triplets.quality
    low, high = quality["min_dxy_significance"], quality["max_dxy_significance"]
    dxy = rng.permuted(np.array([low, np.sqrt(low * high), high]).T, axis=1)
    dxy *= rng.choice([-1, 1], (size, 3))
    errors = rng.uniform(*_DXY_ERRORS, (size, 3))
    rank = rank_in_event(triplets.event)
    columns: dict[str, NDArray[Any]] = {}
    for number, position in enumerate(triplets.legs.T):
        leg = f"mu{number + 1}"
        pt, eta, phi = muons.momentum[position]
        columns |= {f"{leg}.pt": pt, f"{leg}.eta": eta, f"{leg}.phi": phi}
        columns[f"{leg}.candidate_index"] = rank
        columns[f"{leg}.dxy"] = dxy[:, number] * errors[:, number]
        columns[f"{leg}.dxy_err"] = errors[:, number]
        for name, values in flags.items():
            columns[f"{leg}.{name}"] = values[position]
        for year, nearest in distances.items():
            columns[f"{leg}.trigger_dr_{year}"] = nearest[position]
    return columns


def _refit_columns(rng: Generator, triplets: Triplets, muons: Particles) -> dict[str, NDArray[Any]]:
    """Returns the legs as the fit of their common vertex changes them."""
    size, columns, refit = len(triplets.event), {}, []
    for number, position in enumerate(triplets.legs.T, 1):
        pt, eta, phi = muons.momentum[position]
        leg = Momentum(pt * rng.normal(1, _REFIT_PT_CHANGE, size), eta, phi)
        refit.append(leg.with_mass(MUON_MASS))
        for name, values in zip(("pt", "eta", "phi"), leg, strict=True):
            columns[f"refit{number}.{name}"] = values
        columns[f"refit{number}.candidate_index"] = rank_in_event(triplets.event)
    return columns | {"sv_refit_mass": (refit[0] + refit[1] + refit[2]).mass}


def _vertex_columns(
    rng: Generator, triplets: Triplets, total: Any, flight: NDArray[np.float64]
) -> dict[str, NDArray[Any]]:
    """Returns both vertices, and the distances between them.

    The way from one to the other makes the pointing angle with the momentum.
    """
    size = len(triplets.event)
    true = np.linalg.norm(flight, axis=0)[triplets.event]
    length = np.where(triplets.core & ~np.isnan(true), true,
                      rng.exponential(_APPARENT_FLIGHT, size))  # fmt: skip
    ahead = np.array([total.px, total.py, total.pz]) / total.p
    beside = np.cross(ahead, rng.standard_normal((3, size)), axis=0)
    beside /= np.linalg.norm(beside, axis=0)
    angle = triplets.quality["pointing_angle"]
    way = length * (np.cos(angle) * ahead + np.sin(angle) * beside)
    error, error_xy = rng.uniform(*_FLIGHT_ERRORS, size), rng.uniform(*_FLIGHT_ERRORS_XY, size)
    length_xy = np.hypot(way[0], way[1])
    columns = {
        "flight_distance_pv": length,
        "flight_distance_pv_err": error,
        "flight_significance_pv": length / error,
        "flight_distance_xy_pv": length_xy,
        "flight_significance_xy_pv": length_xy / error_xy,
        "flight_distance_bs": length_xy,
        "flight_distance_bs_err": error_xy,
        "flight_significance": length_xy / error_xy,
    }
    for axis, spot, spread, step in zip("xyz", _BEAM_SPOT, _PV_SPREAD, way, strict=True):
        vertex = rng.normal(spot, spread, len(triplets.counts))[triplets.event]
        columns[f"bs_{axis}"] = np.full(size, spot)
        columns[f"pv_{axis}"] = columns[f"pv_refit_{axis}"] = vertex
        columns[f"vertex_{axis}"] = vertex + step
    return columns


def _sum(p4: Any, legs: NDArray[np.int64]) -> Any:
    return p4[legs[:, 0]] + p4[legs[:, 1]] + p4[legs[:, 2]]
