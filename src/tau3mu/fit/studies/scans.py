"""The profile of the likelihood along one parameter."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.fit.fitting import complete
from tau3mu.fit.fitting.fit import not_lowest, restart
from tau3mu.fit.fitting.minimize import minimize
from tau3mu.fit.fitting.search import SAME, first_steps
from tau3mu.fit.likelihood import Objective

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.fit.fitting.result import FitResult

__all__ = ["profiled", "scan", "scan_all"]

_RESTARTS = 3


def scan(
    result: FitResult, name: str, points: int = 30, width: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """Returns values of a parameter, and by how much the NLL rises there above its minimum.

    At each value all other parameters are fitted again, from where they were at its neighbor. The
    likelihood is that of the NumPy evaluator. Where no minimum is found, the rise is NaN. For
    weighted entries the rise is not that of their errors, as with Minos.

    Args:
        result: A fit.
        name: A parameter that is free in it.
        points: How many values, evenly spaced.
        width: How many errors to either side of the fitted value; its limits are not crossed. One
            without an error is scanned from limit to limit.

    Raises:
        InputError: There is no such parameter, or it is not free.
    """
    values, rise, _ = _scanned(result, name, points, width)
    return values, rise


def scan_all(result: FitResult) -> tuple[FitResult, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Returns a fit and the scans for which its model asks.

    Where one meets a lower minimum, the fit is made again from there, and says so. There are no
    scans of a fit that is not valid, and none of weighted entries.
    """
    for _ in range(_RESTARTS):
        scans, lowest, finder = _all_scanned(result)
        if lowest is None:
            return result, scans
        result = complete(restart(result, lowest, finder))
    return not_lowest(result, "a scan"), {}


def _all_scanned(
    result: FitResult,
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], dict[str, float] | None, str]:
    """Returns the scans; or where one meets a lower minimum, and which one."""
    scans: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for name in result.model.outputs.scans if _scannable(result) else ():
        values, rise, lowest = _scanned(result, name)
        scans[name] = values, rise
        if np.nanmin(rise, initial=0.0) < -SAME:
            return {}, lowest, f"the scan of {name}"
    return scans, None, ""


def _scannable(result: FitResult) -> bool:
    weighted = any(spectrum.weighted for spectrum in result.spectra.values())
    return result.valid and (result.model.method.loss == "chi2" or not weighted)


def _scanned(
    result: FitResult, name: str, points: int = 30, width: float = 3.0
) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
    """Returns what `scan` does, and where the likelihood was largest of all points."""
    objective = Objective(result.model, result.data)
    free = objective.parameters.free
    if name not in free:
        message = (
            f"fit {result.model.name}: {name!r} cannot be scanned{suggest(name, free)}; its free "
            f"parameters are {', '.join(free)}"
        )
        raise InputError(message, code="fit.not-free", path=name)
    values = _values(result, name, objective.limits[name], points, width)
    center = result.values[name]
    lowest, at_minimum = profiled(objective, dict(result.values), list(free))
    rise = np.full(len(values), math.nan)
    places = [at_minimum] * len(values)
    for side in (np.flatnonzero(values >= center), np.flatnonzero(values < center)[::-1]):
        _walk(objective, name, values, side, at_minimum, rise, places)
    known = np.where(np.isnan(rise), math.inf, rise)
    return values, rise - lowest, places[int(np.argmin(known))]


def _values(
    result: FitResult, name: str, limits: tuple[float, float], points: int, width: float
) -> np.ndarray:
    lower, upper = limits
    parameter = result.parameters[name]
    if parameter.error is not None:
        lower = max(lower, parameter.value - width * parameter.error)
        upper = min(upper, parameter.value + width * parameter.error)
    return np.linspace(lower, upper, points)


def _walk(
    objective: Objective,
    name: str,
    values: np.ndarray,
    side: Iterable[int],
    start: dict[str, float],
    rise: np.ndarray,
    places: list[dict[str, float]],
) -> None:
    """Fills in the profile on one side of the minimum, from there outwards.

    Also in `places`: where all parameters are.
    """
    others = [other for other in objective.parameters.free if other != name]
    for index in side:
        fixed = start | {name: float(values[index])}
        rise[index], found = profiled(objective, fixed, others)
        start = found if math.isfinite(rise[index]) else start
        places[index] = start


def profiled(
    objective: Objective, start: dict[str, float], others: list[str]
) -> tuple[float, dict[str, float]]:
    """Returns the lowest loss for some free parameters, NaN if none is found, and where it is."""
    parameters = objective.parameters
    fixed = {name: start[name] for name in parameters.free}
    if not others:
        return objective.at(parameters.complete(fixed)), fixed

    def loss(point: Any) -> float:
        return objective.at(parameters.complete(fixed | dict(zip(others, point, strict=True))))

    minuit = minimize(loss, start, others, first_steps(objective), objective.limits)
    if not minuit.valid:
        minuit.strategy = 1
        minuit.migrad()
    found = fixed | {name: float(minuit.values[name]) for name in others}
    return (float(minuit.fval) if minuit.valid else math.nan), found
