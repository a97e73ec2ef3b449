"""How well the parameters are known at the minimum, and which of them their limits stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.backend import Minuit
    from tau3mu.fit.counts import Counts
    from tau3mu.fit.engine import Engine

__all__ = ["Covariance", "Stop", "find_stops", "measure_covariance"]

_NEAR = 1e-3  # of the error and of the allowed range
_INWARD = 1e-2  # of the allowed range
_RISE = 1e-4  # of the NLL over that distance, from which on a limit matters


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
    engine: Engine, values: Mapping[str, float], errors: Mapping[str, float], counts: Counts
) -> dict[str, Stop]:
    """Returns the limits at which parameters lie, by the name of the parameter.

    At a limit means closer than a thousandth of the error and of the range between the limits.
    """
    stops = {}
    for name in engine.free:
        if (interval := engine.limits(counts.entries)[name]) is None:
            continue
        span = interval[1] - interval[0]
        near = _NEAR * min(errors[name], span)
        for limit, side, inward in zip(interval, ("lower", "upper"), (span, -span), strict=True):
            if abs(values[name] - limit) <= near:
                inside = dict(values) | {name: limit + _INWARD * inward}
                rise = engine.nll(inside, counts.contents) - engine.nll(values, counts.contents)
                stops[name] = Stop(limit, side, holds=rise > _RISE)
    return stops


def measure_covariance(
    engine: Engine,
    minuit: Minuit,
    values: Mapping[str, float],
    stops: Mapping[str, Stop],
    counts: Counts,
) -> Covariance:
    """Returns the covariance from Hesse, of weighted data corrected for the weights.

    Parameters at a limit are held there: the likelihood has no parabola around them, and in
    Minuit's transformed coordinates their row would make the others wrong.

    Args:
        engine: The likelihood.
        minuit: Minuit at the minimum.
        values: The values of all parameters there, also of fixed ones.
        stops: The limits at which parameters lie.
        counts: What was fitted.
    """
    for name in stops:
        minuit.fixed[name] = True
    names = tuple(n for n in engine.free if n not in stops)
    minuit.hesse()
    if not names or minuit.covariance is None:
        return Covariance((), np.empty((0, 0)), 0)
    matrix = np.array([[minuit.covariance[a, b] for b in names] for a in names])
    if np.any(np.diag(matrix) <= 0):
        return Covariance((), np.empty((0, 0)), 0)
    if counts.weighted:
        matrix = _with_weights(engine, values, names, matrix, counts)
    return Covariance(names, matrix, _quality(minuit))


def _quality(minuit: Minuit) -> int:
    if minuit.fmin.has_made_posdef_covar:
        return 2
    return 3 if minuit.fmin.has_accurate_covar else 1


def _with_weights(
    engine: Engine,
    values: Mapping[str, float],
    names: tuple[str, ...],
    matrix: np.ndarray,
    counts: Counts,
) -> np.ndarray:
    """Returns the covariance of weighted counts: H^-1 C H^-1, with C that of the score."""
    steps = 1e-3 * np.sqrt(np.diag(matrix))
    slopes = [
        (_total(engine, values, name, step) - _total(engine, values, name, -step)) / (2 * step)
        for name, step in zip(names, steps, strict=True)
    ]
    score = np.array(slopes) / engine.expected(values).sum(axis=0)
    return np.asarray(matrix @ (score * counts.variances) @ score.T @ matrix)


def _total(engine: Engine, values: Mapping[str, float], name: str, step: float) -> np.ndarray:
    shifted = dict(values) | {name: values[name] + step}
    return np.asarray(engine.expected(shifted).sum(axis=0))
