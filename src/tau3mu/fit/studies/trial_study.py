"""What trials found, and by how much the choices change the numbers.

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

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.output.files import check_free, figure_names, save_figure
from tau3mu.fit.output.numbers import decimals
from tau3mu.storage.files import atomic, json_text, staged, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.fit.fitting.result import Quantity
    from tau3mu.fit.studies.trials_file import TrialsFile

__all__ = [
    "QuantitySummary",
    "SummaryTexts",
    "TrialResult",
    "TrialStudy",
    "VariationSummary",
    "trial_files",
]

_JSON, _CSV = "trials.json", "trials.csv"


@dataclass(frozen=True)
class TrialResult:
    """The fit of one trial. `status` is "ok" if it is valid; `messages` begin with the reason."""

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
        """Whether it enters the averages."""
        return self.status == "ok"

    @property
    def label(self) -> str:
        """The names of the options."""
        return " / ".join(self.options.values())


@dataclass(frozen=True)
class VariationSummary:
    """How a quantity depends on one variation."""

    means: dict[str, float]
    """Of the valid trials of each option; an option without any is left out."""
    spread: float


@dataclass(frozen=True)
class SummaryTexts:
    """The averages of a quantity, all to two digits of the statistical error."""

    mean: str
    statistical: str
    systematic: str
    largest_deviation: str


@dataclass(frozen=True)
class QuantitySummary:
    """A quantity over all valid trials; the formulas stand at the top of this module."""

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
        """The numbers for people; the digits are of the systematic error if there is no other."""
        digits = decimals(self.statistical or self.systematic or abs(self.mean) or 1.0)
        return SummaryTexts(
            mean=f"{self.mean:.{digits}f}",
            statistical="" if self.statistical is None else f"{self.statistical:.{digits}f}",
            systematic=f"{self.systematic:.{digits}f}",
            largest_deviation=f"{self.largest_deviation:+.{digits}f}",
        )


@dataclass(frozen=True)
class TrialStudy:
    """The fits of all trials of a file.

    `labels` say how plots write the quantities, and `style` in whose look; they are those of the
    first trial.
    """

    file: TrialsFile
    document: dict[str, Any]
    results: tuple[TrialResult, ...]
    labels: dict[str, str] = field(default_factory=dict)
    style: str = "plain"

    @property
    def valid(self) -> tuple[TrialResult, ...]:
        """The trials that enter the averages."""
        return tuple(result for result in self.results if result.valid)

    @property
    def invalid(self) -> tuple[TrialResult, ...]:
        """The trials that are left out."""
        return tuple(result for result in self.results if not result.valid)

    @property
    def remarks(self) -> tuple[str, ...]:
        """A sentence for each option without a valid trial; none if no trial at all is valid."""
        lost = []
        for variation, options in self.file.variations.items() if self.valid else ():
            for option in options:
                tried = [r.valid for r in self.results if r.options[variation] == option]
                if tried and not any(tried):
                    number = len(tried)
                    several = f"none of its {number} trials is"
                    none = several if number > 1 else "its only trial is not"
                    lost.append(f"option {variation}={option}: {none} valid")
        return tuple(lost)

    @cached_property
    def summary(self) -> dict[str, QuantitySummary]:
        """The averages of each quantity; nothing if no trial is valid."""
        return {name: self._summary(name) for name in self.file.quantities if self.valid}

    def _summary(self, name: str) -> QuantitySummary:
        found = [result.quantities[name] for result in self.valid]
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
            largest_deviation_of=self.valid[largest].label,
            variations={v: self._variation(v, name) for v in self.file.variations},
        )

    def _variation(self, variation: str, name: str) -> VariationSummary:
        means = {}
        for option in self.file.variations[variation]:
            chosen = [r for r in self.valid if r.options[variation] == option]
            if chosen:
                means[option] = float(np.mean([r.quantities[name].value for r in chosen]))
        return VariationSummary(means, _rms(np.array(list(means.values()))))

    def to_dict(self) -> dict[str, Any]:
        """Returns all trials and averages as what JSON knows, with the trials file."""
        return {
            "name": self.file.name,
            "title": self.file.title,
            "trials": len(self.results),
            "valid": len(self.valid),
            "remarks": list(self.remarks),
            "summary": {
                name: {**asdict(summary), "strongest": summary.strongest}
                for name, summary in self.summary.items()
            },
            "results": [asdict(result) for result in self.results],
            "configuration": self.document,
        }

    def rows(self) -> list[list[Any]]:
        """Returns the trials as a table, the names of the columns first."""
        names = [part for name in self.file.quantities for part in (name, f"{name}_error")]
        head = [*self.file.variations, "status", *names, "chi2", "ndf", "p_value", "nll"]
        return [head, *(self._row(result) for result in self.results)]

    def _row(self, result: TrialResult) -> list[Any]:
        numbers: list[float | None] = []
        for name in self.file.quantities:
            found = result.quantities.get(name)
            numbers += (None, None) if found is None else (found.value, found.error)
        quality = (result.chi2, result.ndf, result.p_value, result.nll)
        return [*result.options.values(), result.status, *numbers, *quality]

    def save(self, folder: str | Path) -> None:
        """Writes `trials.json`, `trials.csv` with one row per trial, and a plot per quantity.

        There are no plots if no trial is valid.

        Raises:
            InputError: One of the files is there already.
            RunError: A file cannot be written.
        """
        import csv

        from tau3mu.fit.studies.plots import plot_trials

        folder = Path(folder)
        check_free(folder, trial_files(self.file.quantities))
        with staged(folder) as aside:
            write_text(aside / _JSON, json_text(self.to_dict()))
            with atomic(aside / _CSV) as temporary, temporary.open("w", newline="") as stream:
                csv.writer(stream).writerows(self.rows())
            for name in self.summary:
                save_figure(aside, _stem(name), plot_trials(self, name), tight=True)


def trial_files(quantities: Iterable[str]) -> list[str]:
    """Returns the names of the files that trials are written to."""
    return [_JSON, _CSV, *(file for name in quantities for file in figure_names(_stem(name)))]


def _stem(quantity: str) -> str:
    return f"trials_{quantity}"


def _rms(values: np.ndarray) -> float:
    return float(np.std(values))
