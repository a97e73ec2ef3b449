"""The ingredients of toys: the true values of all parameters, and the form of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import hist
import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.fit.data import Unbinned
from tau3mu.fit.data.prepare import prepare
from tau3mu.fit.data.windows import kept
from tau3mu.fit.fitting.result import FitResult
from tau3mu.fit.likelihood.parameters import Parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.data import Binned
    from tau3mu.fit.language import FitModel

__all__ = ["empty_data", "true_values"]


def true_values(
    model: FitModel, values: Mapping[str, float] | FitResult | None = None
) -> dict[str, float]:
    """Returns the values of all parameters.

    Args:
        model: With all labels read.
        values: Of the free parameters; those that are left out have the value of the model.

    Raises:
        InputError: A value is missing, lies outside of its limits, or contradicts the model.
    """
    given = values.values if isinstance(values, FitResult) else dict(values or {})
    parameters = Parameters(model)
    for name in given:
        if name not in parameters.names:
            message = (
                f"fit {model.name}: a value is given for {name!r}{suggest(name, parameters.names)}"
                f"; its parameters are {', '.join(parameters.names)}"
            )
            raise InputError(message, code="fit.undefined-parameter", path=f"parameters.{name}")
    start = {n: p.value for n, p in model.parameters.items() if isinstance(p.value, float)}
    found = {name: given.get(name, start.get(name)) for name in parameters.free}
    if missing := [name for name, value in found.items() if value is None]:
        message = (
            f"fit {model.name}: toys need a value of {', '.join(missing)}; give the values of a "
            "fit (--values fit.json), or 'value' and 'limits' in 'parameters'"
        )
        raise InputError(message, code="fit.missing-value", path=f"parameters.{missing[0]}")
    truth = parameters.complete({n: float(v) for n, v in found.items() if v is not None})
    _check(model, truth, given)
    return {name: float(truth[name]) for name in parameters.names}


def empty_data(model: FitModel) -> dict[str, Binned | Unbinned]:
    """Returns data of the form that the model fits: its bins, or no entries in its ranges.

    Args:
        model: With all labels read.

    Raises:
        InputError: A range does not begin and end at edges of bins.
    """
    found: dict[str, Binned | Unbinned] = {}
    for name, part in model.parts.items():
        if part.unbinned:
            intervals = kept(part.observable.range, part, f"fit {model.name}")
            found[name] = Unbinned(np.empty(0), None, intervals)
            continue
        axis = hist.axis.Variable(part.observable.edges, name=part.observable.name)
        found[name] = hist.Hist(axis, data=np.ones(len(axis)))  # type: ignore[assignment]
    return prepare(model, found)


def _check(model: FitModel, truth: Mapping[str, float], given: Mapping[str, float]) -> None:
    for name, parameter in model.parameters.items():
        value = truth[name]
        if parameter.free and parameter.limits is not None:
            lower, upper = parameter.limits
            if not lower <= value <= upper:
                message = (
                    f"fit {model.name}: the true value {value:g} of {name} lies outside of its "
                    f"limits {lower:g} to {upper:g}; change 'limits', or give another value"
                )
                raise InputError(message, code="fit.outside-limits", path=f"parameters.{name}")
        elif name in given and not np.isclose(given[name], value, rtol=1e-6):
            message = (
                f"fit {model.name}: {name} is {value:.6g} in the model, but {given[name]:.6g} in "
                "the values; are they those of another fit?"
            )
            raise InputError(message, code="fit.other-fit", path=f"parameters.{name}")
    undeclared = [name for name in model.yields if name not in model.parameters]
    if negative := [name for name in undeclared if truth[name] < 0]:
        message = (
            f"fit {model.name}: the true values of the yields {', '.join(negative)} are below 0; "
            "declare them in 'parameters' with 'limits' that say so"
        )
        raise InputError(message, code="fit.outside-limits", path=f"parameters.{negative[0]}")
