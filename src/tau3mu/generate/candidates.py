"""Candidates: pairs of muons with opposite charge and a track, as the skim builds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.generate.block import partners, rank_in_event
from tau3mu.generate.particles import MUON_MASS, NO_LEG, PION, PION_MASS

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.particles import Particles

__all__ = ["Candidates", "build_candidates"]

_MOST_CANDIDATES = 12  # per event
_HIGHEST_ETA = 2.4
_LOWEST_MUON_PT = 2.0
_LOWEST_TRACK_PT = 1.0
_DIMUON_MASS = (0.5, 1.5)
_CANDIDATE_MASS = (0.8, 3.0)
_VERTEX_AT_LOWEST_MASS = 0.8  # chance of a vertex of unrelated particles,
_VERTEX_SLOPE = 0.7  # which falls exponentially with their mass, in 1/GeV
_PADDED = 0.03
_PV_LOST = 0.02  # candidates that leave their primary vertex less than two tracks


@dataclass(frozen=True)
class Candidates:
    """Candidates of all events, one event after the other.

    Attributes:
        event: The event of each candidate.
        counts: How many candidates each event has.
        mu1: The positions of the first muons among the muons.
        mu2: The positions of the second muons.
        track: The positions of the tracks among the tracks.
        index: The number of each candidate in its event when it was built.
        n_built: How many candidates each event had then.
        signal: Whether the three legs are those of the decay.
        padded: Whether the refit of the primary vertex failed.
    """

    event: NDArray[np.int64]
    counts: NDArray[np.int64]
    mu1: NDArray[np.int64]
    mu2: NDArray[np.int64]
    track: NDArray[np.int64]
    index: NDArray[np.int64]
    n_built: NDArray[np.int64]
    signal: NDArray[np.bool_]
    padded: NDArray[np.bool_]


def build_candidates(rng: Generator, muons: Particles, tracks: Particles) -> Candidates:
    """Returns the candidates that pass the cuts of the skim and have a vertex."""
    size = len(muons.counts)
    muon_p4 = muons.momentum.with_mass(MUON_MASS)
    track_p4 = tracks.momentum.with_mass(PION_MASS)
    mu1, mu2 = _pairs(muons, muon_p4)
    pair, track = partners(muons.event[mu1], tracks.counts)
    keep = _accepted(tracks, _LOWEST_TRACK_PT)[track]
    mu1, mu2, track = mu1[pair[keep]], mu2[pair[keep]], track[keep]
    mass = (muon_p4[mu1] + muon_p4[mu2] + track_p4[track]).mass
    muon_legs = (muons.leg[mu1] != NO_LEG) & (muons.leg[mu2] != NO_LEG)
    signal = muon_legs & (tracks.leg[track] == PION)
    chance = _VERTEX_AT_LOWEST_MASS * np.exp(-_VERTEX_SLOPE * (mass - _CANDIDATE_MASS[0]))
    found = np.flatnonzero(
        _between(mass, _CANDIDATE_MASS) & (signal | (rng.random(len(mass)) < chance))
    )
    found = found[rank_in_event(muons.event[mu1[found]]) < _MOST_CANDIDATES]
    event = muons.event[mu1[found]]
    n_built, index = np.bincount(event, minlength=size), rank_in_event(event)
    left = rng.random(len(found)) >= _PV_LOST
    found, event, index = found[left], event[left], index[left]
    return Candidates(
        event=event,
        counts=np.bincount(event, minlength=size),
        mu1=mu1[found],
        mu2=mu2[found],
        track=track[found],
        index=index,
        n_built=n_built,
        signal=signal[found],
        padded=rng.random(len(found)) < _PADDED,
    )


def _pairs(muons: Particles, p4: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Returns the pairs of muons with opposite charge, each in the order of the muons."""
    first, second = partners(muons.event, muons.counts)
    accepted = _accepted(muons, _LOWEST_MUON_PT)
    keep = (first < second) & accepted[first] & accepted[second]
    keep &= muons.charge[first] != muons.charge[second]
    first, second = first[keep], second[keep]
    keep = _between((p4[first] + p4[second]).mass, _DIMUON_MASS)
    return first[keep], second[keep]


def _accepted(particles: Particles, lowest_pt: float) -> NDArray[np.bool_]:
    momentum = particles.momentum
    accepted: NDArray[np.bool_] = (momentum.pt > lowest_pt) & (np.abs(momentum.eta) < _HIGHEST_ETA)
    return accepted


def _between(mass: NDArray[Any], limits: tuple[float, float]) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = (mass > limits[0]) & (mass < limits[1])
    return inside
