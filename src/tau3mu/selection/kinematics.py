"""Angles and masses of the legs of a triplet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import vector

from tau3mu.selection.rows import Rows, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import awkward as ak
    import numpy.typing as npt

__all__ = [
    "MUON_MASS", "delta_r", "invariant_mass", "passes_muon_acceptance", "relative_mass_error",
]  # fmt: skip

MUON_MASS = 0.10566
"""Muon mass in GeV, to the digits that the reference analysis uses."""


def passes_muon_acceptance(
    muon: ak.Array | Rows,
    *,
    barrel: float = 1.2,
    endcap: float = 2.4,
    barrel_pt: float = 3.5,
    endcap_pt: float = 2.0,
) -> Any:
    """Returns which muons the detector and the trigger cover; missing stays missing.

    In the barrel a muon needs a higher pt to reach the muon stations than in the endcaps.

    Args:
        muon: Muons with pt in GeV and eta.
        barrel: Where the barrel ends in |η| and the endcaps begin.
        endcap: Where the endcaps end in |η|.
        barrel_pt: The pt in GeV that a muon has to exceed in the barrel.
        endcap_pt: The same in the endcaps.
    """
    eta, pt = abs(muon.eta), muon.pt
    in_barrel = (eta < barrel) & (pt > barrel_pt)
    return in_barrel | ((eta >= barrel) & (eta < endcap) & (pt > endcap_pt))


def delta_r(first: ak.Array | Rows, second: ak.Array | Rows) -> Any:
    """Returns the distances in η and φ of two lists of momenta; missing stays missing.

    Args:
        first: Momenta with pt, eta and phi.
        second: As many of them.
    """
    return _vectors(first).deltaR(_vectors(second))


def invariant_mass(first: ak.Array | Rows, second: ak.Array | Rows, mass: float) -> Any:
    """Returns the invariant masses in GeV of pairs of particles.

    Args:
        first: Momenta in GeV, with pt, eta and phi.
        second: As many of them.
        mass: The mass in GeV of each particle.
    """
    first, second = _vectors(first, mass=mass), _vectors(second, mass=mass)
    return (first + second).mass


def relative_mass_error(
    legs: Sequence[Rows], errors: Sequence[npt.NDArray[np.float64]], mass: float
) -> npt.NDArray[np.float64]:
    """Returns the uncertainty of an invariant mass that comes from the pt of the legs, over it.

    The derivatives of the mass are known: those of the energy and the momentum of the sum with
    respect to the pt of a leg are (p/E) cosh η and (cos φ, sin φ, sinh η).

    Args:
        legs: For each leg of the candidates, the momenta in GeV with pt, eta and phi.
        errors: For each leg, the relative uncertainties of pt; those of the legs are independent.
        mass: The mass in GeV of each leg.
    """
    momenta = [_vectors(leg, mass=mass) for leg in legs]
    total = sum(momenta[1:], momenta[0])
    variance = np.zeros(len(total))
    for leg, error in zip(momenta, errors, strict=True):
        cosh = np.cosh(leg.eta)
        slope = total.E * leg.pt * cosh**2 / leg.E - (
            total.px * np.cos(leg.phi) + total.py * np.sin(leg.phi) + total.pz * np.sinh(leg.eta)
        )
        variance += (slope * leg.pt * error) ** 2
    return np.asarray(np.sqrt(variance) / total.mass**2)


def _vectors(momenta: ak.Array | Rows, **more: float) -> Any:
    """Returns a flat list of momenta without missing ones as an array of numpy, others as given.

    vector computes the same from both, but with awkward arrays takes a millisecond per operation.

    Args:
        momenta: With pt, eta, phi.
        more: A mass, which all get.
    """
    if isinstance(momenta, Rows) or momenta.ndim == 1:
        columns = {name: plain(momenta[name]) for name in ("pt", "eta", "phi")}
        if not any(np.ma.is_masked(values) for values in columns.values()):
            columns |= {name: np.full(len(momenta), value) for name, value in more.items()}
            return vector.array({name: np.asarray(values) for name, values in columns.items()})
    array = momenta.to_awkward() if isinstance(momenta, Rows) else momenta
    return array.to_Vector4D(**more) if more else array
