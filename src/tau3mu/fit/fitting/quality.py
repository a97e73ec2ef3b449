"""How well a fitted model describes the data: χ² of the bins, and a p-value from toys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.data import Binned
from tau3mu.fit.data.sample import split
from tau3mu.fit.fitting.minimize import minimize
from tau3mu.fit.fitting.result import GoodnessOfFitResult, SpectrumResult
from tau3mu.fit.fitting.search import first_steps
from tau3mu.fit.likelihood import Objective
from tau3mu.fit.likelihood.objective import BinnedLikelihood
from tau3mu.fit.likelihood.sampling import Toys, measured_again

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.data import Unbinned
    from tau3mu.fit.language.method import GoodnessOfFit

__all__ = ["describe_bins", "describe_spectra", "goodness_of_fit"]

_PLACES = 10  # named in a message; the result has all


def describe_spectra(
    objective: Objective, values: Mapping[str, float]
) -> dict[str, SpectrumResult]:
    """Returns χ² of every spectrum, the minimized one or else Pearson's, and what was fitted."""
    described = {}
    for name, sample in objective.data.items():
        binned = _bins_of(objective, name, sample)
        chi2, known = _chi2(objective, values, name, binned)
        skipped = np.flatnonzero(binned.used & ~known)
        edges = binned.edges
        described[name] = SpectrumResult(
            entries=sample.entries,
            outside=_outside(sample),
            weighted=sample.weighted,
            chi2=chi2,
            bins=int(known.sum()),
            skipped_bins=tuple((float(edges[i]), float(edges[i + 1])) for i in skipped),
            data_hash=sample.hash,
        )
    return described


def describe_bins(objective: Objective, values: Mapping[str, float]) -> list[str]:
    """Returns what a reader should know of the contents of the bins and of χ²."""
    warnings = []
    seen = described = 0.0
    minimized = objective.model.method.loss == "chi2"
    for name, sample in objective.data.items():
        if isinstance(sample, Binned) and sample.fractional:
            warnings.append(
                f"{name}: the contents are not whole numbers, and their variances are the "
                "contents, as if they were counts; if they are weighted or scaled, the errors are "
                "wrong: write the histogram with its sums of squared weights (Sumw2)"
            )
        binned = _bins_of(objective, name, sample)
        expected = objective.losses[name].function.total(values, binned.edges)
        _, known = _chi2(objective, values, name, binned)
        skipped = binned.used & ~known
        seen, described = seen + binned.contents[known].sum(), described + expected[known].sum()
        if skipped.any():
            why = "the data have" if minimized else "the expectation has"
            warnings.append(
                f"{name}: χ² skips {skipped.sum()} of {binned.used.sum()} bins, where {why} no "
                f"variance: {_places(binned.edges, skipped)}; they hold "
                f"{binned.contents[skipped].sum():g} entries, and the model expects "
                f"{expected[skipped].sum():.3g}"
            )
    if minimized:
        bias = "down" if described < seen else "up"
        warnings.append(
            f"χ² takes its variances from the data, which draws yields {bias}: in its bins the "
            f"model expects {described:.1f} of {seen:.1f} entries"
        )
    return warnings


def goodness_of_fit(
    objective: Objective, values: Mapping[str, float], settings: GoodnessOfFit
) -> GoodnessOfFitResult:
    """Returns how many toys of the fitted model are described worse than the data.

    The statistic is the likelihood ratio to the saturated model (Baker and Cousins), of single
    entries in the bins of the plot; every toy is fitted again.
    """
    model, parameters = objective.model, objective.parameters
    statistic = _deviance(objective, values)
    toys = Toys(model, values, objective.data)
    generator = np.random.default_rng(settings.seed)
    worse = failed = 0
    for _ in range(settings.toys):
        data = toys.draw(generator)
        toy = Objective(measured_again(model, values, generator), data)
        toy.limits = objective.limits
        minuit = minimize(toy, values, parameters.free, first_steps(toy), toy.limits)
        if minuit.valid:
            worse += _deviance(toy, parameters.at(minuit.values)) >= statistic
        else:
            failed += 1
    fitted = settings.toys - failed
    p_value = worse / fitted if fitted else float("nan")
    return GoodnessOfFitResult(statistic, p_value, settings.toys, failed)


def _chi2(
    objective: Objective, values: Mapping[str, float], name: str, binned: Binned
) -> tuple[float, np.ndarray]:
    """Returns χ² of a spectrum, and which bins are in it."""
    loss = objective.losses[name]
    if objective.model.method.loss == "chi2":
        return 2 * loss(values), binned.used & (binned.variances > 0)
    expected = loss.function.expected(values, binned.edges).sum(axis=0)
    pulls = binned.pulls(expected)
    known = np.isfinite(pulls)
    return float(np.sum(pulls[known] ** 2)), known


def _places(edges: np.ndarray, chosen: np.ndarray) -> str:
    """Returns where bins lie, neighbors as one interval."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], chosen, [0]])))
    intervals = edges[steps].reshape(-1, 2)
    places = [f"{lower:.5g} to {upper:.5g}" for lower, upper in intervals[:_PLACES]]
    more = len(intervals) - len(places)
    return ", ".join([*places, *([f"and {more} more"] if more else [])])


def _deviance(objective: Objective, values: Mapping[str, Any]) -> float:
    total = 0.0
    for name, sample in objective.data.items():
        binned = _bins_of(objective, name, sample)
        total += 2 * BinnedLikelihood(objective.losses[name].function, binned)(values)
    return total


def _bins_of(objective: Objective, name: str, sample: Binned | Unbinned) -> Binned:
    if isinstance(sample, Binned):
        return sample
    # As in the plots: split where a range ends, so that all entries that were fitted count.
    return sample.binned(split(objective.model.parts[name].observable.edges, sample.intervals))


def _outside(sample: Binned | Unbinned) -> float:
    if isinstance(sample, Binned):
        return float(sample.contents[~sample.used].sum())
    return float(sample.outside)
