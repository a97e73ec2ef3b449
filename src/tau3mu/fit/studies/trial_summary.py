"""Averages over trials, and how much each choice changes them.

With the N valid trials i, their values x_i and their errors s_i:

- mean = sum(x_i) / N, the central value;
- weighted mean = sum(x_i / s_i²) / sum(1 / s_i²);
- statistical = sum(s_i) / N, the mean error;
- systematic = sqrt(sum((x_i - mean)²) / N), the RMS about the mean;
- largest deviation = the x_i - mean that is furthest from 0;
- for each variation, the mean of the trials of each of its options, and as spread the RMS of these
  means about their own mean. The variation with the largest spread moves the value most.

Values without an error, as at a limit or where fixed, do not enter what is made of errors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.output.numbers import decimals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tau3mu.fit.fitting.result import Quantity

__all__ = [
    "QuantitySummary",
    "SummaryTexts",
    "TrialResult",
    "VariationSummary",
    "summarize_trials",
]


@dataclass(frozen=True)
class TrialResult:
    """The fit of one trial.

    Attributes:
        options: The chosen option of each variation.
        status: "ok" if the fit is valid.
        messages: If it is not valid, the first one is the reason.
        quantities: The values and errors that are compared.
        chi2: Of the fit, as all that follow; None if it failed.
        ndf: The number of degrees of freedom.
        p_value: That of the χ².
        nll: The negative logarithm of the likelihood.
    """

    options: dict[str, str]
    status: str
    messages: tuple[str, ...]
    quantities: dict[str, Quantity]
    chi2: float | None = None
    ndf: int | None = None
    p_value: float | None = None
    nll: float | None = None

    @property
    def valid(self) -> bool:
        """True if it enters the averages."""
        return self.status == "ok"

    @property
    def label(self) -> str:
        """The names of the options."""
        return " / ".join(self.options.values())


@dataclass(frozen=True)
class VariationSummary:
    """The dependence of a quantity on one variation.

    Attributes:
        means: The mean of the valid trials of each option that has any.
        spread: The RMS of these means.
    """

    means: dict[str, float]
    spread: float


@dataclass(frozen=True)
class SummaryTexts:
    """The averages of a quantity, all to two digits of the statistical uncertainty."""

    mean: str
    statistical: str
    systematic: str
    largest_deviation: str


@dataclass(frozen=True)
class QuantitySummary:
    """The averages of a quantity over all valid trials, by the formulas of this module."""

    trials: int
    mean: float
    statistical: float | None
    systematic: float
    weighted_mean: float | None
    largest_deviation: float
    largest_deviation_of: str
    variations: dict[str, VariationSummary]

    @property
    def strongest(self) -> str:
        """The variation that moves the value most."""
        return max(self.variations, key=lambda name: self.variations[name].spread)

    @property
    def texts(self) -> SummaryTexts:
        """The rounded numbers; to digits of the systematic uncertainty if there is no other."""
        digits = decimals(self.statistical or self.systematic or abs(self.mean) or 1.0)
        return SummaryTexts(
            mean=f"{self.mean:.{digits}f}",
            statistical="" if self.statistical is None else f"{self.statistical:.{digits}f}",
            systematic=f"{self.systematic:.{digits}f}",
            largest_deviation=f"{self.largest_deviation:+.{digits}f}",
        )


def summarize_trials(
    name: str, valid: Sequence[TrialResult], variations: Mapping[str, Iterable[str]]
) -> QuantitySummary:
    """Returns the averages of a quantity.

    Args:
        name: The quantity.
        valid: The trials whose fits are valid, at least one.
        variations: The names of the options of each variation.
    """
    found = [result.quantities[name] for result in valid]
    values = np.array([quantity.value for quantity in found])
    known = [(q.value, q.error) for q in found if q.error]
    with_error, errors = np.array(known).T if known else (np.empty(0), np.empty(0))
    weights = errors**-2.0
    deviations = values - values.mean()
    largest = int(np.argmax(np.abs(deviations)))
    return QuantitySummary(
        trials=len(values),
        mean=float(values.mean()),
        statistical=float(errors.mean()) if known else None,
        systematic=_rms(values),
        weighted_mean=float(with_error @ weights / weights.sum()) if known else None,
        largest_deviation=float(deviations[largest]),
        largest_deviation_of=valid[largest].label,
        variations={
            variation: _by_option(name, variation, options, valid)
            for variation, options in variations.items()
        },
    )


def _by_option(
    name: str, variation: str, options: Iterable[str], valid: Sequence[TrialResult]
) -> VariationSummary:
    means = {}
    for option in options:
        chosen = [r.quantities[name].value for r in valid if r.options[variation] == option]
        if chosen:
            means[option] = float(np.mean(chosen))
    return VariationSummary(means, _rms(np.array(list(means.values()))))


def _rms(values: np.ndarray) -> float:
    return float(np.std(values))
