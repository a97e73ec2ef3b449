"""Where a fit starts, and the minima that it finds from there.

The first start comes from the stages of the model: fits of single components where they dominate.
The others lie halfway between that and points drawn within the limits, since points further out
mostly end where two components have swapped their roles; the draws of a parameter are spread
evenly over its limits (a Latin hypercube). From each start, the yields begin at their best values
for its shapes. Single entries are searched in bins.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError, RunError
from tau3mu.fit.data import Binned
from tau3mu.fit.data.sample import split
from tau3mu.fit.fitting.minimize import minimize
from tau3mu.fit.likelihood import Objective
from tau3mu.fit.likelihood.objective import BinnedLikelihood

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tau3mu.fit.language.method import Stage

__all__ = ["SAME", "StartResult", "best_yields", "first_steps", "group_minima", "in_bins", "search"]

log = logging.getLogger(__name__)

_EM_STEPS = 100
SAME = 0.01  # distance in NLL up to which two starts ended in the same minimum
_FIRST_YIELD = 1e-3  # of all entries at least, since Minuit cannot leave a limit
_FINE_BINS = 200  # of the search on single entries
_MARGIN = 1e-3  # of the range between the limits, since Minuit cannot leave a limit
_STEP = 0.01  # first step of Minuit, as part of the range between the limits


@dataclass(frozen=True)
class StartResult:
    """Where one start ended: the loss, and the values of all parameters."""

    nll: float
    values: dict[str, float]
    errors: dict[str, float]
    converged: bool


def search(objective: Objective, start: Mapping[str, float] | None = None) -> list[StartResult]:
    """Returns where the starts ended, best first.

    Args:
        objective: The loss of data in bins; see `in_bins`.
        start: Values of the free parameters from which to start, instead of several points.

    Raises:
        RunError: The likelihood is a number nowhere.
    """
    if start is not None:
        starts = [_within_limits(objective, start)]
    else:
        starts = [
            shapes | _first_yields(objective, shapes)
            for shapes in _starts(objective, _staged_values(objective))
        ]
    found = [_descend(objective, point) for point in starts]
    found.sort(key=lambda result: result.nll)
    found = _finish_others(objective, found)
    if math.isinf(found[0].nll):
        message = (
            f"fit {objective.model.name}: the likelihood is a number at none of {len(found)} "
            "starts; check the values and limits of the parameters"
        )
        raise RunError(message, code="fit.no-likelihood", path=objective.model.name)
    return found


def in_bins(objective: Objective) -> Objective:
    """Returns the loss for the same data in bins, which takes as long for any number of them."""
    if all(isinstance(sample, Binned) for sample in objective.data.values()):
        return objective
    data = {}
    for name, sample in objective.data.items():
        if isinstance(sample, Binned):
            data[name] = sample
            continue
        edges = np.linspace(*objective.model.parts[name].observable.range, _FINE_BINS + 1)
        data[name] = sample.binned(split(edges, sample.intervals))
    return Objective(objective.model, data)


def group_minima(results: Sequence[StartResult]) -> list[list[StartResult]]:
    """Returns the results that Minuit calls minima, those of the same minimum together."""
    groups: list[list[StartResult]] = []
    for result in results:
        if not result.converged:
            continue
        if groups and result.nll - groups[-1][0].nll < SAME:
            groups[-1].append(result)
        else:
            groups.append([result])
    return groups


def first_steps(objective: Objective) -> dict[str, float]:
    """Returns how far Minuit goes first, by the name of the free parameter."""
    entries = max(sample.entries for sample in objective.data.values())
    yields = objective.model.yields
    return {
        name: math.sqrt(max(entries, 1.0)) if name in yields else _STEP * (upper - lower)
        for name, (lower, upper) in objective.limits.items()
    }


def best_yields(shapes: np.ndarray, contents: np.ndarray, held: dict[int, float]) -> np.ndarray:
    """Returns the most likely yields of components whose shapes are known.

    Expectation maximisation: every entry is shared among the components in proportion to what they
    expect in its bin, and the shares are added up.

    Args:
        shapes: Parts of the components in the bins that are fitted, components x bins.
        contents: Counts per bin.
        held: Yields that are given, by the number of the component.
    """
    seen = np.maximum(shapes.sum(axis=1), 1e-9)
    yields = contents.sum() / len(shapes) / seen
    given = list(held)
    yields[given] = list(held.values())
    for _ in range(_EM_STEPS):
        expected = yields @ shapes
        ratio = np.divide(contents, expected, out=np.zeros_like(contents), where=expected > 0)
        yields = yields * (shapes @ ratio) / seen
        yields[given] = list(held.values())
    return np.asarray(yields)


def _finish_others(objective: Objective, found: list[StartResult]) -> list[StartResult]:
    """Returns the results after going on from the minima that are not the best.

    The fast search may call a slope a minimum; what comes down from there was none.
    """
    for group in group_minima(found)[1:]:
        further = _descend(objective, group[0].values, strategy=1)
        if further.nll < group[0].nll - SAME / 10:
            ended = {id(result) for result in group}
            found = [further if id(result) in ended else result for result in found]
    return sorted(found, key=lambda result: result.nll)


def _within_limits(objective: Objective, start: Mapping[str, float]) -> dict[str, float]:
    """Returns a given start, as far inside of the limits as Minuit needs it to move."""
    inside = {}
    for name, (lower, upper) in objective.limits.items():
        if name not in start:
            message = f"fit {objective.model.name}: the start has no value of {name}"
            raise InputError(message, code="fit.missing-start", path=name)
        margin = _MARGIN * (upper - lower)
        inside[name] = float(np.clip(start[name], lower + margin, upper - margin))
    return inside


def _descend(objective: Objective, start: Mapping[str, float], strategy: int = 0) -> StartResult:
    parameters = objective.parameters
    minuit = minimize(
        objective,
        start,
        parameters.free,
        first_steps(objective),
        objective.limits,
        strategy=strategy,
    )
    reached = minuit.fval is not None and math.isfinite(minuit.fval)
    return StartResult(
        float(minuit.fval) if reached else math.inf,
        {name: float(value) for name, value in parameters.at(minuit.values).items()},
        dict(zip(parameters.free, minuit.errors, strict=True)),
        bool(minuit.valid),
    )


def _staged_values(objective: Objective) -> dict[str, float]:
    """Returns the values of the free parameters that are not yields, after the stages."""
    model = objective.model
    values = {
        name: float(model.parameters[name].value or 0.0)
        for name in objective.parameters.free
        if name not in model.yields
    }
    for stage in model.method.stages:
        values = values | _run_stage(objective, stage, values)
    return values


def _run_stage(objective: Objective, stage: Stage, values: dict[str, float]) -> dict[str, float]:
    """Returns what a fit of some components in a part of the range changes."""
    model, parameters = objective.model, objective.parameters
    name = stage.spectrum or next(iter(model.parts))
    sample = objective.data[name]
    assert isinstance(sample, Binned)  # the search is made in bins
    centers = (sample.edges[1:] + sample.edges[:-1]) / 2
    sample = replace(sample, used=sample.used & stage.contains(centers))
    if sample.entries <= 0:
        log.info("stage %s: no entries in %s", stage.components, stage.ranges)
        return {}
    components = model.parts[name].components
    part = [components[key] for key in stage.components]
    silent = {c.yield_: 0.0 for key, c in components.items() if key not in stage.components}
    yields = {c.yield_: sample.entries / len(part) for c in components.values()}
    free_yields = {n: y for n, y in yields.items() if n in parameters.free}
    start = values | {n: _inside(y, objective.limits[n]) for n, y in free_yields.items()}
    used = parameters.touched_by(n for c in part for n in (*c.names, c.yield_))
    free = [n for n in parameters.free if n in used]
    others = {n: start.get(n, 1.0) for n in parameters.free}
    loss = BinnedLikelihood(objective.losses[name].function, sample)

    def function(point: Any) -> float:
        at = others | dict(zip(free, point, strict=True))
        return loss(parameters.complete(at) | silent)

    minuit = minimize(function, others, free, first_steps(objective), objective.limits)
    if not minuit.valid:
        log.info("stage %s: no minimum found", stage.components)
        return {}
    return {n: float(minuit.values[n]) for n in free if n in values}


def _starts(objective: Objective, staged: dict[str, float]) -> list[dict[str, float]]:
    generator = np.random.default_rng(objective.model.method.starts.seed)
    number = objective.model.method.starts.number - 1
    starts = [dict(staged) for _ in range(number)]
    for name, value in staged.items():
        lower, upper = objective.limits[name]
        parts = (generator.permutation(number) + generator.random(number)) / max(number, 1)
        for start, part in zip(starts, parts, strict=True):
            start[name] = (value + lower + part * (upper - lower)) / 2
    return [staged, *starts]


def _first_yields(objective: Objective, shapes: dict[str, float]) -> dict[str, float]:
    """Returns the most likely values of the free yields; the mean of a shared one."""
    parameters, model = objective.parameters, objective.model
    free = [name for name in model.yields if name in parameters.free]
    values = parameters.complete(shapes | dict.fromkeys(free, 1.0))
    found: dict[str, list[float]] = {name: [] for name in free}
    for name, sample in objective.data.items():
        assert isinstance(sample, Binned)  # the search is made in bins
        function = objective.losses[name].function
        fractions = function.shapes(values, sample.edges)[:, sample.used]
        fixed = parameters.fixed
        held = {i: fixed[y] for i, y in enumerate(function.yields) if y in fixed}
        contents = np.clip(sample.contents[sample.used], 0, None)
        yields = best_yields(np.clip(fractions, 0, None), contents, held)
        for yield_name, value in zip(function.yields, yields, strict=True):
            if yield_name in found:
                found[yield_name].append(max(float(value), _FIRST_YIELD * sample.entries))
    return {
        name: _inside(float(np.mean(numbers)), objective.limits[name])
        for name, numbers in found.items()
    }


def _inside(value: float, limits: tuple[float, float]) -> float:
    """Returns a value that lies between limits, as far inside as Minuit needs it to move."""
    lower, upper = limits
    margin = _MARGIN * (upper - lower)
    return value if lower < value < upper else float(np.clip(value, lower + margin, upper - margin))
