"""The plot of a fit in the CMS style: data, components, yields, and pulls below."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.counts import counts_of
from tau3mu.fit.fitting import expected_counts
from tau3mu.fit.shapes import SHAPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.fit.counts import Counts
    from tau3mu.fit.model import FitModel, Observable
    from tau3mu.fit.result import FitResult

__all__ = ["plot_fit"]

_POINTS = 20  # of a curve, per bin
_TOTAL = "#bd1f01"
_PEAKS = ("#3f90da", "#ffa90e", "#92dadd", "#832db6", "#a96b59")
_CONTINUA = ("#717581", "#94a4a2", "#b9ac70")
_STYLE = {
    # The CMS font has no raised and lowered letters; they come from the second.
    "font.family": ["TeX Gyre Heros", "DejaVu Sans"],
    # Mathematics is set when the figure is drawn, which is after this style has ended.
    "mathtext.fontset": "dejavusans",
}


def plot_fit(
    histogram: Hist[Any],
    model: FitModel,
    result: FitResult,
    *,
    lumi: float | None = None,
    simulation: bool = False,
) -> Figure:
    """Returns a figure of the data with the fitted spectrum, its components and the pulls.

    Args:
        histogram: What was fitted.
        model: With what.
        result: What came out; a fit that is not valid is marked as such.
        lumi: Integrated luminosity in fb^-1.
        simulation: Whether the histogram is simulation.
    """
    import matplotlib.style
    import mplhep
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = counts_of(histogram, model)
    with matplotlib.style.context([mplhep.style.CMS, _STYLE]):
        figure = Figure(figsize=(10, 10))
        FigureCanvasAgg(figure)
        grid = {"height_ratios": (3.2, 1), "hspace": 0.06}
        figure.subplots_adjust(left=0.13, right=0.97, top=0.94, bottom=0.1)
        upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw=grid)
        _draw_spectrum(upper, counts, model, result, simulation=simulation)
        _draw_pulls(lower, counts, model, result)
        with _no_new_pyplot_figures():
            mplhep.cms.label(
                "Private work",
                data=not simulation,
                rlabel="" if lumi is None else f"{lumi:.3g} fb⁻¹ (13 TeV)",
                ax=upper,
            )
        figure.align_ylabels([upper, lower])
    return figure


@contextmanager
def _no_new_pyplot_figures() -> Iterator[None]:
    """Closes what mplhep's label opens beside its axes; a notebook would show it (mplhep 1.3)."""
    import matplotlib.pyplot as plt

    before = set(plt.get_fignums())
    yield
    for number in set(plt.get_fignums()) - before:
        plt.close(number)


def _draw_spectrum(
    axes: Axes, counts: Counts, model: FitModel, result: FitResult, *, simulation: bool
) -> None:
    from hist.intervals import poisson_interval

    fine = np.linspace(*model.observable.range, model.observable.bins * _POINTS + 1)
    x = (fine[1:] + fine[:-1]) / 2
    curves = expected_counts(model, result, fine) * _POINTS  # per bin of the data
    axes.plot(x, curves.sum(axis=0), color=_TOTAL, linewidth=2.5, zorder=3, label="Fit")
    peaks, continua = iter(_PEAKS), iter(_CONTINUA)
    for curve, component in zip(curves, model.components.values(), strict=True):
        label = f"{component.label}: {result.parameters[component.yield_].text}"
        if SHAPES[component.pdf].peaks:
            color = next(peaks, _PEAKS[-1])
            axes.fill_between(x, curve, color=color, alpha=0.6, linewidth=0, label=label)
        else:
            color = next(continua, _CONTINUA[-1])
            axes.plot(x, curve, color=color, linewidth=2.5, linestyle="--", label=label)
    scale = counts.mean_weight
    low, high = scale * poisson_interval(counts.contents / scale)
    centres = (counts.edges[1:] + counts.edges[:-1]) / 2
    axes.errorbar(
        centres,
        counts.contents,
        yerr=(counts.contents - low, high - counts.contents),
        fmt="ko",
        markersize=6,
        elinewidth=1.5,
        label="Simulation" if simulation else "Data",
        zorder=4,
    )
    axes.set_ylim(0, 1.12 * float(np.max(high)))
    axes.set_xlim(*model.observable.range)
    axes.set_ylabel(_candidates_label(model.observable))
    axes.tick_params(labelbottom=False)
    _draw_legend(axes, result)


def _draw_legend(axes: Axes, result: FitResult) -> None:
    handles, labels = axes.get_legend_handles_labels()
    order = [len(labels) - 1, *range(len(labels) - 1)]  # data first
    legend = axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        loc="upper left",
        fontsize=19,
        frameon=False,
        title=f"χ²/ndf = {result.chi2:.1f}/{result.ndf}",
        title_fontsize=19,
        alignment="left",
    )
    if not result.valid:
        legend.set_title(f"Fit is not valid:\n{result.status}\n{legend.get_title().get_text()}")
        legend.get_title().set_color(_TOTAL)


def _draw_pulls(axes: Axes, counts: Counts, model: FitModel, result: FitResult) -> None:
    pulls = counts.pulls(expected_counts(model, result, counts.edges).sum(axis=0))
    limit = max(3.5, 1.15 * float(np.max(np.abs(pulls))))
    axes.stairs(pulls, counts.edges, fill=True, color="#94a4a2")
    for height in (-2, 2):
        axes.axhline(height, color="black", linewidth=1, linestyle=":")
    axes.axhline(0, color="black", linewidth=1)
    axes.set_ylim(-limit, limit)
    axes.set_ylabel("Pull")
    unit = f" [{model.observable.unit}]" if model.observable.unit else ""
    axes.set_xlabel(f"{model.observable.label}{unit}")


def _candidates_label(observable: Observable) -> str:
    lower, upper = observable.range
    width, unit = (upper - lower) / observable.bins, observable.unit
    if unit == "GeV" and width < 0.1:
        width, unit = 1000 * width, "MeV"
    return f"Candidates / {width:.2g} {unit}".rstrip()
