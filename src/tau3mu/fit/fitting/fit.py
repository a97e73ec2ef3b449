"""The fit of a model to data, from its start values to a result that says what it is worth."""

from __future__ import annotations

import platform
import time
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError
from tau3mu.fit.data import Binned
from tau3mu.fit.data.prepare import prepare, resolve
from tau3mu.fit.fitting.covariance import find_stops, measure_covariance, propagate
from tau3mu.fit.fitting.derived import count_window, derive
from tau3mu.fit.fitting.minimize import minimize
from tau3mu.fit.fitting.minos import LowerMinimum, with_minos
from tau3mu.fit.fitting.quality import describe_bins, describe_spectra, goodness_of_fit
from tau3mu.fit.fitting.result import FitResult, Minimum, ParameterResult
from tau3mu.fit.fitting.search import SAME, first_steps, group_minima, in_bins, search
from tau3mu.fit.fitting.verdict import find_errors, find_warnings
from tau3mu.fit.language import FitModel, load_model
from tau3mu.fit.likelihood import Objective
from tau3mu.fit.likelihood.dry_run import dry_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tau3mu.fit.data import Unbinned
    from tau3mu.fit.data.prepare import Data
    from tau3mu.fit.fitting.covariance import Covariance, Stop
    from tau3mu.fit.fitting.minimize import Minuit
    from tau3mu.fit.fitting.result import GoodnessOfFitResult
    from tau3mu.fit.fitting.search import StartResult

__all__ = ["complete", "fit", "fit_prepared", "not_lowest", "restart"]

_RESTARTS = 3
_PACKAGES = ("tau3mu", "iminuit", "numpy", "scipy")
_ZFIT_PACKAGES = ("zfit", "tensorflow")


def fit(
    model: FitModel | str | Path,
    data: Data | None = None,
    *,
    start: Mapping[str, float] | None = None,
    minos: bool = True,
) -> FitResult:
    """Returns the fit of a model to data.

    Several starts look for the lowest minimum, zfit's Minuit finishes there, and Hesse gives the
    errors. Of weighted data, the errors are those of the sums of weights.

    Args:
        model: A `FitModel`, the name of a shipped fit, or a file.
        data: See `Data`: a histogram, values or columns in memory, what a run has found, or a
            file; for several spectra, a mapping from their names to these. Left out, it is what
            the inputs of the model name.
        start: Values of the free parameters from which to start, such as those of an earlier
            result, instead of the stages and the several starts.
        minos: Whether Minos is made where the model asks for it; `complete` makes it later.

    Raises:
        InputError: The data do not fit the model, or there is nothing to fit.
        RunError: The likelihood is a number nowhere.
    """
    model = resolve(model if isinstance(model, FitModel) else load_model(model))
    dry_run(model)
    return fit_prepared(model, prepare(model, data), start=start, minos=minos)


def fit_prepared(
    model: FitModel,
    data: Mapping[str, Binned | Unbinned],
    *,
    start: Mapping[str, float] | None = None,
    minos: bool = True,
) -> FitResult:
    """Returns the fit of a model, whose labels and templates are read, to data cut to its ranges.

    The arguments are explained in `fit`.

    Raises:
        RunError: The likelihood is a number nowhere.
    """
    result = _fitted(model, data, start)
    return complete(result) if minos else result


def complete(result: FitResult) -> FitResult:
    """Returns a fit with what its model asks of Minos.

    Where Minos meets a lower minimum, the fit is made again from there, and says so.
    """
    for _ in range(_RESTARTS):
        found = with_minos(result)
        if not isinstance(found, LowerMinimum):
            return found
        result = restart(result, found.values, "Minos")
    return not_lowest(result, "Minos") if result.valid else result


def restart(result: FitResult, values: Mapping[str, float], finder: str) -> FitResult:
    """Returns the fit that ends in a lower minimum, without Minos.

    If none is found from there, it is the same fit, which is not valid then.

    Args:
        result: A fit.
        values: Of all parameters, where the likelihood is larger.
        finder: What met it, for the message.
    """
    again = _fitted(result.model, result.data, values)
    if again.nll > result.nll - SAME / 2:
        return not_lowest(result, finder)
    shift = result.nll - again.nll
    warning = f"{finder} met a minimum that is {shift:.2f} lower in NLL: the fit began again there"
    others = [replace(m, delta_nll=m.delta_nll + shift) for m in result.minima]
    return replace(
        again,
        messages=(*again.messages, warning),
        minima=(*again.minima, *others),
        failed_starts=again.failed_starts + result.failed_starts,
        fit_seconds=round(again.fit_seconds + result.fit_seconds, 3),
    )


def not_lowest(result: FitResult, finder: str) -> FitResult:
    """Returns a fit that is not valid, since something has met a lower NLL."""
    text = f"{finder} met a lower NLL than that of the fit, and no fit from there ends in a minimum"
    return replace(
        result, valid=False, status="not the lowest minimum", messages=(text, *result.messages)
    )


def _fitted(
    model: FitModel, data: Mapping[str, Binned | Unbinned], start: Mapping[str, float] | None
) -> FitResult:
    if model.method.engine == "zfit":
        from tau3mu.fit.backend import znp  # takes seconds, which are not those of the fit

        dry_run(model, znp, users_only=True)
    begin = time.perf_counter()
    objective = Objective(model, data)
    binned = in_bins(objective)
    starts = search(binned, start)
    minuit = _finish(objective, starts)
    free = {n: float(v) for n, v in zip(minuit.parameters, minuit.values, strict=True)}
    values = {n: float(v) for n, v in objective.parameters.complete(free).items()}
    steps = dict(zip(minuit.parameters, minuit.errors, strict=True))
    converged, edm = bool(minuit.valid), float(minuit.fmin.edm)  # Hesse may change them later
    stops = find_stops(objective, values, steps)
    covariance = measure_covariance(objective, minuit, values, stops)
    minima = _minima(binned, starts)
    failed = sum(not result.converged for result in starts)
    windows = {n: count_window(w, objective, values, covariance) for n, w in model.windows.items()}
    spectra = describe_spectra(objective, values)
    p_value, p_value_warnings = _p_value(objective, values)
    errors = find_errors(converged, edm, covariance, stops, objective.impossible(values))
    warnings = find_warnings(
        covariance=covariance,
        stops=stops,
        limits=objective.limits,
        minima=minima,
        failed_starts=failed,
        weighted=objective.weighted,
        seen=objective.seen(values),
    )
    constraints = [p for p in model.parameters.values() if p.constraint]
    packages = _PACKAGES + (_ZFIT_PACKAGES if model.method.engine == "zfit" else ())
    return FitResult(
        model=model,
        data=data,
        valid=not errors,
        status=errors[0][0] if errors else "ok",
        messages=(
            *(text for _, text in errors),
            *warnings,
            *_method_warnings(objective, values),
            *p_value_warnings,
            *(f"the window {name} {text}" for name, (_, text) in windows.items() if text),
        ),
        converged=converged,
        edm=edm,
        nll=objective.at(values) + _constant(objective),
        chi2=sum(s.chi2 for s in spectra.values()) + 2 * objective.constraint_loss(values),
        ndf=sum(s.bins for s in spectra.values()) + len(constraints) - len(free),
        spectra=spectra,
        parameters=_parameters(objective, values, covariance, stops),
        covariance_quality=covariance.quality,
        covariance_parameters=covariance.names,
        covariance=_rows(covariance.matrix),
        correlation=_rows(covariance.correlation),
        minima=minima,
        failed_starts=failed,
        engine=model.method.engine,
        fit_seconds=round(time.perf_counter() - begin, 3),
        versions=dict(_versions(packages)),
        derived={
            n: derive(text, objective, values, covariance) for n, text in model.derived.items()
        },
        windows={name: window for name, (window, _) in windows.items() if window is not None},
        goodness_of_fit=p_value,
    )


def _finish(objective: Objective, starts: Sequence[StartResult]) -> Minuit:
    """Returns Minuit at the best minimum, from the first start there that it accepts."""
    best = [c for c in starts if c.nll - starts[0].nll < SAME]
    for begun in best:
        minuit = _polish(objective, begun)
        if minuit.valid:
            break
    return minuit


def _polish(objective: Objective, begun: StartResult) -> Minuit:
    free, limits = objective.parameters.free, objective.limits
    rough = first_steps(objective)
    # A start that ended at a limit has no error to step by.
    steps = {name: begun.errors[name] or rough[name] for name in free}
    values = begun.values
    if objective.model.method.engine == "numpy" or not free:
        return minimize(objective, values, free, steps, limits, strategy=1)
    if not all(isinstance(sample, Binned) for sample in objective.data.values()):
        # zfit's Minuit has only to confirm the minimum; on the way there it would take longer.
        close = minimize(objective, values, free, steps, limits)
        values = dict(zip(free, close.values, strict=True))
    from tau3mu.fit.likelihood.zfit_engine import zfit_engine

    engine = zfit_engine(objective.model, objective.data)
    return engine.minimize({name: values[name] for name in free}, steps, limits)


def _method_warnings(objective: Objective, values: Mapping[str, float]) -> list[str]:
    """Returns what a reader should know of the loss."""
    warnings = describe_bins(objective, values)
    if not objective.parameters.free:
        warnings.append("no parameter is free: NLL and χ² are those of the given values")
    if objective.weighted and objective.model.outputs.scans:
        warnings.append("scans are left out: they do not know what the weights do to the errors")
    return warnings


def _p_value(
    objective: Objective, values: Mapping[str, float]
) -> tuple[GoodnessOfFitResult | None, list[str]]:
    """Returns the p-value from toys if the model asks for it, or why there is none."""
    settings = objective.model.method.goodness_of_fit
    if settings is None:
        return None, []
    try:
        return goodness_of_fit(objective, values, settings), []
    except InputError as error:  # the fitted yields are negative where nothing makes up for it
        return None, [f"there is no p-value from toys: {error}"]


def _parameters(
    objective: Objective,
    values: Mapping[str, float],
    covariance: Covariance,
    stops: Mapping[str, Stop],
) -> dict[str, ParameterResult]:
    model, parameters = objective.model, objective.parameters
    errors: dict[str, float | None] = dict(covariance.errors)
    for name in parameters.expressions:
        errors[name] = propagate(lambda at, n=name: at[n], objective, values, covariance).error  # type: ignore[misc]
    return {
        name: ParameterResult(
            value=values[name],
            error=errors.get(name),
            limits=objective.limits.get(name),
            at_limit=name in stops,
            fixed=name in parameters.fixed,
            is_yield=name in model.yields,
            expression=model.expressions.get(name),
        )
        for name in parameters.names
    }


def _minima(binned: Objective, starts: Sequence[StartResult]) -> tuple[Minimum, ...]:
    groups = group_minima(starts)
    return tuple(
        Minimum(
            delta_nll=group[0].nll - groups[0][0].nll,
            starts=len(group),
            values=group[0].values,
            at_limit=tuple(find_stops(binned, group[0].values, group[0].errors)),
        )
        for group in groups
    )


def _constant(objective: Objective) -> float:
    """Returns what makes the loss of counts the full Poisson likelihood."""
    if objective.model.method.loss == "chi2":
        return 0.0
    return sum(loss.constant for loss in objective.losses.values())


@cache
def _versions(packages: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Returns what made the result; asking for it takes as long as a small fit."""
    known = [(name, version(name)) for name in packages]
    return (("python", platform.python_version()), *known)


def _rows(matrix: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in matrix.tolist())
