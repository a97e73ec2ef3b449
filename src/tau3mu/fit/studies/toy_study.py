"""The result of a study with toys: values, errors and pulls."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.output.files import check_free, figure_names, save_figure
from tau3mu.fit.output.labels import parameter_symbols
from tau3mu.fit.studies.toy_summary import ToySummary, summarize_toys
from tau3mu.storage.files import atomic, json_text, staged, write_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tau3mu.fit.language import FitModel

__all__ = ["Toy", "ToyStudy", "toy_files"]

_JSON, _TABLE = "toys.json", "toys.parquet"
_FIGURES = ("pulls", "bias")


@dataclass(frozen=True)
class Toy:
    """The fit of one toy.

    Attributes:
        index: Of the toy.
        status: "ok" or the reason why the fit is not valid.
        values: By quantity; empty if the fit is not valid.
        errors: By quantity; NaN if there is none.
        stops: The limit at which a parameter is, "lower" or "upper".
    """

    index: int
    status: str
    values: dict[str, float]
    errors: dict[str, float]
    stops: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ToyStudy:
    """Fits of toys that were drawn from the values `truth`."""

    model: FitModel
    truth: dict[str, float]
    seed: int
    toys: tuple[Toy, ...]

    @cached_property
    def statuses(self) -> dict[str, int]:
        """The number of fits by status, "ok" first."""
        counts = Counter(toy.status for toy in self.toys)
        return {"ok": counts.pop("ok", 0), **dict(counts.most_common())}

    @property
    def failed(self) -> int:
        """The number of fits that are not valid, which enter no average."""
        return len(self.toys) - self.statuses["ok"]

    @cached_property
    def table(self) -> dict[str, np.ndarray]:
        """The fits as columns with one row per toy: NAME, NAME_error and NAME_pull, or NaN."""
        columns: dict[str, Any] = {
            "toy": np.array([toy.index for toy in self.toys]),
            "status": np.array([toy.status for toy in self.toys]),
        }
        for name, truth in self.truth.items():
            values = np.array([toy.values.get(name, math.nan) for toy in self.toys])
            errors = np.array([toy.errors.get(name, math.nan) for toy in self.toys])
            known = errors > 0
            pulls = np.full(len(values), math.nan)
            pulls[known] = (values[known] - truth) / errors[known]
            columns |= {name: values, f"{name}_error": errors, f"{name}_pull": pulls}
        return columns

    def pulls(self, name: str) -> np.ndarray:
        """Returns the pulls of a quantity, of the toys that have one, shape (toys,).

        Args:
            name: The parameter or derived quantity.
        """
        pulls = self.table[f"{name}_pull"]
        return np.asarray(pulls[np.isfinite(pulls)])

    @cached_property
    def summary(self) -> dict[str, ToySummary]:
        """The averages of each quantity over the valid toys."""
        return {name: self._summary(name, truth) for name, truth in self.truth.items()}

    def _summary(self, name: str, truth: float) -> ToySummary:
        known = np.isfinite(self.table[f"{name}_pull"])
        values, errors = self.table[name][known], self.table[f"{name}_error"][known]
        below, above = (self._stopped(name, side) for side in ("lower", "upper"))
        return summarize_toys(truth, values, errors, below, above)

    def _stopped(self, name: str, side: str) -> int:
        return sum(toy.stops.get(name) == side for toy in self.toys)

    @property
    def warnings(self) -> tuple[str, ...]:
        """The effects of toys without a pull on the pulls of the others."""
        number, found = len(self.toys), []
        if self.failed:
            reasons = ", ".join(f"{n} {s}" for s, n in self.statuses.items() if s != "ok")
            found.append(
                f"{self.failed} of {number} toys have no pulls ({reasons}): the others are not a "
                "fair sample, so the means and widths of their pulls are biased"
            )
        for name, summary in self.summary.items():
            for side, stopped, effect in (
                ("lower", summary.at_lower_limit, "upwards"),
                ("upper", summary.at_upper_limit, "downwards"),
            ):
                if not stopped:
                    continue
                median = summary.pull_median
                known = f"is {median:+.2f}" if math.isfinite(median) else "lies at the limit"
                found.append(
                    f"{name} is at its {side} limit in {stopped} of {number} toys, which have no "
                    f"pull: its pulls are biased {effect} and too narrow; with these toys, their "
                    f"median {known}. Wider 'limits' avoid this; those of a yield may go below 0"
                )
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Returns the summary with the configuration, for JSON."""
        return {
            "model": self.model.name,
            "model_hash": self.model.hash,
            "seed": self.seed,
            "toys": len(self.toys),
            "failed": self.failed,
            "statuses": self.statuses,
            "warnings": self.warnings,
            "summary": {name: asdict(summary) for name, summary in self.summary.items()},
            "configuration": self.model.to_dict(),
        }

    def plot_pulls(self) -> Figure:
        """Returns a figure with the pulls of every quantity, beside a Gaussian of width one."""
        from tau3mu.fit.studies.plots import plot_pulls

        pulls = {name: self.pulls(name) for name in self.truth}
        return plot_pulls(pulls, self.summary, parameter_symbols(self.model), self._style)

    def plot_bias(self) -> Figure:
        """Returns a figure of the mean and the width of the pulls of every quantity."""
        from tau3mu.fit.studies.plots import plot_bias

        failed = f", {self.failed} not valid" if self.failed else ""
        title = f"{self.model.name}: {len(self.toys)} toys{failed}"
        return plot_bias(self.summary, parameter_symbols(self.model), title, self._style)

    @property
    def _style(self) -> str:
        return self.model.plot.style

    def save(self, folder: str | Path) -> None:
        """Writes `toys.json`, `toys.parquet` with one row per toy, and the plots.

        Args:
            folder: Where to write; it is created if it is missing.

        Raises:
            InputError: One of the files is there already.
            RunError: A file cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        folder = Path(folder)
        check_free(folder, toy_files())
        with staged(folder) as aside:
            write_text(aside / _JSON, json_text(self.to_dict()))
            with atomic(aside / _TABLE) as temporary:
                pq.write_table(pa.table(self.table), temporary)
            for stem, figure in zip(_FIGURES, (self.plot_pulls(), self.plot_bias()), strict=True):
                save_figure(aside, stem, figure, tight=True)


def toy_files() -> list[str]:
    """Returns the names of the files that a study is written to."""
    return [_JSON, _TABLE, *(name for stem in _FIGURES for name in figure_names(stem))]
