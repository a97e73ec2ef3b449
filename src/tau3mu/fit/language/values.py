"""The numbers that follow from a fit file alone: first values, and the degrees of freedom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.expressions import evaluation_order, parse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.fit.language.base import Interval
    from tau3mu.fit.language.model import FitModel

__all__ = ["first_values", "fitted_bins", "inside", "too_few_bins"]


def first_values(model: FitModel) -> dict[str, float]:
    """Returns the values of the parameters where a fit begins, as far as they are known.

    Values that come from labels are not, nor those of yields that are not declared, nor what
    depends on them.

    Args:
        model: The fit.
    """
    values = {n: p.value for n, p in model.parameters.items() if isinstance(p.value, float)}
    expressions = {name: parse(text) for name, text in model.expressions.items()}
    for name in evaluation_order(expressions):
        if set(expressions[name].names) <= set(values):
            values[name] = float(expressions[name].evaluate(values))
    return values


def inside(x: np.ndarray, intervals: Iterable[Interval]) -> np.ndarray:
    """Returns which values lie within one of the intervals, edges excluded.

    Args:
        x: Values of the observable, shape (n,).
        intervals: Lower and upper edges; of none, nothing is inside.
    """
    within = [(x > low) & (x < high) for low, high in intervals]
    return np.asarray(np.any([np.zeros(len(x), dtype=bool), *within], axis=0))


def fitted_bins(model: FitModel) -> int | None:
    """Returns how many bins of a model are fitted, None if its data say so or are not in bins.

    Args:
        model: The fit.
    """
    number = 0
    for part in model.parts.values():
        if part.observable.bins is None or part.unbinned:
            return None
        edges = part.observable.edges
        centers = (edges[1:] + edges[:-1]) / 2
        used = inside(centers, part.ranges or (part.observable.range,))
        number += int(np.sum(used & ~inside(centers, part.blind)))
    return number


def too_few_bins(model: FitModel, bins: int) -> str:
    """Returns what is wrong if a number of bins is too small for a model, else nothing.

    Args:
        model: The fit.
        bins: How many bins of all spectra are fitted.
    """
    declared = model.parameters
    free = [n for n in model.used if n not in declared] + [n for n, p in declared.items() if p.free]
    known = sum(p.constraint is not None for p in declared.values())
    if bins + known >= len(free):
        return ""
    measured = f" and {known} constraints" if known else ""
    return (
        f"{bins} bins{measured} are fewer than the {len(free)} free parameters: "
        f"{', '.join(free)}; give more bins, or fix parameters"
    )
