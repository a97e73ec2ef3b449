"""Asymmetric uncertainties: where the profile of the likelihood has risen by as much as a level says.

The profile is that of the NumPy evaluator, also for fits that zfit has finished: the two agree, and
what takes seconds with one takes minutes with the other.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import stats

from tau3mu.fit.expressions import parse
from tau3mu.fit.fitting.covariance import Covariance
from tau3mu.fit.fitting.minimise import minimise
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


@dataclass(frozen=True)
class _Side:
    """How far a quantity can go to one side; None, and why, if that is not known."""

    distance: float | None
    reason: str = ""


def with_minos(result: FitResult) -> FitResult:
    """Returns a fit with the asymmetric uncertainties for which its model asks.

    What is not found is None and has a message. There are none for a fit that is not valid, and
    none of weighted entries, of which the likelihood does not know the uncertainties.

    Raises:
        LowerMinimum: The likelihood is larger somewhere else than at the minimum of the fit.
    """
    names = _asked(result)
    if not names or not result.valid:
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
    doubts: list[str] = []
    for name in names:
        log.debug("fit %s: Minos of %s", result.model.name, name)
        profile = Profile(objective, values, covariance, _quantity(result, name), SAME)
        found[name] = _levels(name, profile, result, doubts)
    return _with(result, found, doubts)


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

    minuit = minimise(loss, free, covariance.names, covariance.errors, objective.limits)
    free |= {name: float(minuit.values[name]) for name in covariance.names}
    return {name: float(value) for name, value in parameters.complete(free).items()}


def _quantity(result: FitResult, name: str) -> Callable[[Mapping[str, Any]], float]:
    if name in result.model.derived:
        return parse(result.model.derived[name]).evaluate
    return lambda values: values[name]


def _levels(
    name: str, profile: Profile, result: FitResult, doubts: list[str]
) -> dict[int, Sides]:
    """Returns the two sides of a quantity for every level, and adds what was not found."""
    derived = name in result.model.derived
    centre = result.derived[name].value if derived else result.values[name]
    limits = None if derived else result.parameters[name].limits
    found: dict[int, Sides] = {}
    if not (math.isfinite(profile.minimum.value) and 0 < profile.error < math.inf):
        doubts.append(f"Minos did not find the errors of {name}: it does not change")
        return found
    for level in result.model.method.minos_levels:
        sigmas = 1.0 if level == _ONE_SIGMA else float(stats.norm.isf((1 - level / 100) / 2))
        sides: list[float | None] = []
        for word, sign in (("lower", -1), ("upper", 1)):
            limit = None if limits is None else limits[int(sign > 0)]
            side = _side(profile, sign, sigmas, limit)
            # From the value of the fit, which may be that of the other engine.
            shift = profile.minimum.value - centre
            sides.append(None if side.distance is None else side.distance + shift)
            if side.distance is None:
                at = "" if level == _ONE_SIGMA else f" at {level} %"
                doubts.append(f"Minos did not find the {word} error of {name}{at}: {side.reason}")
        found[level] = (sides[0], sides[1])
    return found


def _side(profile: Profile, sign: int, sigmas: float, limit: float | None) -> _Side:
    """Returns where the profile has risen by so many standard deviations.

    Their number is close to a straight line of the distance, so that a secant finds the place; a
    point inside and one outside of it keep it between them.
    """
    inside, before = profile.minimum, None
    outside: Point | None = None
    value = inside.value + sign * sigmas * profile.error
    for _ in range(_TRIES):
        if limit is not None and sign * (value - limit) > 0:
            value = limit
        point = profile.at(value, inside, before)
        if point is None:
            value = (value + inside.value) / 2
            if abs(value - inside.value) < _CLOSE * profile.error:
                return _Side(None, "no fit succeeds beyond")
            continue
        if abs(point.sigmas / sigmas - 1) < _CLOSE:
            return _Side(_interpolated(inside, point, sigmas) - profile.minimum.value)
        if point.sigmas < sigmas:
            if point.value == limit:
                return _Side(None, f"the limit {limit:g} comes first")
            inside, before = point, inside
        else:
            outside = point
        value = _next(inside, before, outside, sigmas, profile.error * sign)
    return _Side(None, f"the likelihood does not rise enough up to {value:g}")


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
        return inside.value + unit * sigmas
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
    result: FitResult, found: Mapping[str, dict[int, Sides]], doubts: list[str]
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
        messages=(*result.messages, *doubts),
    )
