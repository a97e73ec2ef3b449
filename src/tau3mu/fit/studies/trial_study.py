"""The result of trials: all fits, and the averages over them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.fit.output.files import check_free, figure_names, save_figure
from tau3mu.fit.studies.trial_summary import summarize_trials
from tau3mu.storage.files import atomic, json_text, staged, write_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

    from tau3mu.fit.studies.trial_summary import QuantitySummary, TrialResult
    from tau3mu.fit.studies.trials_file import TrialsFile

__all__ = ["TrialStudy", "trial_files"]

_JSON, _CSV = "trials.json", "trials.csv"


@dataclass(frozen=True)
class TrialStudy:
    """The fits of all trials of a file.

    Attributes:
        file: The trials file.
        document: Its content.
        results: One per trial, in the order of the file.
        labels: Of the quantities on plots; that of the first trial.
        style: Of the plots; that of the first trial.
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
        """The trials that do not enter the averages."""
        return tuple(result for result in self.results if not result.valid)

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each option without a valid trial; nothing if no trial at all is valid."""
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
        quantities = self.file.quantities if self.valid else ()
        options = self.file.variations
        return {name: summarize_trials(name, self.valid, options) for name in quantities}

    def to_dict(self) -> dict[str, Any]:
        """Returns all trials and averages with the trials file, for JSON."""
        return {
            "name": self.file.name,
            "title": self.file.title,
            "trials": len(self.results),
            "valid": len(self.valid),
            "warnings": list(self.warnings),
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

    def plot(self, name: str) -> Figure:
        """Returns a figure of a quantity in all trials, with its mean and its uncertainties.

        Args:
            name: One of the quantities.
        """
        from tau3mu.fit.studies.plots import plot_trials

        label = self.labels.get(name, name)
        title = self.file.title
        return plot_trials(name, self.summary[name], self.results, label, title, self.style)

    def save(self, folder: str | Path) -> None:
        """Writes `trials.json`, `trials.csv` with one row per trial, and a plot per quantity.

        There are no plots if no trial is valid.

        Args:
            folder: Where to write; it is created if it is missing.

        Raises:
            InputError: One of the files is there already.
            RunError: A file cannot be written.
        """
        import csv

        folder = Path(folder)
        check_free(folder, trial_files(self.file.quantities))
        with staged(folder) as aside:
            write_text(aside / _JSON, json_text(self.to_dict()))
            with atomic(aside / _CSV) as temporary, temporary.open("w", newline="") as stream:
                csv.writer(stream).writerows(self.rows())
            for name in self.summary:
                save_figure(aside, _stem(name), self.plot(name), tight=True)


def trial_files(quantities: Iterable[str]) -> list[str]:
    """Returns the names of the files to which trials are written.

    Args:
        quantities: The names of the quantities that are compared.
    """
    return [_JSON, _CSV, *(file for name in quantities for file in figure_names(_stem(name)))]


def _stem(quantity: str) -> str:
    return f"trials_{quantity}"
