"""Plots of the summaries of toys and of trials."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.output.numbers import minus
from tau3mu.fit.output.style import TOTAL
from tau3mu.plotting.style import styled_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.fit.studies.toy_summary import ToySummary
    from tau3mu.fit.studies.trial_summary import QuantitySummary, TrialResult

__all__ = ["plot_bias", "plot_pulls", "plot_trials"]

_COLUMNS = 3
_BINS = np.linspace(-5, 5, 41)
_BLUE, _GRAY = "#3f90da", "#717581"
_ROW = 0.42  # inches per trial
_TALLEST = 60.0  # inches of a figure


def plot_pulls(
    pulls: Mapping[str, np.ndarray],
    summaries: Mapping[str, ToySummary],
    symbols: Mapping[str, str],
    style: str,
) -> Figure:
    """Returns a figure with the pulls of every quantity, beside a Gaussian of width one.

    The solid curve has the mean and the width of the pulls; those beyond ±5 are in the last bins.

    Args:
        pulls: By quantity, each of shape (toys,).
        summaries: By quantity.
        symbols: Of the quantities.
        style: CMS, ALICE or plain.
    """
    columns = min(_COLUMNS, len(pulls))
    rows = math.ceil(len(pulls) / columns)
    with styled_figure(style, 6 * columns, 4.6 * rows) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, name in zip(panels, pulls, strict=False):
            _draw_pulls(axes, pulls[name], summaries[name])
            axes.set_title(symbols[name], fontsize=18, loc="left")
            axes.set_xlabel("(fitted − true) / error", fontsize=17)
            axes.set_ylabel("Toys", fontsize=17)
            axes.tick_params(labelsize=14)
        for axes in panels[len(pulls) :]:
            axes.remove()
    return figure


def plot_bias(
    summaries: Mapping[str, ToySummary], symbols: Mapping[str, str], title: str, style: str
) -> Figure:
    """Returns a figure of the mean and the width of the pulls of every quantity.

    Args:
        summaries: By quantity.
        symbols: Of the quantities.
        title: Above the figure.
        style: CMS, ALICE or plain.
    """
    found = list(summaries.values())
    height = max(4.0, 0.5 * len(found) + 2.2)
    with styled_figure(style, 13, height) as figure:
        figure.set_layout_engine("constrained")
        means, widths = figure.subplots(1, 2, sharey=True)
        rows = np.arange(len(found))[::-1]
        _draw_row_points(
            means, rows, [s.pull_mean for s in found], [s.pull_mean_error for s in found], 0
        )
        _draw_row_points(
            widths, rows, [s.pull_width for s in found], [s.pull_width_error for s in found], 1
        )
        means.set_yticks(rows, [symbols[name] for name in summaries], fontsize=15)
        means.set_xlabel("Mean of the pulls", fontsize=17)
        widths.set_xlabel("Width of the pulls", fontsize=17)
        means.set_title(title, fontsize=15, loc="left")
        _finish_rows(figure, len(found))
    return figure


def plot_trials(
    name: str,
    summary: QuantitySummary,
    results: Sequence[TrialResult],
    label: str,
    title: str,
    style: str,
) -> Figure:
    """Returns a figure of a quantity in all trials.

    The line is the mean of the valid trials; the wide band around it the mean statistical
    uncertainty, the narrow hatched one the RMS of the trials. Trials that are not valid have no
    point.

    Args:
        name: The quantity.
        summary: Its averages.
        results: All trials.
        label: Of the horizontal axis.
        title: Above the figure.
        style: CMS, ALICE or plain.
    """
    height = min(_TALLEST, max(5.0, _ROW * len(results) + 2.6))
    with styled_figure(style, 13, height) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        rows = np.arange(len(results))[::-1]
        _draw_bands(axes, summary)
        for row, result in zip(rows, results, strict=True):
            if result.valid:
                found = result.quantities[name]
                axes.errorbar(found.value, row, xerr=found.error, fmt="o", color="black")
            else:
                axes.annotate(
                    f"not valid: {result.status}", (0.03, row), va="center", fontsize=13,
                    color=TOTAL, xycoords=axes.get_yaxis_transform(),
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 2},
                )  # fmt: skip
        axes.set_yticks(rows, [result.label for result in results], fontsize=13)
        axes.set_xlabel(label, fontsize=18)
        axes.set_title(title, fontsize=16, loc="left")
        axes.legend(
            loc="upper left", bbox_to_anchor=(0, -0.9 / figure.get_figheight()), ncols=3,
            fontsize=13,
        )  # fmt: skip
        _finish_rows(figure, len(results))
    return figure


def _draw_pulls(axes: Axes, pulls: np.ndarray, summary: ToySummary) -> None:
    counts = np.histogram(np.clip(pulls, _BINS[0], _BINS[-1]), _BINS)[0]
    axes.stairs(counts, _BINS, fill=True, color=_BLUE, alpha=0.4)
    fine = np.linspace(_BINS[0], _BINS[-1], 400)
    area = len(pulls) * (_BINS[1] - _BINS[0])
    unit = area * _gauss(fine, 0, 1)
    axes.plot(fine, unit, color="black", linestyle="--", linewidth=1.5, label="mean 0, width 1")
    if summary.pull_width > 0:
        fitted = _gauss(fine, summary.pull_mean, summary.pull_width)
        axes.plot(fine, area * fitted, color=TOTAL, linewidth=2, label="mean, width of pulls")
    lines = (
        f"mean {minus(f'{summary.pull_mean:.3f}')} ± {summary.pull_mean_error:.3f}",
        f"width {summary.pull_width:.3f} ± {summary.pull_width_error:.3f}",
        f"{summary.toys} toys",
    )
    axes.text(0.04, 0.95, "\n".join(lines), transform=axes.transAxes, va="top", fontsize=13)
    axes.legend(loc="upper right", fontsize=13, borderaxespad=0.3)
    axes.set_xlim(_BINS[0], _BINS[-1])
    axes.set_ylim(0, max(1.0, 1.5 * float(counts.max())))
    axes.locator_params("y", integer=True)


def _draw_row_points(
    axes: Axes, rows: np.ndarray, values: list[float], errors: list[float], expected: float
) -> None:
    axes.axvline(expected, color=_GRAY, linestyle="--", linewidth=1.5)
    axes.errorbar(values, rows, xerr=errors, fmt="o", color="black")
    distances = np.abs(np.array(values) - expected) + np.array(errors)
    # Where no fit is valid, there is no distance.
    if (reach := 1.2 * float(np.nan_to_num(distances).max(initial=0))) > 0:
        axes.set_xlim(expected - reach, expected + reach)
    axes.locator_params("x", nbins=5)


def _draw_bands(axes: Axes, summary: QuantitySummary) -> None:
    mean, systematic = summary.mean, summary.systematic
    texts = summary.texts
    if summary.statistical is not None:
        axes.axvspan(
            mean - summary.statistical, mean + summary.statistical, color=_BLUE, alpha=0.2,
            linewidth=0, label=f"statistical ±{texts.statistical}",
        )  # fmt: skip
    axes.axvspan(
        mean - systematic, mean + systematic, facecolor="none", edgecolor=TOTAL, hatch="///",
        linewidth=0, label=f"systematic ±{texts.systematic}",
    )  # fmt: skip
    axes.axvline(mean, color=TOTAL, linewidth=2, label=f"mean {minus(texts.mean)}")


def _finish_rows(figure: Figure, rows: int) -> None:
    for axes in figure.axes:
        axes.set_ylim(-0.7, rows - 0.3)
        axes.tick_params("x", labelsize=14)
        axes.tick_params("y", which="minor", length=0)


def _gauss(x: np.ndarray, mean: float, width: float) -> np.ndarray:
    return np.asarray(np.exp(-0.5 * ((x - mean) / width) ** 2) / (width * math.sqrt(2 * math.pi)))
