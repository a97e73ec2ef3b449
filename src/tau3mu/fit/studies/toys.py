"""Toys: data drawn from a model whose parameters are known, each fitted like the real ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import InputError
from tau3mu.execution.tasks import run_tasks
from tau3mu.fit.data.prepare import prepare, resolve
from tau3mu.fit.expressions import parse
from tau3mu.fit.fitting.covariance import propagate
from tau3mu.fit.likelihood import Objective
from tau3mu.fit.likelihood.parameters import Parameters
from tau3mu.fit.likelihood.sampling import Toys, measured_again
from tau3mu.fit.studies.refit import refit
from tau3mu.fit.studies.toy_study import Toy, ToyStudy
from tau3mu.fit.studies.truth import empty_data, true_values

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from distributed import Client

    from tau3mu.fit.data import Binned, Unbinned
    from tau3mu.fit.data.prepare import Data
    from tau3mu.fit.expressions import Expression
    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.language import FitModel

__all__ = ["run_toys"]

_CHUNK = 20  # toys per task: about a second


def run_toys(
    model: FitModel,
    number: int,
    *,
    values: Mapping[str, float] | FitResult | None = None,
    like: Data | Mapping[str, Binned | Unbinned] | None = None,
    seed: int = 1,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> ToyStudy:
    """Returns fits of toy data sets, each drawn from the true values and fitted from there.

    The means of constraints fluctuate, too: every toy draws them around the true values. The
    results of a toy depend only on the seed and its index.

    Args:
        model: As `load_model` returns it.
        number: How many toys.
        values: The truth: the values of a fit or of the free parameters; those that are left out
            have the value of the model.
        like: Data whose bins, ranges and mean weights the toys have; else those of the model.
        seed: Of the random numbers.
        workers: The number of processes on this machine.
        client: Of a Dask cluster, which then does the work.
        progress: Is called with the number of further toys that are done.

    Raises:
        InputError: A true value is missing or impossible, or the data do not fit the model.
        RunError: A worker died.
    """
    if number < 1:
        message = f"expected 1 toy or more, got {number}"
        raise InputError(message, code="fit.wrong-value", path="number")
    model = resolve(model)
    truth = true_values(model, values)
    form = empty_data(model) if like is None else prepare(model, like)
    plan = _Plan(model, truth, form, seed)
    if not Parameters(model).free:
        message = f"fit {model.name}: no parameter is free, so toys have nothing to measure"
        raise InputError(message, code="fit.nothing-free", path="parameters")
    Toys(model, truth, form)  # says now whether there are such data
    chunks = [range(first, min(first + _CHUNK, number)) for first in range(0, number, _CHUNK)]
    found = run_tasks(
        _fit_toys, plan, chunks, workers=workers, client=client,
        on_result=lambda toys: progress(len(toys)),
    )  # fmt: skip
    true = {name: float(quantity.evaluate(truth)) for name, quantity in plan.quantities.items()}
    return ToyStudy(model, true, seed, tuple(toy for toys in found for toy in toys))


@dataclass(frozen=True)
class _Plan:
    """The input that all toys share."""

    model: FitModel
    truth: dict[str, float]
    like: dict[str, Binned | Unbinned]
    seed: int

    @property
    def quantities(self) -> dict[str, Expression]:
        """The measured quantities: all parameters that are not fixed, and derived quantities."""
        declared = self.model.parameters
        names = [
            name
            for name in self.truth
            if name not in declared or declared[name].free or declared[name].expression
        ]
        return {name: parse(name) for name in names} | {
            name: parse(text) for name, text in self.model.derived.items()
        }


def _fit_toys(plan: _Plan, indices: Sequence[int]) -> list[Toy]:
    toys = Toys(plan.model, plan.truth, plan.like)
    return [_fit_toy(plan, toys, index) for index in indices]


def _fit_toy(plan: _Plan, toys: Toys, index: int) -> Toy:
    generator = np.random.default_rng([plan.seed, index])
    data = toys.draw(generator)
    model = measured_again(plan.model, plan.truth, generator)
    if not any(sample.entries > 0 for sample in data.values()):
        return Toy(index, "no entries", {}, {})
    objective = Objective(model, data)
    found = refit(objective, plan.truth)
    covariance = found.covariance
    if covariance is None:
        return Toy(index, found.status, {}, {}, found.stops)
    values: dict[str, float] = {}
    errors: dict[str, float] = {}
    for name, expression in plan.quantities.items():
        if name in objective.limits:
            values[name] = found.values[name]
            errors[name] = covariance.errors.get(name, math.nan)
            continue
        quantity = propagate(expression.evaluate, objective, found.values, covariance)
        values[name] = quantity.value
        errors[name] = math.nan if quantity.error is None else quantity.error
    return Toy(index, found.status, values, errors, found.stops)
