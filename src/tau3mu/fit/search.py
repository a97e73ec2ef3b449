"""Where a fit starts, and the minima that it finds from there.

The first start comes from the stages of the model: fits of single components where they dominate.
The others lie halfway between that and points drawn within the limits, since points further out
mostly end where two components have swapped their roles; the draws of a parameter are spread
evenly over its limits (a Latin hypercube). From each start, the
yields begin at their best values for its shapes.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.fit.backend import Minuit
    from tau3mu.fit.counts import Counts
    from tau3mu.fit.engine import Engine

__all__ = ["Candidate", "best_yields", "finish", "group_minima", "search"]

log = logging.getLogger(__name__)

_EM_STEPS = 100
_SAME = 0.01  # distance in NLL up to which two starts ended in the same minimum
_FIRST_YIELD = 1e-3  # of all entries at least, since Minuit cannot leave a limit


@dataclass(frozen=True)
class Candidate:
    """Where one start ended: the NLL up to a constant, and the values of all parameters."""

    nll: float
    values: dict[str, float]
    errors: dict[str, float]
    converged: bool


def search(engine: Engine, counts: Counts) -> list[Candidate]:
    """Returns where the starts ended, best first.

    Raises:
        RunError: The likelihood is a number nowhere.
    """
    found = []
    for shapes in _starts(engine, _staged_values(engine, counts), counts.entries):
        start = shapes | _first_yields(engine, shapes, counts)
        minuit = engine.descend(start, engine.free, counts.contents)
        reached = minuit.fval is not None and math.isfinite(minuit.fval)
        found.append(
            Candidate(
                float(minuit.fval) if reached else math.inf,
                dict(zip(engine.names, minuit.values, strict=True)),
                dict(zip(engine.names, minuit.errors, strict=True)),
                bool(minuit.valid),
            )
        )
    found.sort(key=lambda candidate: candidate.nll)
    if math.isinf(found[0].nll):
        message = (
            f"fit {engine.model.name}: the likelihood is a number at none of {len(found)} starts; "
            "check the values and limits of the parameters"
        )
        raise RunError(message)
    return found


def finish(engine: Engine, candidates: Sequence[Candidate], counts: Counts) -> Minuit:
    """Returns zfit's Minuit at the best minimum, from the first candidate there that it accepts."""
    best = [c for c in candidates if c.nll - candidates[0].nll < _SAME]
    for candidate in best:
        minuit = engine.minimise(candidate.values, candidate.errors, counts.contents)
        if minuit.valid:
            break
    return minuit


def group_minima(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """Returns the candidates that Minuit calls minima, those of the same minimum together."""
    groups: list[list[Candidate]] = []
    for candidate in candidates:
        if not candidate.converged:
            continue
        if groups and candidate.nll - groups[-1][0].nll < _SAME:
            groups[-1].append(candidate)
        else:
            groups.append([candidate])
    return groups


def best_yields(shapes: np.ndarray, contents: np.ndarray, held: dict[int, float]) -> np.ndarray:
    """Returns the most likely yields of components whose shapes are known.

    Expectation maximisation: every entry is shared among the components in proportion to what they
    expect in its bin, and the shares are added up.

    Args:
        shapes: Normalised integrals, components x bins.
        contents: Counts per bin.
        held: Yields that are given, by the number of the component.
    """
    yields = np.full(len(shapes), contents.sum() / len(shapes))
    given = list(held)
    yields[given] = list(held.values())
    for _ in range(_EM_STEPS):
        expected = yields @ shapes
        ratio = np.divide(contents, expected, out=np.zeros_like(contents), where=expected > 0)
        yields = yields * (shapes @ ratio)
        yields[given] = list(held.values())
    return yields


def _staged_values(engine: Engine, counts: Counts) -> dict[str, float]:
    """Returns the values of the shapes after the stages."""
    model = engine.model
    values = {name: model.parameters[name].value for name in model.shape_parameters}
    for stage in model.stages:
        bins = stage.bins(counts.edges)
        inside = float(counts.contents[bins].sum())
        if inside == 0:
            log.info("stage %s: no entries in %s", stage.components, stage.ranges)
            continue
        part = [model.components[key] for key in stage.components]
        names = {name for c in part for name in (*c.parameters.values(), c.yield_)}
        yields = dict.fromkeys(model.yields, 0.0) | {c.yield_: inside / len(part) for c in part}
        free = [name for name in engine.free if name in names]
        minuit = engine.descend(values | yields, free, counts.contents, bins)
        if minuit.valid:
            values = {name: minuit.values[name] for name in values}
        else:
            log.info("stage %s: no minimum found", stage.components)
    return values


def _starts(engine: Engine, staged: dict[str, float], entries: float) -> list[dict[str, float]]:
    generator = np.random.default_rng(engine.model.starts.seed)
    number = engine.model.starts.number - 1
    starts = [dict(staged) for _ in range(number)]
    for name, interval in engine.limits(entries).items():
        if name not in staged or name not in engine.free or interval is None:
            continue
        lower, upper = interval
        parts = (generator.permutation(number) + generator.random(number)) / number
        for start, part in zip(starts, parts, strict=True):
            start[name] = (staged[name] + lower + part * (upper - lower)) / 2
    return [staged, *starts]


def _first_yields(engine: Engine, shapes: dict[str, float], counts: Counts) -> dict[str, float]:
    model = engine.model
    declared = {
        name: model.parameters[name].value for name in model.yields if name in model.parameters
    }
    held = {i: declared[n] for i, n in enumerate(model.yields) if n not in engine.free}
    yields = best_yields(engine.shapes(shapes), counts.contents, held)
    limits = engine.limits(counts.entries)
    first = {}
    for i, name in enumerate(model.yields):
        if i in held:
            first[name] = held[i]
            continue
        value = max(float(yields[i]), _FIRST_YIELD * counts.entries)
        lower, upper = limits[name] or (0.0, np.inf)
        first[name] = float(np.clip(value, lower, upper))
    return first
