"""What follows from a fit: quantities of its parameters, and signal and background in windows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.expressions import parse
from tau3mu.fit.fitting.covariance import propagate
from tau3mu.fit.fitting.result import DerivedResult, Quantity, WindowResult

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.fitting.covariance import Covariance
    from tau3mu.fit.language.method import Window
    from tau3mu.fit.likelihood import Objective

__all__ = ["count_window", "derive"]


def derive(
    text: str, objective: Objective, values: Mapping[str, float], covariance: Covariance
) -> DerivedResult:
    """Returns the value of an expression of the parameters, with its error."""
    quantity = propagate(parse(text).evaluate, objective, values, covariance)
    return DerivedResult(quantity.value, quantity.error)


def count_window(
    window: Window, objective: Objective, values: Mapping[str, float], covariance: Covariance
) -> tuple[WindowResult | None, str]:
    """Returns signal and background in a window, and what a reader should know of its edges.

    The edges are those of the fitted values. What lies outside of the range of the observable is
    cut off; there is no result if nothing is left.
    """
    name = window.spectrum or next(iter(objective.model.parts))
    part = objective.model.parts[name]
    function = objective.losses[name].function
    lower, upper = (_edge(edge, values) for edge in window.range)
    first, last = part.observable.range
    warning = ""
    if not (first <= lower and upper <= last):
        warning = f"({lower:g} to {upper:g}) is cut at the observable's range {first:g} to {last:g}"
        lower, upper = max(lower, first), min(upper, last)
    if not lower < upper:
        return None, f"is empty: its edges are {lower:g} and {upper:g}"
    edges = np.unique([first, lower, upper, last])
    inside = (edges[:-1] >= lower) & (edges[:-1] < upper)
    signal = np.array([key in window.signal for key in part.components])

    def counts(at: Mapping[str, Any]) -> tuple[float, float]:
        numbers = function.expected(at, edges)[:, inside].sum(axis=1)
        return float(numbers[signal].sum()), float(numbers[~signal].sum())

    def quantity(of: Any) -> Quantity:
        return propagate(lambda at: of(*counts(at)), objective, values, covariance)

    result = WindowResult(
        range=(lower, upper),
        signal=quantity(lambda s, _: s),
        background=quantity(lambda _, b: b),
        signal_over_background=quantity(_ratio),
        purity=quantity(lambda s, b: _ratio(s, s + b)),
        significance=quantity(lambda s, b: _ratio(s, math.sqrt(max(s + b, 0)))),
    )
    return result, warning


def _edge(edge: float | str, values: Mapping[str, float]) -> float:
    return edge if isinstance(edge, float) else float(parse(edge).evaluate(values))


def _ratio(above: float, below: float) -> float:
    return above / below if below > 0 else math.nan
