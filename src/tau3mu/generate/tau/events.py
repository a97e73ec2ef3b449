"""The content of a block of events of the search's skim."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.generate.block import Block, draw_defaults, with_gaps
from tau3mu.generate.columns import (
    empty_columns,
    growing_column,
    parking_columns,
    tracker_layers,
)
from tau3mu.generate.events import event_columns, object_columns
from tau3mu.generate.particles import MUON_MASS, NO_LEG, Momentum, Particles, wrap
from tau3mu.generate.tau.decays import KINDS, ORIGINS, draw_muons
from tau3mu.generate.tau.quality import CLASSES
from tau3mu.generate.tau.triplets import SKIM, build_triplets, triplet_columns
from tau3mu.generate.triggers import draw_decisions, draw_trigger_objects, nearest_object

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.tau.decays import Muons
    from tau3mu.generate.tau.triplets import Triplets

__all__ = ["draw_search_events"]

_LOWEST_PT: Final = 1.5
_HIGHEST_ETA: Final = 2.4
_CENTRAL, _FORWARD = 0.0085, 0.030  # relative resolution of pt at η = 0 and at the edge
_ANGLE_RESOLUTION: Final = 5e-4
_ERROR_OF_ERROR: Final = 0.05
_EXTRA_MUONS: Final = 0.25
_EXTRA_SPREAD: Final = 0.5
_TRUE, _FAKE = {"is_global": 0.93, "is_pf": 0.98}, {"is_global": 0.75, "is_pf": 0.9}
_NO_INNER_TRACK: Final = 0.005
_STANDALONE: Final = 0.5  # of the muons that are not global
_VZ_SPREAD: Final = 0.05
_PHOTONS: Final = 1.0
_CORE_QUALITY: Final = {
    "max_trk_kink": "combined_quality_trk_kink",
    "max_trk_rel_chi2": "combined_quality_trk_rel_chi2",
    "max_chi2_local_position": "combined_quality_chi2_local_position",
}
_MUON_ID, _TAU_ID = 13, 15


def draw_search_events(
    rng: Generator, first: int, size: int, *, origin: str, signal_share: float
) -> Block:
    """Returns the columns of some events.

    Args:
        rng: The source of the random numbers.
        first: The number of the first event, counted from zero.
        size: How many events.
        origin: The meson that all τ of a simulation come from; empty for data.
        signal_share: The mean fraction of data events that are signal.
    """
    true = draw_muons(rng, size, origin=origin, signal_share=signal_share)
    muons, errors, fake = _detected(rng, true)
    classes = np.array([_class_of(kind) for kind in KINDS])[true.kind]
    triplets = build_triplets(rng, muons, classes)
    columns = event_columns(rng, first, size, simulation=bool(origin))
    columns |= {
        "n_muons_reconstructed": muons.counts,
        "n_photons_reconstructed": rng.poisson(_PHOTONS, size),
        "n_triplets_built": triplets.counts,
        "n_good_triplets": np.bincount(triplets.event[~triplets.padded], minlength=size),
    }
    block = Block({}, columns)
    decisions = draw_decisions(rng, block.columns["run"], simulation=bool(origin))
    nobody = np.zeros(0, np.int64)
    no_tracks = Particles(nobody, np.zeros(size, np.int64), Momentum(*np.empty((3, 0))), nobody,
                          nobody)  # fmt: skip
    objects = draw_trigger_objects(rng, decisions, muons, no_tracks)
    distances = {year: nearest_object(muons, objects[year]) for year in ("2017", "2018")}
    block |= Block({}, dict(decisions))
    block |= object_columns(objects, SKIM)
    of_muons = _muon_columns(rng, muons, errors, fake, triplets, true, simulation=bool(origin))
    block |= of_muons
    flags = {name: of_muons.columns[f"muon.{name}"] for name in _TRUE}
    block |= triplet_columns(rng, triplets, muons, true.flight, distances, flags)
    photons = {"photon": columns["n_photons_reconstructed"]}
    block |= Block(photons, draw_defaults(rng, photons, {}, SKIM))
    if origin:
        block |= _gen_columns(true)
    block |= growing_column(objects["bparking_mu12_ip6"])
    block |= parking_columns(triplets.event[triplets.padded], size, SKIM)
    return block | empty_columns(block, SKIM)


def _class_of(kind: str) -> int:
    name = "combination" if kind == "combination" else "fake"
    return CLASSES.index("signal" if kind in {one.name for one in ORIGINS} else name)


def _detected(
    rng: Generator, true: Muons
) -> tuple[Particles, NDArray[np.float64], NDArray[np.bool_]]:
    """Returns the muons that the detector finds, their relative errors of pt, and which are fake.

    Those of an event are in the order of their pt.
    """
    size = len(true.kind)
    extra = np.repeat(np.arange(size), rng.poisson(_EXTRA_MUONS, size))
    pt, eta, phi = (component.reshape(-1) for component in true.momentum)
    near = 3 * extra
    event = np.concatenate([np.repeat(np.arange(size), 3), extra])
    leg = np.concatenate([np.tile([1, 2, 3], size), np.full(len(extra), NO_LEG)])
    charge = np.concatenate([true.charge.reshape(-1), rng.choice([-1, 1], len(extra))])
    fake = np.concatenate([true.fake.reshape(-1), rng.random(len(extra)) < 0.5])
    pt = np.concatenate([pt, 1.5 + rng.exponential(2.5, len(extra))])
    eta = np.concatenate([eta, eta[near] + rng.normal(0, _EXTRA_SPREAD, len(extra))])
    phi = np.concatenate([phi, phi[near] + rng.normal(0, _EXTRA_SPREAD, len(extra))])
    resolution = _CENTRAL + (_FORWARD - _CENTRAL) * np.square(eta / _HIGHEST_ETA)
    pt = pt * (1 + resolution * rng.standard_normal(len(pt)))
    eta = eta + rng.normal(0, _ANGLE_RESOLUTION, len(eta))
    phi = wrap(phi + rng.normal(0, _ANGLE_RESOLUTION, len(phi)))
    errors = resolution * np.exp(rng.normal(0, _ERROR_OF_ERROR, len(pt)))
    found = np.flatnonzero((pt > _LOWEST_PT) & (np.abs(eta) < _HIGHEST_ETA))
    order = found[np.lexsort((-pt[found], event[found]))]
    momentum = Momentum(*(values[order].astype(np.float32) for values in (pt, eta, phi)))
    counts = np.bincount(event[order], minlength=size)
    particles = Particles(event[order], counts, momentum, charge[order], leg[order])
    return particles, errors[order], fake[order]


def _muon_columns(
    rng: Generator,
    muons: Particles,
    errors: NDArray[np.float64],
    fake: NDArray[np.bool_],
    triplets: Triplets,
    true: Muons,
    *,
    simulation: bool,
) -> Block:
    size = len(muons.event)
    no_inner_track = rng.random(size) < _NO_INNER_TRACK
    flags = {name: rng.random(size) < np.where(fake, _FAKE[name], _TRUE[name]) for name in _TRUE}
    is_global = flags["is_global"] & ~no_inner_track
    is_standalone = is_global | no_inner_track | (rng.random(size) < _STANDALONE)
    pt, eta, phi = muons.momentum
    truth = (muons.leg != NO_LEG) & ~fake & simulation
    sign = np.sign(true.charge.sum(axis=1))[muons.event]
    columns = {
        "pt": pt,
        "eta": eta,
        "phi": phi,
        "energy": muons.momentum.with_mass(MUON_MASS).E,
        "charge": muons.charge,
        "pt_relative_err": errors,
        "vz": rng.normal(0.9, 4.0, len(muons.counts))[muons.event]
        + rng.normal(0, _VZ_SPREAD, size),
        "best_track_pt": pt,
        "best_track_eta": eta,
        "best_track_phi": phi,
        "best_track_pt_err": pt * errors,
        "pdg_id": -_MUON_ID * muons.charge * truth,
        "mother_pdg_id": -_TAU_ID * sign * truth,
        "sim_flavour": _MUON_ID * truth,
        "is_global": is_global,
        "is_pf": flags["is_pf"],
        "is_standalone": is_standalone,
        "is_tracker": ~no_inner_track,
        "is_loose": ~no_inner_track,
        **_quality_columns(rng, muons, triplets),
    }
    named = {f"muon.{name}": values for name, values in columns.items()}
    named |= draw_defaults(rng, {"muon": muons.counts}, named, SKIM)
    gaps = {
        "no_inner_track": no_inner_track,
        "no_outer_track": ~is_standalone,
        "not_global": ~is_global,
    }
    part = Block({"muon": muons.counts}, with_gaps(named, gaps, SKIM))
    return part | tracker_layers(rng, muons, no_inner_track)


def _quality_columns(
    rng: Generator, muons: Particles, triplets: Triplets
) -> dict[str, NDArray[np.float64]]:
    """Returns what the muon system says of each muon.

    The worst muon of the three that an event was made with has what the truth says of the triplet,
    the other two something better.
    """
    size = len(muons.event)
    core = np.flatnonzero(triplets.core)
    legs = triplets.legs[core]
    found = {}
    for quantity, column in _CORE_QUALITY.items():
        values = np.exp(rng.normal(1.5 if quantity != "max_trk_rel_chi2" else 0.2, 0.7, size))
        worst = triplets.quality[quantity][core][:, np.newaxis]
        values[legs] = worst * _with_one_of_three(rng, rng.uniform(0.1, 1, (len(core), 3)))
        found[column] = values
    compatibility = rng.uniform(0.2, 1, size)
    worst = triplets.quality["min_segment_compatibility"][core][:, np.newaxis]
    better = 1 - _with_one_of_three(rng, rng.uniform(0, 1, (len(core), 3)))
    compatibility[legs] = worst + (1 - worst) * better
    return found | {"segment_compatibility": compatibility}


def _with_one_of_three(rng: Generator, values: NDArray[np.float64]) -> NDArray[np.float64]:
    values[np.arange(len(values)), rng.integers(3, size=len(values))] = 1
    return values


def _gen_columns(true: Muons) -> Block:
    """Returns meson, τ and muons of a simulation, in which every event has them."""
    size = len(true.kind)
    origin = next(one for one in ORIGINS if one.name == KINDS[int(true.kind[0])])
    sign = np.sign(true.charge.sum(axis=1))
    momenta = [true.mother, true.tau]
    columns: dict[str, NDArray[Any]] = {}
    for name in ("pt", "eta", "phi"):
        first = np.array([getattr(p4, name) for p4 in momenta]).T
        columns[name] = np.concatenate([first, getattr(true.momentum, name)], axis=1)
    meson, tau = sign * origin.pdg_id, -sign * _TAU_ID
    ids = [meson, tau, *(-_MUON_ID * true.charge).T]
    columns["pdg_id"] = np.array(ids).T
    columns["mother_pdg_id"] = np.array([0 * sign, meson, tau, tau, tau]).T
    columns["grandmother_pdg_id"] = np.array([0 * sign, 0 * sign, meson, meson, meson]).T
    for name, way in zip(("vx", "vy", "vz"), true.flight, strict=True):
        columns[name] = np.array([0 * way, 0 * way, way, way, way]).T
    flat = {f"gen.{name}": np.asarray(values).reshape(-1) for name, values in columns.items()}
    return Block({"gen": np.full(size, len(ids))}, flat)
