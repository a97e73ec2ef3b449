"""Asymmetric uncertainties: where the profile of the loss has risen by as much as a level says.

The profile is that of the NumPy evaluator, also for fits that zfit has finished: the two agree, and
what takes seconds with one takes minutes with the other.
"""

from __future__ import annotations

import logging
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from tau3mu.fit.expressions import parse
from tau3mu.fit.fitting.covariance import Covariance
from tau3mu.fit.fitting.minimize import minimize
from tau3mu.fit.fitting.profile import LowerMinimum, Profile
from tau3mu.fit.fitting.search import SAME
from tau3mu.fit.likelihood import Objective

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.fitting.profile import Point
    from tau3mu.fit.fitting.result import FitResult, Sides

__all__ = ["LowerMinimum", "with_minos"]

log = logging.getLogger(__name__)

_ONE_SIGMA = 68
_TRIES = 20  # of one side
_GROWTH = 2.0  # of the distance, from one try to the next at most
_CLOSE = 2e-3  # of the standard deviations of the level
_APART = 0.05  # of an uncertainty, by which the two engines may differ


def with_minos(result: FitResult) -> FitResult | LowerMinimum:
    """Returns a fit with the asymmetric uncertainties for which its model asks.

    What is not found is None and has a message. There are none for a fit that is not valid, and
    none of weighted entries, of which the likelihood does not know the uncertainties. If the
    likelihood is larger somewhere else, that place is returned.
    """
    names = _asked(result)
    if not (names and result.valid and result.covariance_parameters):
        return result
    objective = Objective(result.model, result.data)
    if objective.weighted:
        return _without(result, "it does not know what the weights do to the errors")
    covariance = Covariance(result.covariance_parameters, np.array(result.covariance), 3)
    if np.linalg.eigvalsh(covariance.correlation)[0] <= 0:
        return _without(result, "the covariance is not positive definite")
    values = result.values
    if result.engine != "numpy":
        values = _minimum(objective, values, covariance)
    shifts = {n: (values[n] - result.values[n]) / e for n, e in covariance.errors.items()}
    name = max(shifts, key=lambda n: abs(shifts[n]))
    if abs(shifts[name]) > _APART:
        reason = f"with NumPy the minimum lies {shifts[name]:+.2f} of its error away in {name}"
        return _without(result, reason)
    found: dict[str, dict[int, Sides]] = {}
    warnings: list[str] = []
    try:
        for name in names:
            log.debug("fit %s: Minos of %s", result.model.name, name)
            profile = Profile(objective, values, covariance, _quantity(result, name), SAME)
            found[name] = _levels(name, profile, result, warnings)
    except LowerMinimum as lower:
        return lower
    return _with(result, found, warnings)


def _without(result: FitResult, reason: str) -> FitResult:
    return replace(result, messages=(*result.messages, f"Minos is left out: {reason}"))


def _asked(result: FitResult) -> list[str]:
    """Returns the names of what gets asymmetric uncertainties, without what is at a limit."""
    method, known = result.model.method, result.covariance_parameters
    if method.minos_names == "all":
        return list(known)
    held = {name for name, p in result.parameters.items() if p.limits and name not in known}
    return [name for name in dict.fromkeys(method.minos_names) if name not in held]


def _minimum(
    objective: Objective, values: Mapping[str, float], covariance: Covariance
) -> dict[str, float]:
    """Returns the values of all parameters at the minimum of the NumPy evaluator."""
    parameters = objective.parameters
    free = {name: values[name] for name in parameters.free}

    def loss(point: Any) -> float:
        return objective.at(
            parameters.complete(free | dict(zip(covariance.names, point, strict=True)))
        )

    minuit = minimize(loss, free, covariance.names, covariance.errors, objective.limits)
    free |= {name: float(minuit.values[name]) for name in covariance.names}
    return {name: float(value) for name, value in parameters.complete(free).items()}


def _quantity(result: FitResult, name: str) -> Callable[[Mapping[str, Any]], float]:
    if name in result.model.derived:
        return parse(result.model.derived[name]).evaluate
    return lambda values: values[name]


def _levels(
    name: str, profile: Profile, result: FitResult, warnings: list[str]
) -> dict[int, Sides]:
    """Returns the two sides of a quantity for every level, and adds what was not found."""
    if not (math.isfinite(profile.minimum.value) and 0 < profile.error < math.inf):
        reason = "no parameter changes it" if profile.error == 0 else "it is not a finite number"
        warnings.append(f"Minos did not find the errors of {name}: {reason}")
        return {}
    derived = name in result.model.derived
    # The distances are those from the value of the fit, which may be that of the other engine.
    center = result.derived[name].value if derived else result.values[name]
    limits = None if derived else result.parameters[name].limits
    levels = result.model.method.minos_levels
    found: dict[int, list[float | None]] = {level: [] for level in levels}
    for word, sign in (("lower", -1), ("upper", 1)):
        walk = _Walk(profile, sign, None if limits is None else limits[int(sign > 0)])
        for level in levels:
            one = level == _ONE_SIGMA
            edge = walk.to(1.0 if one else float(stats.norm.isf((1 - level / 100) / 2)))
            found[level].append(None if edge is None else edge - center)
            if edge is None:
                at = "" if one else f" at {level} %"
                warnings.append(f"Minos did not find the {word} error of {name}{at}: {walk.reason}")
    return {level: (down, up) for level, (down, up) in found.items()}


class _Walk:
    """The way along a profile, outwards from the minimum.

    The standard deviations by which the likelihood has fallen are close to a straight line of the
    distance, so that a secant finds where they have a given number; a point inside and one outside
    of that place keep it between them.
    """

    def __init__(self, profile: Profile, sign: int, limit: float | None) -> None:
        self._profile, self._sign, self._limit = profile, sign, limit
        self._inside: Point = profile.minimum
        self._before: Point | None = None
        self.reason = ""

    def to(self, sigmas: float) -> float | None:
        """Returns where the profile has risen by so many standard deviations.

        It is None, and there is a reason, if that is not found. The numbers rise from call to call.
        """
        profile, outside = self._profile, None
        value = _next(self._inside, self._before, None, sigmas, profile.error * self._sign)
        for _ in range(_TRIES):
            if self._limit is not None and self._sign * (value - self._limit) > 0:
                value = self._limit
            if value == self._inside.value:
                self.reason = f"the limit {value:g} comes first"
                return None
            point = profile.at(value, self._inside, self._before)
            if point is None:
                value = (value + self._inside.value) / 2
                if abs(value - self._inside.value) < _CLOSE * profile.error:
                    break
                continue
            if abs(point.sigmas / sigmas - 1) < _CLOSE:
                return _interpolated(self._inside, point, sigmas)
            if point.sigmas < sigmas:
                self._inside, self._before = point, self._inside
            else:
                outside = point
            value = _next(self._inside, self._before, outside, sigmas, profile.error * self._sign)
        self.reason = f"the fits do not get beyond {self._inside.value:g}"
        return None


def _next(
    inside: Point, before: Point | None, outside: Point | None, sigmas: float, unit: float
) -> float:
    """Returns the value to try next."""
    if outside is not None:
        value = _interpolated(inside, outside, sigmas)
        share = (value - inside.value) / (outside.value - inside.value)
        # A jump of the profile keeps the secant at one end.
        return inside.value + min(max(share, 0.05), 0.95) * (outside.value - inside.value)
    if before is None or inside.sigmas <= before.sigmas:
        return inside.value + unit * (sigmas - inside.sigmas)
    step = (inside.value - before.value) / (inside.sigmas - before.sigmas)
    missing = step * (sigmas - inside.sigmas)
    furthest = _GROWTH * max(abs(inside.value - before.value), abs(unit) / 10)
    return inside.value + math.copysign(min(abs(missing), furthest), unit)


def _interpolated(first: Point, second: Point, sigmas: float) -> float:
    if second.sigmas == first.sigmas:
        return second.value
    step = (second.value - first.value) / (second.sigmas - first.sigmas)
    return first.value + step * (sigmas - first.sigmas)


def _with(
    result: FitResult, found: Mapping[str, dict[int, Sides]], warnings: list[str]
) -> FitResult:
    def added(item: Any, name: str) -> Any:
        levels = found.get(name, {})
        others = {str(level): sides for level, sides in levels.items() if level != _ONE_SIGMA}
        sides = levels.get(_ONE_SIGMA)
        known = None if sides is None or sides == (None, None) else sides
        return replace(item, minos=known, minos_levels=others)

    return replace(
        result,
        parameters={n: added(p, n) for n, p in result.parameters.items()},
        derived={n: added(q, n) for n, q in result.derived.items()},
        messages=(*result.messages, *warnings),
    )
