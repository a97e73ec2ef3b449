"""The fit of a histogram, from its start values to a result that says what it is worth."""

from __future__ import annotations

import math
import platform
import time
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.counts import counts_of
from tau3mu.fit.covariance import find_stops, measure_covariance
from tau3mu.fit.model import FitModel
from tau3mu.fit.result import FitResult, Minimum, ParameterResult
from tau3mu.fit.search import finish, group_minima, search
from tau3mu.fit.verdict import describe_doubts, find_faults

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hist import Hist

    from tau3mu.fit.counts import Counts
    from tau3mu.fit.engine import Engine
    from tau3mu.fit.search import Candidate

__all__ = ["expected_counts", "fit_histogram"]

_PACKAGES = ("tau3mu", "zfit", "tensorflow", "iminuit", "numpy")


def fit_histogram(histogram: Hist[Any], model: FitModel) -> FitResult:
    """Returns the extended binned maximum-likelihood fit of a model to a histogram.

    Several starts look for the lowest minimum, zfit's Minuit finishes there, and Hesse gives the
    errors. Of a weighted histogram, the errors are those of the sums of weights.

    Raises:
        InputError: The histogram does not fit the model, or has nothing to fit.
        RunError: The likelihood is a number nowhere.
    """
    counts = counts_of(histogram, model)
    engine = _engine(model.model_dump_json(by_alias=True))
    return _fit(engine, counts)


def expected_counts(model: FitModel, result: FitResult, edges: np.ndarray) -> np.ndarray:
    """Returns the fitted integrals of the components over bins, components x bins.

    Args:
        model: The model that was fitted.
        result: What came out.
        edges: The edges of the bins; they must span the range of the model.
    """
    return _engine(model.model_dump_json(by_alias=True)).expected(result.values, edges)


@lru_cache(maxsize=4)
def _engine(document: str) -> Engine:
    """Returns the engine of a model, which for a second histogram is already compiled."""
    from tau3mu.fit.engine import Engine

    return Engine(FitModel.model_validate_json(document))


def _fit(engine: Engine, counts: Counts) -> FitResult:
    begin = time.perf_counter()
    model, limits = engine.model, engine.limits(counts.entries)
    candidates = search(engine, counts)
    minuit = finish(engine, candidates, counts)
    free = dict(zip(minuit.parameters, minuit.values, strict=True))
    values = {name: free.get(name, candidates[0].values[name]) for name in engine.names}
    errors = dict(zip(minuit.parameters, minuit.errors, strict=True))
    converged, edm = bool(minuit.valid), float(minuit.fmin.edm)
    stops = find_stops(engine, values, errors, counts)
    covariance = measure_covariance(engine, minuit, values, stops, counts)
    minima = _minima(engine, candidates, counts)
    failed = sum(not candidate.converged for candidate in candidates)
    faults = find_faults(converged=converged, edm=edm, covariance=covariance, stops=stops)
    doubts = describe_doubts(
        covariance=covariance,
        stops=stops,
        limits=limits,
        minima=minima,
        failed_starts=failed,
        weighted=counts.weighted,
    )
    expected = engine.expected(values).sum(axis=0)
    return FitResult(
        model=model.name,
        valid=not faults,
        status=faults[0][0] if faults else "ok",
        messages=(*(text for _, text in faults), *doubts),
        converged=converged,
        edm=edm,
        nll=_negative_log_likelihood(counts.contents, expected),
        chi2=float(np.sum(counts.pulls(expected) ** 2)),
        ndf=model.observable.bins - len(engine.free),
        entries=counts.entries,
        parameters={
            name: ParameterResult(
                value=values[name],
                error=covariance.errors.get(name),
                limits=limits[name],
                at_limit=name in stops,
                fixed=name not in engine.free,
                is_yield=name in model.yields,
            )
            for name in engine.names
        },
        covariance_quality=covariance.quality,
        covariance_parameters=covariance.names,
        covariance=_rows(covariance.matrix),
        correlation=_rows(covariance.correlation),
        minima=minima,
        failed_starts=failed,
        fit_seconds=round(time.perf_counter() - begin, 3),
        model_hash=model.hash,
        data_hash=counts.hash,
        versions={"python": platform.python_version()}
        | {name: version(name) for name in _PACKAGES},
    )


def _minima(engine: Engine, candidates: Sequence[Candidate], counts: Counts) -> tuple[Minimum, ...]:
    groups = group_minima(candidates)
    return tuple(
        Minimum(
            delta_nll=group[0].nll - groups[0][0].nll,
            starts=len(group),
            values=group[0].values,
            at_limit=tuple(find_stops(engine, group[0].values, group[0].errors, counts)),
        )
        for group in groups
    )


def _negative_log_likelihood(contents: np.ndarray, expected: np.ndarray) -> float:
    factorials = sum(math.lgamma(content + 1) for content in contents)
    return float(np.sum(expected - contents * np.log(expected))) + factorials


def _rows(matrix: np.ndarray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
