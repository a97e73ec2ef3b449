"""The profile of the likelihood along a parameter, or anything that follows from the parameters.

At a value of the quantity, all parameters are fitted again under the condition that the quantity
has this value. That is done in directions in which the parameters are uncorrelated and have the
same scale, where the likelihood is close to half of the squared distance: a few steps lead to the
minimum, also where parameters are strongly correlated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.fitting.covariance import Covariance
    from tau3mu.fit.likelihood import Objective

__all__ = ["LowerMinimum", "Point", "Profile"]

_STEP = 1e-3  # of a standard deviation, for slopes
_PRECISION = 1e-5  # of the loss, where a fit at a point ends
_STEPS = 100  # of one run at most
_RUNS = 4
_FEW = 10  # steps: all that a likelihood close to a parabola takes
_GAIN = 1e-3  # of the loss from one run to the next: below it, the end is reached
_KEPT = 1e-3  # standard deviations by which the condition may be missed
_SURPRISE = 1.5  # times the standard deviations that were expected: another way there is tried
_HALVINGS = 2


class LowerMinimum(Exception):  # noqa: N818 - not an error: the fit goes on from there
    """The likelihood is larger somewhere else than at the minimum that was found."""

    def __init__(self, values: dict[str, float]) -> None:
        """Keeps the values of all parameters there."""
        super().__init__(values)
        self.values = values


@dataclass(frozen=True)
class Point:
    """One value of the quantity, how much the loss rises there, and where the parameters are."""

    value: float
    rise: float
    place: np.ndarray

    @property
    def sigmas(self) -> float:
        """The rise in standard deviations."""
        return math.sqrt(2 * max(self.rise, 0.0))


class Profile:
    """The profile along one quantity."""

    def __init__(
        self,
        objective: Objective,
        values: Mapping[str, float],
        covariance: Covariance,
        quantity: Callable[[Mapping[str, Any]], float],
        lower: float,
    ) -> None:
        """Scales the parameters around the minimum.

        Args:
            objective: The loss.
            values: Of all parameters at its minimum.
            covariance: Of the parameters that change; the others stay where they are.
            quantity: A function of the values of all parameters.
            lower: By how much the loss has to be lower to be another minimum.

        Raises:
            LinAlgError: The covariance is not positive definite.
        """
        self._objective, self._quantity, self._lower = objective, quantity, lower
        self._names, self._others = covariance.names, dict(values)
        self._centre = np.array([values[name] for name in self._names])
        self._scale = np.linalg.cholesky(covariance.matrix)
        self._limits = np.array([objective.limits[name] for name in self._names]).T
        self._errors = np.sqrt(np.diag(covariance.matrix))
        self._minimum = objective.at(values)
        origin = np.zeros(len(self._names))
        slope = self._slope(self._value, origin)
        self.error = float(np.linalg.norm(slope))
        """The uncertainty of the quantity to first order."""
        self.minimum = Point(self._value(origin), 0.0, origin)
        self._tangent = slope / self.error**2 if self.error > 0 else slope

    def at(self, value: float, begin: Point, before: Point | None = None) -> Point | None:
        """Returns the profile at a value of the quantity, None if no fit there succeeds.

        Args:
            value: Of the quantity.
            begin: Where to begin: a point of the profile that is closer to the minimum.
            before: Another one, so that the line through both says where to go.

        Raises:
            LowerMinimum: The likelihood is larger there than at the minimum.
        """
        return self._reach(value, begin, before, _HALVINGS)

    def values_at(self, place: np.ndarray) -> dict[str, float]:
        """Returns the values of all parameters at a place."""
        at = np.clip(self._centre + self._scale @ place, *self._limits)
        parameters = self._objective.parameters
        free = {name: self._others[name] for name in parameters.free}
        return parameters.complete(free | dict(zip(self._names, at.tolist(), strict=True)))

    def _reach(
        self, value: float, begin: Point, before: Point | None, halvings: int
    ) -> Point | None:
        if before is None or before.value == begin.value:
            direction = self._tangent
        else:
            direction = (begin.place - before.place) / (begin.value - before.value)
        found = self._fit(value, begin.place + direction * (value - begin.value))
        expected = begin.sigmas + abs(value - begin.value) / self.error
        if halvings and (found is None or found.sigmas > _SURPRISE * expected):
            # The line may have led astray: there in two steps.
            middle = self._reach((value + begin.value) / 2, begin, before, halvings - 1)
            if middle is not None:
                other = self._reach(value, middle, begin, 0)
                if found is None or (other is not None and other.rise < found.rise):
                    found = other
        return found

    def _fit(self, value: float, start: np.ndarray) -> Point | None:
        """Returns the lowest loss at a value of the quantity, None if there is no fit."""
        inside = {
            "type": "ineq",
            "fun": lambda z: self._room(z).ravel(),
            "jac": lambda _: np.concatenate([self._unit, -self._unit]),
        }
        kept = {
            "type": "eq",
            "fun": lambda z: (self._value(z) - value) / self.error,
            "jac": lambda z: self._slope(self._value, z) / self.error,
        }
        best = math.inf
        for _ in range(_RUNS):  # each without what the one before has learned of the curvature
            with np.errstate(all="ignore"):
                found = minimize(
                    self._loss, start, jac=lambda z: self._slope(self._loss, z), method="SLSQP",
                    constraints=(kept, inside), options={"ftol": _PRECISION, "maxiter": _STEPS},
                )  # fmt: skip
            start, rise = np.asarray(found.x), float(found.fun)
            missed = abs(self._value(start) - value) / self.error
            if not (math.isfinite(rise) and missed < _KEPT):
                return None
            if rise < -self._lower:
                raise LowerMinimum(self.values_at(start))
            # Where progress is slow, what looks like the end may be a stop on the way.
            if found.success and (found.nit < _FEW or best - rise < _GAIN):
                return Point(value, rise, start)
            best = rise
        return None

    def _loss(self, place: np.ndarray) -> float:
        return float(self._objective.at(self.values_at(place)) - self._minimum)

    def _value(self, place: np.ndarray) -> float:
        return float(self._quantity(self.values_at(place)))

    @property
    def _unit(self) -> np.ndarray:
        return np.asarray(self._scale / self._errors[:, np.newaxis])

    def _room(self, place: np.ndarray) -> np.ndarray:
        """Returns how many uncertainties the parameters are away from their limits."""
        at = self._centre + self._scale @ place
        return np.array([at - self._limits[0], self._limits[1] - at]) / self._errors

    def _slope(self, function: Callable[[np.ndarray], float], place: np.ndarray) -> np.ndarray:
        # Of one side, they would be off by half of the curvature, and the fits would not settle.
        # Beyond a limit the function does not change: one of the two steps is on this side.
        steps = _STEP * np.eye(len(place))
        ends = ((function(place + step), function(place - step)) for step in steps)
        return np.array([up - down for up, down in ends]) / (2 * _STEP)
