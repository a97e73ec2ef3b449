"""Angles and masses of the legs of a triplet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import vector

from tau3mu.selection.rows import Rows, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    import awkward as ak

__all__ = ["MUON_MASS", "invariant_mass", "pairs_within", "passes_muon_acceptance"]

MUON_MASS = 0.10566
"""Muon mass in GeV, to the digits that the reference analysis uses."""


def passes_muon_acceptance(muon: ak.Array | Rows) -> Any:
    """Tells which muons the detector and the trigger cover.

    In the barrel (|η| < 1.2) a muon needs pt > 3.5 GeV to reach the muon stations, in the endcaps
    (|η| < 2.4) pt > 2 GeV; missing stays missing.
    """
    eta, pt = abs(muon.eta), muon.pt
    return ((eta < 1.2) & (pt > 3.5)) | ((eta >= 1.2) & (eta < 2.4) & (pt > 2.0))


def pairs_within(legs: Sequence[ak.Array | Rows], low: float, high: float) -> Any:
    """Tells for which triplets all pairs of legs have low < ΔR < high; missing stays missing."""
    legs = [_vectors(leg) for leg in legs]
    passes = None
    for i, first in enumerate(legs):
        for second in legs[i + 1 :]:
            distance = first.deltaR(second)
            inside = (distance > low) & (distance < high)
            passes = inside if passes is None else passes & inside
    return passes


def invariant_mass(first: ak.Array | Rows, second: ak.Array | Rows, mass: float) -> Any:
    """Returns the mass in GeV of two momenta to which the given mass in GeV is assigned."""
    first, second = _vectors(first, mass=mass), _vectors(second, mass=mass)
    return (first + second).mass


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
