"""Minima of −ln L for many sets of parameters or experiments at once, and their covariance."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.limits.engine.descent import Minimum, descend
from tau3mu.limits.engine.discrete import over_families

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.engine.likelihood import Data, Likelihood

    Array = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["Minimum", "covariance", "hessian", "inverted", "minimize"]


def minimize(
    likelihood: Likelihood,
    data: Data,
    start: Array,
    *,
    fixed: Flags | None = None,
    low: Array | None = None,
    high: Array | None = None,
    tolerance: float = 1e-8,
) -> Minimum:
    """Returns the minimum of each of T sets.

    Where channels have several families of backgrounds, it is the minimum over the families as
    well, but for channels whose family is fixed.

    Args:
        likelihood: What is minimized.
        data: Of T experiments.
        start: T × parameters, where fits start and what fixed parameters are.
        fixed: T × parameters, or parameters: which are not changed.
        low: Bounds in place of those of the likelihood.
        high: Bounds in place of those of the likelihood.
        tolerance: The expected distance to the minimum in −ln L at which a fit ends.
    """
    held = np.broadcast_to(np.zeros(start.shape, bool) if fixed is None else fixed, start.shape)
    low = np.broadcast_to(likelihood.low if low is None else low, start.shape)
    high = np.broadcast_to(likelihood.high if high is None else high, start.shape)
    if likelihood.spectra is not None and likelihood.spectra.backgrounds.choices is not None:
        return over_families(likelihood, data, start, held, low, high, tolerance)
    return descend(likelihood, data, start, held, low, high, tolerance)


def hessian(likelihood: Likelihood, data: Data, parameters: Array) -> Array:
    """Returns the second derivatives of −ln L by all parameters, T × parameters × parameters.

    Those of peaks by their nuisances are left out, as in the steps of `minimize`.

    Args:
        likelihood: −ln L.
        data: Of T experiments.
        parameters: T sets.
    """
    found = likelihood.curvature(parameters, data)
    size, n_globals = likelihood.size, likelihood.n_globals
    whole = np.zeros((len(parameters), size, size))
    whole[:, :n_globals, :n_globals] = found.globals
    n_locals, channels = likelihood.n_locals, likelihood.n_spectra
    place = n_globals + np.arange(n_locals * channels).reshape(n_locals, channels)
    for a in range(n_locals):
        whole[:, :n_globals, place[a]] = found.mixed[:, :, a]
        whole[:, place[a], :n_globals] = found.mixed[:, :, a].transpose(0, 2, 1)
        for b in range(n_locals):
            whole[:, place[a], place[b]] = found.locals[:, a, b]
    return whole


def covariance(likelihood: Likelihood, data: Data, minimum: Array) -> Array:
    """Returns the covariance of all parameters at a minimum, one T × parameters × parameters.

    Parameters at their bounds, and those without effect, have variance 0.

    Args:
        likelihood: That of the fit.
        data: Of T experiments.
        minimum: T × parameters.
    """
    free = (minimum > likelihood.low) & (minimum < likelihood.high)
    return inverted(hessian(likelihood, data, minimum), free)


def inverted(matrices: Array, free: Flags) -> Array:
    """Returns covariances from second derivatives, 0 for parameters that are not free.

    Args:
        matrices: T × parameters × parameters.
        free: T × parameters.
    """
    diagonal = np.diagonal(matrices, axis1=1, axis2=2)
    free = free & (diagonal > 0)
    result = np.zeros_like(matrices)
    for one in range(len(matrices)):
        chosen = np.ix_(free[one], free[one])
        scale = 1 / np.sqrt(diagonal[one][free[one]])
        both = scale * scale[:, None]
        result[(one, *chosen)] = np.linalg.pinv(matrices[one][chosen] * both, hermitian=True) * both
    return result
