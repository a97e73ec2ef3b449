"""How well a fitted model describes the data: χ² of the bins, and a p-value from toys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.data import Binned
from tau3mu.fit.data.sample import split
from tau3mu.fit.fitting.minimise import minimise
from tau3mu.fit.fitting.result import GoodnessOfFitResult, SpectrumResult
from tau3mu.fit.fitting.search import first_steps
from tau3mu.fit.likelihood import Objective
from tau3mu.fit.likelihood.objective import BinnedLikelihood
from tau3mu.fit.likelihood.sampling import Toys, measured_again

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.data import Unbinned
    from tau3mu.fit.language.method import GoodnessOfFit

__all__ = ["describe_spectra", "goodness_of_fit"]


def describe_spectra(
    objective: Objective, values: Mapping[str, float]
) -> dict[str, SpectrumResult]:
    """Returns χ² of every spectrum, the minimised one or else Pearson's, and what was fitted."""
    described = {}
    for name, sample in objective.data.items():
        binned = _bins_of(objective, name, sample)
        expected = objective.losses[name].function.expected(values, binned.edges).sum(axis=0)
        pulls = binned.pulls(expected)[binned.used]
        known = np.isfinite(pulls)
        chi2, bins = float(np.sum(pulls[known] ** 2)), int(known.sum())
        if objective.model.method.loss == "chi2":
            loss = objective.losses[name]
            chi2, bins = 2 * loss(values), int(np.count_nonzero(loss.variances > 0))
        described[name] = SpectrumResult(
            entries=sample.entries,
            outside=_outside(sample),
            weighted=sample.weighted,
            chi2=chi2,
            bins=bins,
            data_hash=sample.hash,
        )
    return described


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
        minuit = minimise(toy, values, parameters.free, first_steps(toy), toy.limits)
        if minuit.valid:
            worse += _deviance(toy, parameters.at(minuit.values)) >= statistic
        else:
            failed += 1
    fitted = settings.toys - failed
    p_value = worse / fitted if fitted else float("nan")
    return GoodnessOfFitResult(statistic, p_value, settings.toys, failed)


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
