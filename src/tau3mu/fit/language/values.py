"""The numbers that follow from a fit file alone: first values, and the degrees of freedom."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.expressions import evaluation_order, parse
from tau3mu.fit.language.base import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tau3mu.fit.language.model import FitModel

__all__ = ["first_values", "fitted_bins", "too_few_bins", "value_checks"]


def first_values(model: FitModel) -> dict[str, float]:
    """Returns the values of the parameters where a fit begins, as far as they are known.

    Values that come from labels are not, nor those of yields that are not declared, nor what
    depends on them.
    """
    values = {n: p.value for n, p in model.parameters.items() if isinstance(p.value, float)}
    expressions = {name: parse(text) for name, text in model.expressions.items()}
    for name in evaluation_order(expressions):
        if set(expressions[name].names) <= set(values):
            values[name] = float(expressions[name].evaluate(values))
    return values


def value_checks(model: FitModel) -> Iterator[Callable[[], None]]:
    """Yields what refuses each number that cannot be computed, or not be used, at first values.

    Derived quantities and the edges of windows are refused only where nothing that a fit changes
    is in them.
    """
    values = first_values(model)
    for name, text in model.expressions.items():
        yield partial(_check_finite, text, values, f"parameters.{name}.expression")
    constant = {name: value for name, value in values.items() if _is_constant(model, name)}
    for name, text in model.derived.items():
        yield partial(_check_finite, text, constant, f"derived.{name}")
    for name, window in model.windows.items():
        for edge in window.range:
            if isinstance(edge, str):
                yield partial(_check_finite, edge, constant, f"windows.{name}.range")
    yield from _positive_checks(model, values)


def fitted_bins(model: FitModel) -> int | None:
    """Returns how many bins of a model are fitted, None if its data say so or are not in bins."""
    number = 0
    for part in model.parts.values():
        unbinned = part.input is not None and part.input.column is not None
        if part.observable.bins is None or unbinned:
            return None
        edges = part.observable.edges
        centres = (edges[1:] + edges[:-1]) / 2
        used = [(centres > low) & (centres < high) for low, high in part.ranges]
        blind = [(centres > low) & (centres < high) for low, high in part.blind]
        seen = np.any(used, axis=0) if used else np.ones(len(centres), dtype=bool)
        number += int(np.sum(seen & ~np.any(blind, axis=0) if blind else seen))
    return number


def too_few_bins(model: FitModel, bins: int) -> str:
    """Returns what is wrong if a number of bins is too small for a model, else nothing."""
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


def _is_constant(model: FitModel, name: str) -> bool:
    """Returns whether a fit leaves a parameter as it is."""
    parameter = model.parameters.get(name)
    if parameter is None:
        return False
    if parameter.parsed is not None:
        return all(_is_constant(model, used) for used in parameter.parsed.names)
    return not parameter.free


def _check_finite(text: str, values: Mapping[str, float], at: str) -> None:
    expression = parse(text)
    if not set(expression.names) <= set(values):
        return
    value = float(expression.evaluate(values))
    if not math.isfinite(value):
        used = ", ".join(f"{name} = {values[name]:g}" for name in expression.names)
        refuse(f"{text!r} is {value:g} at the first values {used}: it cannot be computed", at)


def _positive_checks(model: FitModel, values: Mapping[str, float]) -> Iterator[Callable[[], None]]:
    for key, part in model.parts.items():
        path = f"spectra.{key}." if model.spectra else ""
        for component, whole in part.components.items():
            for place, shape in whole.shapes(f"{path}components.{component}"):
                for role in shape.definition.positive if shape.definition else ():
                    name = str(shape.parameters[role])
                    if name in model.expressions and name in values:
                        at = f"{place}.parameters.{role}"
                        yield partial(_check_positive, f"{role} of a {shape.pdf}", name, values, at)


def _check_positive(what: str, name: str, values: Mapping[str, float], at: str) -> None:
    if values[name] <= 0:
        refuse(f"the {what} is above 0, but {name} is {values[name]:g} at the first values", at)
