"""The three muons of each event of the search's skim, before the detector.

All momenta are in GeV and all lengths in cm. Decays are isotropic in the rest frame of the mother,
and τ→3μ is uniform in phase space.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import vector

from tau3mu.generate.particles import (
    DS_MASS,
    MUON_MASS,
    PHI_MASS,
    PHI_WIDTH,
    Momentum,
    two_body_decay,
    wrap,
)

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = ["KINDS", "ORIGINS", "TAU_MASS", "Muons", "Origin", "draw_muons"]

TAU_MASS: Final = 1.77686
_TAU_LENGTH: Final = 87.03e-4
"""Mean decay length cτ; source of masses and lifetimes: the Particle Data Group."""


@dataclass(frozen=True)
class Origin:
    """A meson that decays to a τ.

    Attributes:
        name: What the command line calls it.
        pdg_id: That of the meson.
        mass: In GeV.
        length: Mean decay length cτ in cm.
        recoil: Mass in GeV of what else the meson decays to.
        mean_pt: The mean transverse momentum in GeV above the lowest.
        share: Decays to a τ for each one of a D_s.
    """

    name: str
    pdg_id: int
    mass: float
    length: float
    recoil: float
    mean_pt: float
    share: float


ORIGINS: Final = (
    Origin("ds", 431, DS_MASS, 151.2e-4, 0.0, 8.0, 1.0),
    Origin("bplus", 521, 5.27934, 491.1e-4, 2.0, 12.0, 0.27),
    Origin("bzero", 511, 5.27966, 455.7e-4, 2.0, 12.0, 0.27),
)
_LOWEST_PT: Final = 11.0  # of mesons, as in the ntuples of the control channel
_HIGHEST_ETA: Final = 2.0

KINDS: Final = ("combination", "phi", "omega", "eta", *(one.name for one in ORIGINS))
_BACKGROUND: Final = (0.85, 0.06, 0.04, 0.05)
"""The fractions of the first four kinds in data without signal."""
_OMEGA_MASS, _OMEGA_WIDTH = 0.78266, 0.00868
_ETA_MASS: Final = 0.547862
_RESONANCE_PT = 7.0, 6.0  # lowest and mean above it
_FAKE_PT = 2.5, 3.0
_COMBINED_PT = 2.5, 3.5
_SPREAD: Final = 0.16  # of unrelated particles around a common axis, in η and in φ


@dataclass(frozen=True)
class Muons:
    """The three muons of each event, true ones or particles that are taken for muons.

    Attributes:
        kind: Index into `KINDS`, one per event.
        momentum: True momenta, events × 3.
        charge: Events × 3; a triplet has charge ±1.
        fake: Which are no muons.
        tau: The four-vectors of the τ of the events with one.
        mother: The four-vectors of their mothers.
        flight: The way of the τ and its mother, 3 × events; NaN without a τ.
    """

    kind: NDArray[np.int64]
    momentum: Momentum
    charge: NDArray[np.int64]
    fake: NDArray[np.bool_]
    tau: Any
    mother: Any
    flight: NDArray[np.float64]

    @property
    def has_tau(self) -> NDArray[np.bool_]:
        """Which events have a τ."""
        found: NDArray[np.bool_] = self.kind >= len(_BACKGROUND)
        return found


def draw_muons(rng: Generator, size: int, *, origin: str, signal_share: float) -> Muons:
    """Returns the muons of some events.

    Args:
        rng: The source of the random numbers.
        size: The number of events.
        origin: The name of the meson that all τ come from, in simulation of signal; empty for data.
        signal_share: The mean fraction of data events that are signal.
    """
    n_background = len(_BACKGROUND)
    if origin:
        kind = np.full(size, KINDS.index(origin))
    else:
        shares = np.array([one.share for one in ORIGINS])
        chances = [
            *(np.array(_BACKGROUND) * (1 - signal_share)),
            *(signal_share * shares / shares.sum()),
        ]
        kind = np.searchsorted(np.cumsum(chances)[:-1], rng.random(size), side="right")
    momentum = Momentum(*(np.empty((size, 3)) for _ in range(3)))
    charge = np.empty((size, 3), np.int64)
    fake = np.zeros((size, 3), np.bool_)
    eta = rng.uniform(-_HIGHEST_ETA, _HIGHEST_ETA, size)
    phi = rng.uniform(-np.pi, np.pi, size)

    plain = np.flatnonzero(kind == 0)
    _put(momentum, plain, slice(None), _spray(rng, eta[plain], phi[plain], 3, _COMBINED_PT))
    charge[plain] = _charges(rng, len(plain))
    fake[plain, 2] = rng.random(len(plain)) < 0.6

    resonant = np.flatnonzero((kind > 0) & (kind < n_background))
    mass = _dimuon_mass(rng, kind[resonant])
    pt = _RESONANCE_PT[0] + rng.exponential(_RESONANCE_PT[1], len(resonant))
    resonance = Momentum(pt, eta[resonant], phi[resonant]).with_mass(mass)
    for leg, muon in enumerate(two_body_decay(rng, resonance, MUON_MASS, MUON_MASS)):
        _put(momentum, resonant, leg, _momentum(muon))
        charge[resonant, leg] = 1 - 2 * leg
    _put(momentum, resonant, slice(2, 3),
         _spray(rng, eta[resonant], phi[resonant], 1, _FAKE_PT))  # fmt: skip
    charge[resonant, 2] = rng.choice([-1, 1], len(resonant))
    fake[resonant, 2] = True

    signal = np.flatnonzero(kind >= n_background)
    tau, mother, way = _draw_taus(rng, kind[signal] - n_background, eta[signal], phi[signal])
    for leg, muon in enumerate(_three_muons(rng, tau)):
        _put(momentum, signal, leg, _momentum(muon))
    charge[signal] = np.array([1, -1, 1]) * rng.choice([-1, 1], len(signal))[:, np.newaxis]
    flight = np.full((3, size), np.nan)
    flight[:, signal] = way
    return Muons(kind, momentum, charge, fake, tau, mother, flight)


def _put(into: Momentum, events: NDArray[np.int64], legs: Any, values: Momentum) -> None:
    for component, value in zip(into, values, strict=True):
        component[events, legs] = value


def _momentum(p4: Any) -> Momentum:
    return Momentum(np.asarray(p4.pt), np.asarray(p4.eta), np.asarray(p4.phi))


def _spray(
    rng: Generator,
    eta: NDArray[Any],
    phi: NDArray[Any],
    number: int,
    pt: tuple[float, float],
) -> Momentum:
    """Returns particles around an axis per event, events × number."""
    shape = len(eta), number
    return Momentum(
        pt[0] + rng.exponential(pt[1], shape),
        eta[:, np.newaxis] + rng.normal(0, _SPREAD, shape),
        wrap(phi[:, np.newaxis] + rng.normal(0, _SPREAD, shape)),
    )


def _charges(rng: Generator, size: int) -> NDArray[np.int64]:
    """Returns three charges per event of which one differs from the other two."""
    charge = np.repeat(rng.choice([-1, 1], size)[:, np.newaxis], 3, axis=1)
    charge[np.arange(size), rng.integers(3, size=size)] *= -1
    return charge


def _dimuon_mass(rng: Generator, kind: NDArray[np.int64]) -> NDArray[np.float64]:
    """Returns the mass of the two muons of a φ, an ω or an η→μμγ."""
    lowest = 2 * MUON_MASS
    mass = rng.uniform(lowest + 0.01, _ETA_MASS - 0.01, len(kind))
    for name, value, width in (
        ("phi", PHI_MASS, PHI_WIDTH),
        ("omega", _OMEGA_MASS, _OMEGA_WIDTH),
    ):
        here = kind == KINDS.index(name)
        low = np.arctan(2 * (lowest - value) / width)
        angle = rng.uniform(low, np.arctan(2 * 0.5 / width), here.sum())
        mass[here] = value + width / 2 * np.tan(angle)
    return mass


def _draw_taus(
    rng: Generator, origin: NDArray[np.int64], eta: NDArray[Any], phi: NDArray[Any]
) -> tuple[Any, Any, NDArray[np.float64]]:
    """Returns τ, their mothers, and the way from the collision to the decay of the τ."""

    def each(name: str) -> NDArray[np.float64]:
        return np.array([getattr(one, name) for one in ORIGINS], np.float64)[origin]

    pt = _LOWEST_PT + rng.exponential(each("mean_pt"), len(origin))
    mother = Momentum(pt, eta, phi).with_mass(each("mass"))
    _, tau = two_body_decay(rng, mother, each("recoil"), TAU_MASS)
    way = np.zeros((3, len(origin)))
    for particle, mass, length in (
        (mother, each("mass"), each("length")),
        (tau, TAU_MASS, _TAU_LENGTH),
    ):
        proper = rng.exponential(length, len(origin))
        way += np.array([particle.px, particle.py, particle.pz]) / mass * proper
    return tau, mother, way


def _three_muons(rng: Generator, tau: Any) -> tuple[Any, Any, Any]:
    """Returns the muons of τ→3μ: the mass of a pair is drawn first, each then decays to two."""
    masses, cumulative = _pair_masses()
    pair_mass = np.interp(rng.random(len(tau)), cumulative, masses)
    exact = vector.array({"pt": tau.pt, "eta": tau.eta, "phi": tau.phi,
                          "mass": np.full(len(tau), TAU_MASS)}).to_xyzt()  # fmt: skip
    pair, third = two_body_decay(rng, exact, pair_mass, MUON_MASS)
    first, second = two_body_decay(rng, pair, MUON_MASS, MUON_MASS)
    return first, second, third


@cache
def _pair_masses() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Returns masses of a pair of muons and the fraction of phase space below each."""
    mass = np.linspace(2 * MUON_MASS, TAU_MASS - MUON_MASS, 1001)

    def momentum(mother: Any, one: Any, other: float) -> Any:
        squares = (mother**2 - (one + other) ** 2) * (mother**2 - (one - other) ** 2)
        return np.sqrt(np.maximum(squares, 0)) / (2 * mother)

    density = momentum(TAU_MASS, mass, MUON_MASS) * momentum(mass, MUON_MASS, MUON_MASS)
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return mass, cumulative / cumulative[-1]
