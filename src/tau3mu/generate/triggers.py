"""Triggers: the menu of each run, what fired, and the objects that made it fire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.generate.block import partners
from tau3mu.generate.particles import PION, Momentum, wrap

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from tau3mu.generate.particles import Particles

__all__ = [
    "TriggerObjects",
    "draw_decisions",
    "draw_trigger_objects",
    "menu",
    "nearest_object",
    "prescale",
    "version",
]

# Each trigger with its chance to fire in an event that the skim is meant for, and in others.
_CHANCES = {
    "hlt": {
        "HLT_DoubleMu3_Trk_Tau3mu": (0.9, 0.0),
        "HLT_DoubleMu3_TkMu_DsTau3Mu": (0.4, 0.05),
        "HLT_Dimuon0_LowMass": (0.3, 0.15),
        "HLT_DoubleMu4_3_Bs": (0.15, 0.15),
        "HLT_DoubleMu3_Trk_Tau3mu_NoL1Mass": (0.15, 0.15),
        "HLT_Mu12_IP6": (0.005, 0.005),
    },
    "l1": {
        "L1_DoubleMu0er1p5_SQ_OS_dR_Max1p4": (0.6, 0.02),
        "L1_DoubleMu4_SQ_OS_dR_Max1p2": (0.6, 0.02),
        "L1_DoubleMu4p5_SQ_OS_dR_Max1p2": (0.6, 0.02),
        "L1_DoubleMu_15_7": (0.3, 0.02),
        "L1_TripleMu_5SQ_3SQ_0OQ_DoubleMu_5_3_SQ_OS_Mass_Max9": (0.4, 0.02),
        "L1_TripleMu_5_3p5_2p5_DoubleMu_5_2p5_OS_Mass_5to17": (0.2, 0.02),
        "L1_SingleMu22": (0.1, 0.1),
        "L1_SingleMu25": (0.1, 0.1),
        "L1_SingleMu7": (0.1, 0.1),
    },
}
_MEANT_IN_SIMULATION = 0.9
_MEANT_IN_DATA = 0.6
_IN_ODD_RUNS_MISSING = "L1_TripleMu_5_3p5_2p5_DoubleMu_5_2p5_OS_Mass_5to17"
_PRESCALES = {"L1_SingleMu7": 100}  # in data
_SIMULATED_RUN = 1

# For each list of trigger objects the path of the filter, the lowest pt, and whether tracks are
# among the objects.
_FILTERS = {
    "2017": ("HLT_DoubleMu3_Trk_Tau3mu", 2.0, True),
    "2018": ("HLT_DoubleMu3_TkMu_DsTau3Mu", 2.0, True),
    "dimuon": ("HLT_Dimuon0_LowMass", 2.0, False),
    "bparking_mu12_ip6": ("HLT_Mu12_IP6", 12.0, False),
}
_EFFICIENCY = 0.95  # of finding the object of a muon, or of the pion of a decay
_OTHER_TRACKS = 0.05
_PT_RESOLUTION = 0.02
_ANGLE_RESOLUTION = 0.004
_MOST_LABELS = 3  # an object is listed once for each filter label that it has
_NO_OBJECT = 1.0  # the distance to the nearest object in an event without any


@dataclass(frozen=True)
class TriggerObjects:
    """The objects of one filter, one event after the other."""

    counts: NDArray[np.int64]
    momentum: Momentum


def menu(level: str, run: int) -> list[str]:
    """Returns the triggers of a run, for `level` "hlt" or "l1", in the order of its lists.

    The order changes from run to run, and not every run has every trigger.
    """
    names = list(_CHANCES[level])
    first = run % len(names)
    odd = run % 2 == 1
    rotated = names[first:] + names[:first]
    return [name for name in rotated if not (odd and name == _IN_ODD_RUNS_MISSING)]


def version(run: int) -> int:
    """Returns the version of all HLT paths in a run."""
    return 2 + run % 6


def prescale(run: int, name: str) -> int:
    """Returns the prescale of an L1 seed in a run."""
    return 1 if run == _SIMULATED_RUN else _PRESCALES.get(name, 1)


def draw_decisions(
    rng: Generator, run: NDArray[Any], *, simulation: bool
) -> dict[str, NDArray[np.bool_]]:
    """Returns for each trigger, as `hlt.NAME` or `l1.NAME`, in which events it fired."""
    meant = rng.random(len(run)) < (_MEANT_IN_SIMULATION if simulation else _MEANT_IN_DATA)
    decisions = {}
    for level, chances in _CHANCES.items():
        for name, (wanted, other) in chances.items():
            runs = [number for number in np.unique(run) if name in menu(level, int(number))]
            chance = np.where(meant, wanted, other) * np.isin(run, runs)
            decisions[f"{level}.{name}"] = rng.random(len(run)) < chance
    return decisions


def draw_trigger_objects(
    rng: Generator, decisions: dict[str, NDArray[np.bool_]], muons: Particles, tracks: Particles
) -> dict[str, TriggerObjects]:
    """Returns the lists of objects by the name of their filter, empty where no path fired."""
    return {
        name: _draw_objects(rng, decisions[f"hlt.{path}"], muons, tracks, lowest_pt, with_tracks)
        for name, (path, lowest_pt, with_tracks) in _FILTERS.items()
    }


def _draw_objects(
    rng: Generator,
    fired: NDArray[np.bool_],
    muons: Particles,
    tracks: Particles,
    lowest_pt: float,
    with_tracks: bool,
) -> TriggerObjects:
    of_muons = fired[muons.event] & (muons.momentum.pt > lowest_pt)
    of_muons &= rng.random(len(of_muons)) < _EFFICIENCY
    chance = np.where(tracks.leg == PION, _EFFICIENCY, _OTHER_TRACKS) * with_tracks
    of_tracks = fired[tracks.event] & (tracks.momentum.pt > lowest_pt)
    of_tracks &= rng.random(len(of_tracks)) < chance
    event = np.concatenate([muons.event[of_muons], tracks.event[of_tracks]])
    order = np.argsort(event, kind="stable")
    pairs = zip(muons.momentum[of_muons], tracks.momentum[of_tracks], strict=True)
    pt, eta, phi = (np.concatenate(pair, dtype=np.float64)[order] for pair in pairs)
    size = len(event)
    momentum = Momentum(
        pt * rng.normal(1, _PT_RESOLUTION, size),
        eta + rng.normal(0, _ANGLE_RESOLUTION, size),
        wrap(phi + rng.normal(0, _ANGLE_RESOLUTION, size)),
    )
    listed = np.repeat(np.arange(size), rng.integers(1, _MOST_LABELS + 1, size))
    counts = np.bincount(event[order][listed], minlength=len(fired))
    return TriggerObjects(counts, momentum[listed])


def nearest_object(particles: Particles, objects: TriggerObjects) -> NDArray[np.float64]:
    """Returns the ΔR of each particle to the nearest object, 1 if its event has none."""
    entry, member = partners(particles.event, objects.counts)
    of, to = particles.momentum[entry], objects.momentum[member]
    distance = np.hypot(of.eta - to.eta, wrap(of.phi - to.phi))
    by_particle = ak.unflatten(distance, objects.counts[particles.event])
    nearest = ak.fill_none(ak.min(by_particle, axis=1), _NO_OBJECT)
    return np.asarray(nearest, np.float64)
