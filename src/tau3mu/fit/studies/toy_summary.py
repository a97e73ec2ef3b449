"""The averages of one quantity over toys: pulls, bias and coverage."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

__all__ = ["ToySummary", "summarize_toys"]


@dataclass(frozen=True)
class ToySummary:
    """The averages of one quantity over the valid toys; NaN where there are too few.

    A pull is (fitted - true) / error. Toys in which the parameter is at a limit have no pull, which
    biases all averages but the median, which is right as long as it is finite.

    Attributes:
        truth: The true value.
        toys: How many toys have a pull.
        mean_error: The mean of the errors.
        bias: The mean of (fitted - true).
        bias_error: Its statistical uncertainty.
        bias_in_sigma: The bias in units of the spread of the fitted values.
        pull_mean: Expected to be 0.
        pull_mean_error: Its statistical uncertainty.
        pull_width: Expected to be 1.
        pull_width_error: Its statistical uncertainty.
        coverage: The fraction of pulls within ±1, expected to be 0.683.
        coverage_error: Its statistical uncertainty.
        at_lower_limit: How many toys have the parameter at its lower limit.
        at_upper_limit: How many toys have the parameter at its upper limit.
        pull_median: With toys at a limit as the lowest or highest of all.
    """

    truth: float
    toys: int
    mean_error: float
    bias: float
    bias_error: float
    bias_in_sigma: float
    pull_mean: float
    pull_mean_error: float
    pull_width: float
    pull_width_error: float
    coverage: float
    coverage_error: float
    at_lower_limit: int
    at_upper_limit: int
    pull_median: float


def summarize_toys(
    truth: float, values: np.ndarray, errors: np.ndarray, below: int, above: int
) -> ToySummary:
    """Returns the averages of one quantity.

    Args:
        truth: The true value.
        values: The fitted values of the toys with an error, shape (toys,).
        errors: Their errors, shape (toys,).
        below: How many other toys have the parameter at its lower limit.
        above: How many other toys have the parameter at its upper limit.
    """
    pulls, number = (values - truth) / errors, len(values)
    width, spread = _deviation(pulls), _deviation(values)
    inside = float(np.mean(np.abs(pulls) < 1)) if number else math.nan
    root = math.sqrt(number) if number else math.nan
    bias = float(np.mean(values)) - truth if number else math.nan
    return ToySummary(
        truth=truth,
        toys=number,
        mean_error=float(np.mean(errors)) if number else math.nan,
        bias=bias,
        bias_error=spread / root,
        bias_in_sigma=bias / spread if spread > 0 else math.nan,
        pull_mean=float(np.mean(pulls)) if number else math.nan,
        pull_mean_error=width / root,
        pull_width=width,
        pull_width_error=width / math.sqrt(2 * (number - 1)) if number > 1 else math.nan,
        coverage=inside,
        coverage_error=math.sqrt(inside * (1 - inside)) / root,
        at_lower_limit=below,
        at_upper_limit=above,
        pull_median=_median(pulls, below, above),
    )


def _median(pulls: np.ndarray, below: int, above: int) -> float:
    """Returns the median of pulls and of toys that lie below and above all of them."""
    if not len(pulls) + below + above:
        return math.nan
    ordered = np.concatenate([np.full(below, -np.inf), np.sort(pulls), np.full(above, np.inf)])
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(lower if lower == upper else (lower + upper) / 2)


def _deviation(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
