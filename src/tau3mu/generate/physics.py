"""Kinematics of the decays D -> phi pi -> mu mu pi, and what the detector makes of them.

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
    "MUON_MASS",
    "PHI_MASS",
    "PHI_WIDTH",
    "PION_MASS",
    "Momentum",
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
