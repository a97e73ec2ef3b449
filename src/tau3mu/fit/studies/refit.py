"""One fit from a start that is known to be close, as toys are fitted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.fitting.covariance import find_stops, measure_covariance
from tau3mu.fit.fitting.minimize import minimize
from tau3mu.fit.fitting.search import first_steps
from tau3mu.fit.fitting.verdict import find_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.fitting.covariance import Covariance
    from tau3mu.fit.likelihood import Objective

__all__ = ["Refit", "refit"]

_INSIDE = 0.01  # of the range between limits: Minuit cannot leave a limit


@dataclass(frozen=True)
class Refit:
    """The values of all parameters and their covariance; None, unless the status is "ok".

    `stops` says of the parameters that are at a limit at which: "lower" or "upper".
    """

    status: str
    values: dict[str, float]
    covariance: Covariance | None
    stops: dict[str, str] = field(default_factory=dict)


def refit(objective: Objective, start: Mapping[str, float]) -> Refit:
    """Returns the minimum next to a start, with the verdict that `fit` would give on it.

    Args:
        objective: The likelihood.
        start: The values of all parameters.
    """
    parameters, limits = objective.parameters, objective.limits
    inside = dict(start)
    for name, (lower, upper) in limits.items():
        margin = _INSIDE * (upper - lower)
        inside[name] = float(np.clip(start[name], lower + margin, upper - margin))
    minuit = minimize(
        objective, inside, parameters.free, first_steps(objective), limits, strategy=1
    )
    values = {name: float(value) for name, value in parameters.at(minuit.values).items()}
    if not minuit.valid:
        return Refit("not converged", values, None)
    errors = dict(zip(parameters.free, minuit.errors, strict=True))
    edm, stops = float(minuit.fmin.edm), find_stops(objective, values, errors)
    covariance = measure_covariance(objective, minuit, values, stops)
    found = find_errors(True, edm, covariance, stops, objective.impossible(values))
    status = found[0][0] if found else "ok"
    sides = {name: stop.side for name, stop in stops.items()}
    return Refit(status, values, None if found else covariance, sides)
