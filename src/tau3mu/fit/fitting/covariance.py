"""How well the parameters are known at the minimum, and which of them their limits stop."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.fitting.curvature import inverse_curvature
from tau3mu.fit.fitting.result import Quantity

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.fitting.minimize import Minuit
    from tau3mu.fit.likelihood import Objective

__all__ = ["Covariance", "Stop", "find_stops", "measure_covariance", "propagate"]

_NEAR = 1e-3  # of the error and of the allowed range
_INWARD = 1e-2  # of the allowed range
_RISE = 1e-4  # of the NLL over that distance, from which on a limit matters
_NEGLIGIBLE = 0.01  # of the error
_ACCURATE = 3  # as Minuit counts; so is one of nothing
_STEP = 1e-3  # of a standard deviation, for derivatives


@dataclass(frozen=True)
class Covariance:
    """The covariance of the parameters that are neither fixed nor at a limit."""

    names: tuple[str, ...]
    matrix: np.ndarray
    quality: int

    @property
    def errors(self) -> dict[str, float]:
        """The standard deviations of the parameters."""
        return dict(zip(self.names, np.sqrt(np.diag(self.matrix)).tolist(), strict=True))

    @property
    def correlation(self) -> np.ndarray:
        """The covariance in units of the standard deviations."""
        errors = np.sqrt(np.diag(self.matrix))
        return np.asarray(self.matrix / np.outer(errors, errors))


@dataclass(frozen=True)
class Stop:
    """A limit at which a parameter lies."""

    limit: float
    side: str
    holds: bool
    """Whether the likelihood would go on growing behind the limit, or no longer changes there."""


def find_stops(
    objective: Objective, values: Mapping[str, float], errors: Mapping[str, float]
) -> dict[str, Stop]:
    """Returns the limits at which parameters lie, by the name of the parameter.

    At a limit means closer than a thousandth of the error and of the range between the limits.
    """
    stops = {}
    for name, (lower, upper) in objective.limits.items():
        near = _NEAR * min(errors[name], upper - lower)
        for limit, side, inward in ((lower, "lower", 1), (upper, "upper", -1)):
            if abs(values[name] - limit) <= near:
                inside = limit + inward * _INWARD * (upper - lower)
                rise = objective.at(_moved(objective, values, name, inside)) - objective.at(values)
                stops[name] = Stop(limit, side, holds=rise > _RISE)
    return stops


def measure_covariance(
    objective: Objective,
    minuit: Minuit,
    values: Mapping[str, float],
    stops: Mapping[str, Stop],
) -> Covariance:
    """Returns the covariance from the curvature, of weighted data corrected for the weights.

    Parameters at a limit are held there: the likelihood has no parabola around them, and in
    Minuit's transformed coordinates their row would make the others wrong.

    Args:
        objective: The likelihood.
        minuit: Minuit at the minimum.
        values: The values of all parameters there, also of fixed ones.
        stops: The limits at which parameters lie.
    """
    for name in stops:
        minuit.fixed[name] = True
    names = tuple(n for n in objective.parameters.free if n not in stops)
    nothing = Covariance((), np.empty((0, 0)), 0)
    if not objective.parameters.free:
        return Covariance((), np.empty((0, 0)), _ACCURATE)
    if not names:
        return nothing
    if stops or not minuit.fmin.has_accurate_covar:
        minuit.hesse()
    rough = _rough(minuit, names)
    matrix = None if rough is None else _exact(minuit, names, rough)
    if matrix is None:  # the likelihood is flat in some direction: only Hesse has an answer
        minuit.hesse()
        matrix = _rough(minuit, names)
    if matrix is None:
        return nothing
    if objective.weighted:
        scatter = objective.scatter(_slopes_at(objective, values, names, matrix), values)
        matrix = np.asarray(matrix @ scatter @ matrix)
    return Covariance(names, matrix, _quality(minuit))


def propagate(
    function: Callable[[Mapping[str, Any]], float],
    objective: Objective,
    values: Mapping[str, float],
    covariance: Covariance,
) -> Quantity:
    """Returns a number that follows from the parameters, with its error.

    There is no error where the number depends on a parameter that is at a limit, since that has
    none, and where the number or its slopes are not finite.

    Args:
        function: Of the values of all parameters.
        objective: It knows which parameters follow from which.
        values: At the minimum.
        covariance: Of the parameters; without any, there is no error.
    """
    with np.errstate(all="ignore"):
        value = float(function(values))
        if not covariance.names:
            return Quantity(value, None)
        slopes_at = _slopes_at(objective, values, covariance.names, covariance.matrix)
        gradient = slopes_at(lambda at: np.array([function(at)]))[:, 0]
        error = float(np.sqrt(gradient @ covariance.matrix @ gradient))
        for name in set(objective.parameters.free) - set(covariance.names):
            lower, upper = objective.limits[name]
            inward = math.copysign(_INWARD * (upper - lower), lower + upper - 2 * values[name])
            inside = _moved(objective, values, name, values[name] + inward)
            if not abs(float(function(inside)) - value) <= _NEGLIGIBLE * error:
                return Quantity(value, None)
    return Quantity(value, error if math.isfinite(error) else None)


def _rough(minuit: Minuit, names: tuple[str, ...]) -> np.ndarray | None:
    """Returns Minuit's covariance of some parameters, None if it has none."""
    if minuit.covariance is None:
        return None
    matrix = np.array([[minuit.covariance[a, b] for b in names] for a in names])
    return matrix if np.all(np.diag(matrix) > 0) else None


def _exact(minuit: Minuit, names: tuple[str, ...], rough: np.ndarray) -> np.ndarray | None:
    """Returns the covariance of some parameters from the second derivatives of Minuit's function.

    That is the loss of the engine of the fit.
    """
    places = [minuit.parameters.index(name) for name in names]
    minimum = np.array(minuit.values)

    def function(point: np.ndarray) -> float:
        at = minimum.copy()
        at[places] = point
        return float(minuit.fcn(at))

    limits = np.array(minuit.limits)[places].T
    return inverse_curvature(function, minimum[places], rough, limits)


def _quality(minuit: Minuit) -> int:
    if minuit.fmin.has_made_posdef_covar:
        return 2
    return _ACCURATE if minuit.fmin.has_accurate_covar else 1


def _slopes_at(
    objective: Objective, values: Mapping[str, float], names: tuple[str, ...], matrix: np.ndarray
) -> Callable[[Callable[[Mapping[str, Any]], np.ndarray]], np.ndarray]:
    """Returns what differentiates functions of all parameters: parameters x values."""
    steps = _STEP * np.sqrt(np.diag(matrix))

    def slopes(function: Callable[[Mapping[str, Any]], np.ndarray]) -> np.ndarray:
        rows = []
        for name, step in zip(names, steps, strict=True):
            up = function(_moved(objective, values, name, values[name] + step))
            down = function(_moved(objective, values, name, values[name] - step))
            rows.append((up - down) / (2 * step))
        return np.array(rows)

    return slopes


def _moved(
    objective: Objective, values: Mapping[str, float], name: str, value: float
) -> dict[str, Any]:
    """Returns the values of all parameters after one of the free ones has changed."""
    parameters = objective.parameters
    free = {free: values[free] for free in parameters.free}
    return parameters.complete(free | {name: value})
