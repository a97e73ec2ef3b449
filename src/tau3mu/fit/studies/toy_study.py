"""What a study with toys found: values, errors and pulls, and what they say of the fit."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.output.files import check_free, figure_names, save_figure
from tau3mu.storage.files import atomic, json_text, staged, write_text

if TYPE_CHECKING:
    from tau3mu.fit.language import FitModel

__all__ = ["Toy", "ToyStudy", "ToySummary", "toy_files"]

_JSON, _TABLE = "toys.json", "toys.parquet"
_FIGURES = ("pulls", "bias")


@dataclass(frozen=True)
class Toy:
    """The fit of one toy: no values if it is not valid; NaN for no error.

    `stops` says of the parameters that are at a limit at which: "lower" or "upper".
    """

    index: int
    status: str
    values: dict[str, float]
    errors: dict[str, float]
    stops: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ToySummary:
    """What the valid toys say of one quantity.

    A pull is (fitted - true) / error: the mean is 0 if there is no bias, the width 1 if the errors
    are right. `bias` is the mean of (fitted - true), `bias_in_sigma` the same in units of the
    spread of the fitted values. `coverage` is the part of toys whose pull lies within ±1; 0.683 is
    expected. NaN where there are too few toys.

    Toys in which the parameter is at a limit have no pull, which biases all of these. They are
    counted in `at_lower_limit` and `at_upper_limit`, and in `pull_median` as lower or higher than
    all others: it stays right as long as it is finite.
    """

    truth: float
    toys: int
    """With an error; it is missing where the parameter lies at a limit."""
    mean_error: float
    bias: float
    bias_error: float
    bias_in_sigma: float
    pull_mean: float
    pull_mean_error: float
    pull_width: float
    pull_width_error: float
    coverage: float
    coverage_error: float
    at_lower_limit: int
    at_upper_limit: int
    pull_median: float


@dataclass(frozen=True)
class ToyStudy:
    """Fits of toys that were drawn from the values `truth`."""

    model: FitModel
    truth: dict[str, float]
    seed: int
    toys: tuple[Toy, ...]

    @cached_property
    def statuses(self) -> dict[str, int]:
        """How many fits ended how, "ok" first."""
        counts = Counter(toy.status for toy in self.toys)
        return {"ok": counts.pop("ok", 0), **dict(counts.most_common())}

    @property
    def failed(self) -> int:
        """How many fits are not valid, and so in none of the numbers."""
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
        """Returns the pulls of a quantity, of the toys that have one."""
        pulls = self.table[f"{name}_pull"]
        return np.asarray(pulls[np.isfinite(pulls)])

    @cached_property
    def summary(self) -> dict[str, ToySummary]:
        """What the valid toys say of each quantity."""
        return {name: self._summary(name, truth) for name, truth in self.truth.items()}

    def _summary(self, name: str, truth: float) -> ToySummary:
        pulls, known = self.pulls(name), np.isfinite(self.table[f"{name}_pull"])
        values, errors = self.table[name][known], self.table[f"{name}_error"][known]
        number = len(pulls)
        width, spread = _deviation(pulls), _deviation(values)
        inside = float(np.mean(np.abs(pulls) < 1)) if number else math.nan
        root = math.sqrt(number) if number else math.nan
        bias = float(np.mean(values)) - truth if number else math.nan
        return ToySummary(
            truth=truth,
            toys=number,
            mean_error=float(np.mean(errors)) if number else math.nan,
            bias=bias,
            bias_error=spread / root,
            bias_in_sigma=bias / spread if spread > 0 else math.nan,
            pull_mean=float(np.mean(pulls)) if number else math.nan,
            pull_mean_error=width / root,
            pull_width=width,
            pull_width_error=width / math.sqrt(2 * (number - 1)) if number > 1 else math.nan,
            coverage=inside,
            coverage_error=math.sqrt(inside * (1 - inside)) / root,
            at_lower_limit=(below := self._stopped(name, "lower")),
            at_upper_limit=(above := self._stopped(name, "upper")),
            pull_median=_median(pulls, below, above),
        )

    def _stopped(self, name: str, side: str) -> int:
        return sum(toy.stops.get(name) == side for toy in self.toys)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the toys that have no pull do to the pulls of the others."""
        number, found = len(self.toys), []
        if self.failed:
            reasons = ", ".join(f"{n} {s}" for s, n in self.statuses.items() if s != "ok")
            found.append(
                f"{self.failed} of {number} toys are in none of the pulls ({reasons}): the others "
                "are no fair sample, so that means and widths of their pulls are biased"
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
        """Returns the summary as what JSON knows, with the configuration."""
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

    def save(self, folder: str | Path) -> None:
        """Writes `toys.json`, `toys.parquet` with one row per toy, and the plots.

        Raises:
            InputError: One of the files is there already.
            RunError: A file cannot be written.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        from tau3mu.fit.studies.plots import plot_bias, plot_pulls

        folder = Path(folder)
        check_free(folder, toy_files())
        with staged(folder) as aside:
            write_text(aside / _JSON, json_text(self.to_dict()))
            with atomic(aside / _TABLE) as temporary:
                pq.write_table(pa.table(self.table), temporary)
            for stem, plot in zip(_FIGURES, (plot_pulls, plot_bias), strict=True):
                save_figure(aside, stem, plot(self), tight=True)


def toy_files() -> list[str]:
    """Returns the names of the files that a study is written to."""
    return [_JSON, _TABLE, *(name for stem in _FIGURES for name in figure_names(stem))]


def _median(pulls: np.ndarray, below: int, above: int) -> float:
    """Returns the median of pulls and of toys that lie below and above all of them."""
    if not len(pulls) + below + above:
        return math.nan
    ordered = np.concatenate([np.full(below, -np.inf), np.sort(pulls), np.full(above, np.inf)])
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return float(lower if lower == upper else (lower + upper) / 2)


def _deviation(values: np.ndarray) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else math.nan
