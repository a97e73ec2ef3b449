"""The fit that is diagnosed, with the covariance of all of its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.errors import RunError
from tau3mu.limits.engine.minimize import hessian, inverted, minimize

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.engine.likelihood import Data, Likelihood

    Array = npt.NDArray[np.float64]

__all__ = ["Fitted", "fitted", "lowest_strength", "parameter_names"]

_STEP: Final = 1e-3  # of derivatives, in uncertainties
_ABOVE: Final = 0.8  # of the strength at which nothing is left of the background


@dataclass(frozen=True)
class Fitted:
    """The best fit to the data of one experiment.

    Attributes:
        compiled: The model.
        data: Of one experiment.
        parameters: At the minimum.
        covariance: Of all parameters; 0 where a parameter is fixed or at its bound.
        low: The lower bounds; that of r is below 0.
        value: −ln L.
        fixed: Whether r is fixed.
    """

    compiled: Compiled
    data: Data
    parameters: Array
    covariance: Array
    low: Array
    value: float
    fixed: bool = False

    @property
    def errors(self) -> Array:
        """The uncertainties of all parameters."""
        return np.sqrt(np.maximum(np.diagonal(self.covariance), 0.0))

    @property
    def at_bound(self) -> bool:
        """Whether r is as low as it can be."""
        return bool(self.parameters[0] <= self.low[0]) and not self.fixed

    def correlation(self) -> Array:
        """Returns the correlations of all parameters, 0 with those that are fixed."""
        errors = self.errors
        scale = np.where(errors > 0, 1 / np.where(errors > 0, errors, 1.0), 0.0)
        return self.covariance * scale * scale[:, None]


def parameter_names(likelihood: Likelihood) -> list[str]:
    """Returns the names of all parameters, in their order.

    Args:
        likelihood: With these parameters.
    """
    names = ["r", *likelihood.nuisances, *likelihood.free]
    if likelihood.spectra:
        like_choices = likelihood.spectra.backgrounds.choices is not None
        for row in range(likelihood.n_locals):
            last = like_choices and row == likelihood.n_locals - 1
            what = "family" if last else "events" if row == 0 else f"shape{row}"
            names += [f"{name}/{what}" for name in likelihood.spectra.names]
    return names


def lowest_strength(compiled: Compiled, parameters: Array) -> float:
    """Returns a negative r at which each bin is still expected to have more than nothing.

    A dip takes a part of the background away, four fifths at most where it is deepest.

    Args:
        compiled: The model.
        parameters: One set, whose backgrounds are used.
    """
    without, one = parameters.copy(), parameters.copy()
    without[0], one[0] = 0.0, 1.0
    nothing, signal = (compiled.asimov(each, coarse=True) for each in (without, one))
    background = np.append(nothing.spectra, nothing.templates)
    peak = np.append(signal.spectra, signal.templates) - background
    there = (peak > 1e-12 * peak.max()) & (background > 0)
    if not there.any():
        return 0.0
    return -_ABOVE * float((background[there] / peak[there]).min())


def fitted(compiled: Compiled, data: Data, r: float | None = None) -> Fitted:
    """Returns the best fit, in which r may be below 0 as long as no expectation is.

    Args:
        compiled: The model.
        data: Of one experiment.
        r: A value at which r is fixed; it is fitted by default.

    Raises:
        RunError: The fit does not converge.
    """
    like = compiled.likelihood
    fixed = np.zeros(like.size, bool)
    fixed[0] = True
    start = like.start.copy()
    start[0] = 0.0 if r is None else r
    held = minimize(like, data, start[None], fixed=fixed)
    low, best = like.low.copy(), held
    if r is None:
        low[0] = lowest_strength(compiled, held.parameters[0])
        best = minimize(like, data, held.parameters, low=low)
    if not best.converged.all():
        message = "the fit to the data has not converged"
        raise RunError(message, code="limits.not-converged")
    at = best.parameters[0]
    free = (at > low) & (at < like.high)
    free[0] &= r is None
    matrix = exact_hessian(like, data, at)
    covariance = inverted(matrix[None], free[None])[0]
    return Fitted(compiled, data, at, covariance, low, float(best.value[0]), r is not None)


def exact_hessian(likelihood: Likelihood, data: Data, parameters: Array) -> Array:
    """Returns all second derivatives, also those of peaks by their nuisances.

    They are differences of gradients for the parameters that channels share.

    Args:
        likelihood: −ln L.
        data: Of one experiment.
        parameters: One set.
    """
    whole: Array = hessian(likelihood, data, parameters[None])[0]
    number = likelihood.n_globals
    diagonal = np.abs(np.diagonal(whole)[:number])
    step = _STEP / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    moves = np.zeros((number, likelihood.size))
    moves[np.arange(number), np.arange(number)] = step
    sets = np.concatenate([parameters + moves, parameters - moves])
    found = likelihood.curvature(sets, data.repeated(len(sets)))
    gradient = np.concatenate([found.by_globals, found.by_locals.reshape(len(sets), -1)], axis=1)
    rows = (gradient[:number] - gradient[number:]) / (2 * step[:, None])
    whole[:number], whole[:, :number] = rows, rows.T
    shared = rows[:, :number]
    whole[:number, :number] = (shared + shared.T) / 2
    return whole
