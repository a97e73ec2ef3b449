"""The particles of each event: decays of D mesons, and muons and tracks around the same axis.

All momenta are in GeV. Decays are isotropic in the rest frame of the mother.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import vector

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.random import Generator
    from numpy.typing import NDArray

__all__ = [
    "DPLUS_MASS",
    "DS_MASS",
    "MUON_1",
    "MUON_2",
    "MUON_MASS",
    "NO_LEG",
    "PHI_MASS",
    "PHI_WIDTH",
    "PION",
    "PION_MASS",
    "Decays",
    "Momentum",
    "Particles",
    "draw_particles",
    "draw_phi_mass",
    "radiate",
    "smear",
    "two_body_decay",
    "wrap",
]

MUON_MASS = 0.1056583755
PION_MASS = 0.13957039
PHI_MASS = 1.019461
PHI_WIDTH = 0.004249
DS_MASS = 1.96835
DPLUS_MASS = 1.86966

_PT_RESOLUTION = 0.0115
_ANGLE_RESOLUTION = 5e-4
_RADIATING = 0.125  # of the muons, so that it is a quarter of the decays to two of them
_MEAN_LOSS = 0.04  # of the pt of those that radiate


@dataclass(frozen=True)
class Momentum:
    """Transverse momentum, pseudorapidity and azimuth, one entry per particle."""

    pt: NDArray[Any]
    eta: NDArray[Any]
    phi: NDArray[Any]

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Iterates over the three components."""
        return iter((self.pt, self.eta, self.phi))

    def __len__(self) -> int:
        """Returns the number of particles."""
        return len(self.pt)

    def __getitem__(self, index: Any) -> Momentum:
        """Returns the momenta of the particles that `index` selects."""
        return Momentum(*(component[index] for component in self))

    def with_mass(self, mass: float | NDArray[Any]) -> Any:
        """Returns Cartesian four-vectors."""
        masses = np.broadcast_to(mass, self.pt.shape)
        polar = {"pt": self.pt, "eta": self.eta, "phi": self.phi, "mass": masses}
        doubles = {name: np.asarray(values, np.float64) for name, values in polar.items()}
        return vector.array(doubles).to_xyzt()


def wrap(phi: NDArray[Any]) -> NDArray[Any]:
    """Returns the angle in [-pi, pi)."""
    return (phi + np.pi) % (2 * np.pi) - np.pi


def draw_phi_mass(rng: Generator, highest: NDArray[Any]) -> NDArray[Any]:
    """Returns masses of the phi: a Breit-Wigner between two muon masses and `highest`."""
    lower = np.arctan(2 * (2 * MUON_MASS - PHI_MASS) / PHI_WIDTH)
    upper = np.arctan(2 * (highest - PHI_MASS) / PHI_WIDTH)
    angle = rng.uniform(lower, upper)
    return PHI_MASS + PHI_WIDTH / 2 * np.tan(angle)


def two_body_decay(
    rng: Generator, mother: Any, first_mass: float | NDArray[Any], second_mass: float
) -> tuple[Any, Any]:
    """Returns the four-vectors of the two daughters of each mother, in the laboratory."""
    mass = mother.mass
    energy = (mass**2 + np.square(first_mass) - second_mass**2) / (2 * mass)
    momentum = np.sqrt(np.maximum(energy**2 - np.square(first_mass), 0))
    cosine, azimuth = rng.uniform(-1, 1, len(mass)), rng.uniform(-np.pi, np.pi, len(mass))
    sine = np.sqrt(1 - cosine**2)
    x, y, z = (momentum * c for c in (sine * np.cos(azimuth), sine * np.sin(azimuth), cosine))
    first: Any = vector.array({"px": x, "py": y, "pz": z, "E": energy})
    second: Any = vector.array({"px": -x, "py": -y, "pz": -z, "E": mass - energy})
    return first.boost_p4(mother), second.boost_p4(mother)


def smear(rng: Generator, true: Any) -> Momentum:
    """Returns the measured momenta of particles with the given true four-vectors."""
    size = len(true)
    return Momentum(
        true.pt * rng.normal(1, _PT_RESOLUTION, size),
        true.eta + rng.normal(0, _ANGLE_RESOLUTION, size),
        wrap(true.phi + rng.normal(0, _ANGLE_RESOLUTION, size)),
    )


def radiate(rng: Generator, muons: Momentum) -> Momentum:
    """Returns the momenta after the unseen energy loss that gives mass peaks their lower tail."""
    size = len(muons)
    loss = np.where(rng.random(size) < _RADIATING, rng.exponential(_MEAN_LOSS, size), 0)
    return replace(muons, pt=muons.pt * np.maximum(1 - loss, 0.5))


NO_LEG, MUON_1, MUON_2, PION = 0, 1, 2, 3  # which leg of the decay a particle is

# The fractions of events with a Ds, with a D+, and with a phi of which the pion is lost.
_DATA_FRACTIONS = (0.06, 0.025, 0.1)
_SIMULATION_FRACTIONS = (1.0, 0.0, 0.0)
_DPLUS, _LONE_PHI = 1, 2
_LOWEST_MESON_PT = 11.0
_MEAN_MESON_PT = 8.0  # above the lowest
_TWINS = 0.01  # particles with the pt of their neighbour, half of them with its direction, too


@dataclass(frozen=True)
class Decays:
    """The true four-vectors of decays to phi pi, at most one per event.

    Attributes:
        event: The event of each decay.
        charge: That of the meson and of the pion; the first muon is negative.
        has_pion: Whether the pion is reconstructed.
        meson: Four-vectors of the mesons, and so on.
        phi: The daughter of the meson.
        legs: The two muons and the pion.
    """

    event: NDArray[np.int64]
    charge: NDArray[np.int64]
    has_pion: NDArray[np.bool_]
    meson: Any
    phi: Any
    legs: tuple[Any, Any, Any]


@dataclass(frozen=True)
class Particles:
    """Reconstructed muons or tracks, one event after the other.

    Attributes:
        event: The event of each particle.
        counts: How many particles each event has.
        momentum: What the detector measured.
        charge: In units of the elementary charge.
        leg: `NO_LEG`, or which leg of the decay the particle is.
    """

    event: NDArray[np.int64]
    counts: NDArray[np.int64]
    momentum: Momentum
    charge: NDArray[np.int64]
    leg: NDArray[np.int64]

    def __getitem__(self, keep: NDArray[np.bool_]) -> Particles:
        """Returns the particles that are to be kept."""
        event = self.event[keep]
        counts = np.bincount(event, minlength=len(self.counts))
        return Particles(event, counts, self.momentum[keep], self.charge[keep], self.leg[keep])


def draw_particles(
    rng: Generator, size: int, *, simulation: bool
) -> tuple[Decays, Particles, Particles]:
    """Returns the decays, the muons and the tracks of `size` events.

    Every event has two muons or more, and more tracks than muons.
    """
    axis_eta, axis_phi = rng.uniform(-2, 2, size), rng.uniform(-np.pi, np.pi, size)
    decays = _draw_decays(rng, axis_eta, axis_phi, simulation=simulation)
    measured = [smear(rng, leg) for leg in decays.legs]
    measured = [radiate(rng, measured[0]), radiate(rng, measured[1]), measured[2]]
    n_muons = 2 + rng.poisson(0.8, size)
    n_tracks = n_muons + 1 + rng.poisson(2.0, size)
    muons = _spray(rng, n_muons, axis_eta, axis_phi, floor=1.5, mean=3.5, spread=0.25)
    tracks = _spray(rng, n_tracks, axis_eta, axis_phi, floor=0.8, mean=1.8, spread=0.3)
    first = rng.integers(n_muons[decays.event])
    second = (first + 1) % n_muons[decays.event]
    _insert(muons, decays.event, first, measured[0], charge=-1, leg=MUON_1)
    _insert(muons, decays.event, second, measured[1], charge=1, leg=MUON_2)
    event, found = decays.event[decays.has_pion], decays.has_pion
    slot = rng.integers(n_tracks[event])
    _insert(tracks, event, slot, measured[2][found], charge=decays.charge[found], leg=PION)
    for particles in (muons, tracks):
        _make_twins(rng, particles)
    return decays, _in_single_precision(muons), tracks


def _draw_decays(
    rng: Generator, eta: NDArray[Any], phi: NDArray[Any], *, simulation: bool
) -> Decays:
    fractions = _SIMULATION_FRACTIONS if simulation else _DATA_FRACTIONS
    kind = np.searchsorted(np.cumsum(fractions), rng.random(len(eta)), side="right")
    event = np.flatnonzero(kind < len(fractions))
    mass = np.where(kind[event] == _DPLUS, DPLUS_MASS, DS_MASS)
    pt = _LOWEST_MESON_PT + rng.exponential(_MEAN_MESON_PT, len(event))
    meson = Momentum(pt, eta[event], phi[event]).with_mass(mass)
    phi_mass = draw_phi_mass(rng, mass - PION_MASS)
    resonance, pion = two_body_decay(rng, meson, phi_mass, PION_MASS)
    muons = two_body_decay(rng, resonance, MUON_MASS, MUON_MASS)
    charge = rng.choice([-1, 1], len(event))
    has_pion = kind[event] != _LONE_PHI
    return Decays(event, charge, has_pion, meson, resonance, (*muons, pion))


def _spray(
    rng: Generator,
    counts: NDArray[np.int64],
    eta: NDArray[Any],
    phi: NDArray[Any],
    *,
    floor: float,
    mean: float,
    spread: float,
) -> Particles:
    """Returns particles with exponential pt around an axis per event."""
    event = np.repeat(np.arange(len(counts)), counts)
    total = len(event)
    momentum = Momentum(
        floor + rng.exponential(mean, total),
        eta[event] + rng.normal(0, spread, total),
        wrap(phi[event] + rng.normal(0, spread, total)),
    )
    leg = np.full(total, NO_LEG)
    return Particles(event, counts, momentum, rng.choice([-1, 1], total), leg)


def _insert(
    particles: Particles,
    event: NDArray[np.int64],
    slot: NDArray[np.int64],
    momentum: Momentum,
    *,
    charge: int | NDArray[np.int64],
    leg: int,
) -> None:
    """Puts a leg of the decays in the given slot of its event."""
    position = (np.cumsum(particles.counts) - particles.counts)[event] + slot
    for component, values in zip(particles.momentum, momentum, strict=True):
        component[position] = values
    particles.charge[position] = charge
    particles.leg[position] = leg


def _make_twins(rng: Generator, particles: Particles) -> None:
    """Gives a few particles the pt of the one before them, so that a match is ambiguous."""
    chance = rng.random(len(particles.event))
    chance[0] = 1
    chance[1:][particles.event[1:] != particles.event[:-1]] = 1  # the first one of its event
    chance[particles.leg != NO_LEG] = 1
    pt, eta, phi = particles.momentum
    for component, fraction in ((pt, _TWINS), (eta, _TWINS / 2), (phi, _TWINS / 2)):
        twin = np.flatnonzero(chance < fraction)
        component[twin] = component[twin - 1]


def _in_single_precision(muons: Particles) -> Particles:
    single = Momentum(*(component.astype(np.float32) for component in muons.momentum))
    return Particles(muons.event, muons.counts, single, muons.charge, muons.leg)
