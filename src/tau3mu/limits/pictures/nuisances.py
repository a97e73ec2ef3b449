"""Pictures of nuisances: impacts and pulls, and the correlations of parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.limits.diagnostics.fitted import parameter_names
from tau3mu.limits.pictures.looks import (
    BLUE,
    RED,
    heading_across,
    heading_for,
    name_rows,
    note,
    strength_axis,
)
from tau3mu.plotting.labels import add_legend, short_name
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.limits.diagnostics.diagnosis import Diagnosis
    from tau3mu.limits.diagnostics.impacts import Impact

__all__ = ["plot_correlation", "plot_impacts"]

_PER_PAGE: Final = 40
_HEADING: Final = 0.35  # inches
_AROUND: Final = 1.4  # around the panels
_ABOVE: Final = 1.25  # and above their rows
_MOST: Final = 60
"""Parameters of one matrix; the background parameters are left out where there are more."""


def plot_impacts(diagnosis: Diagnosis) -> list[Figure]:
    """Returns figures of pulls and impacts, the largest first, of at most 40 nuisances each.

    Args:
        diagnosis: With the impacts.
    """
    every = diagnosis.impacts.impacts
    number = max(1, -(-len(every) // _PER_PAGE))
    parts = np.array_split(np.arange(len(every)), number) if every else []
    return [
        _page(diagnosis, [every[at] for at in part], int(part[0]), page, number)
        for page, part in enumerate(parts)
    ]


def _page(
    diagnosis: Diagnosis, rows: Sequence[Impact], first: int, page: int, pages: int
) -> Figure:
    found, compiled = diagnosis.impacts, diagnosis.fit.compiled
    heading = heading_for(compiled)
    with styled_figure(heading.style, 15, max(6.0, 4.0 + 0.40 * len(rows))) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
        _pulls(left, rows)
        highest = 1.15 * found.impacts[0].size or found.error or compiled.model.strength.start
        scale, label = strength_axis(compiled, highest)
        _impacts(right, rows, scale)
        right.set_xlim(-scale * highest, scale * highest)
        right.set_xlabel(f"Impact Δ {label}", fontsize=21)
        names = [f"{one.name}  {first + n + 1}" for n, one in enumerate(rows)]
        name_rows(left, names, size=15)
        name_rows(right, [""] * len(rows), size=15)
        height = figure.get_figheight() - _AROUND
        room = len(rows) * _ABOVE / (height - _ABOVE)
        for axes in (left, right):
            axes.set_ylim(len(rows) - 0.4, -0.6 - room)
            for place in range(1, len(rows), 2):
                axes.axhspan(place - 0.5, place + 0.5, color="0.95", zorder=0, linewidth=0)
        scale, label = strength_axis(compiled, max(abs(found.best), found.error))
        value = scale * found.best
        error, statistical = scale * found.error, scale * found.statistical
        systematic = np.sqrt(max(error**2 - statistical**2, 0.0))
        text = (
            f"{label} = {value:.3g} ± {error:.2g}\n"
            f"stat. ± {statistical:.2g}, syst. ± {systematic:.2g}"
        )
        # Above the rows, whatever their number is.
        inset = 0.22 / height
        note(right, text, (0.03, 1 - inset), fontsize=17)
        note(left, diagnosis.data + (f"\npage {page + 1} of {pages}" if pages > 1 else ""),
             (0.03, 1 - inset), fontsize=17)  # fmt: skip
        top = 1 - _HEADING / figure.get_figheight()
        figure.set_layout_engine("constrained", w_pad=0.12, h_pad=0.12, rect=(0, 0, 1, top))
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        heading_across(figure, [left, right], heading)
    return figure


def _pulls(axes: Axes, rows: Sequence[Impact]) -> None:
    for place, one in enumerate(rows):
        if one.measured is None:
            axes.annotate(f"{one.value:.3g} ± {one.error:.2g}", (0, place), ha="center",
                          va="center", fontsize=14)  # fmt: skip
            continue
        center, width = one.measured
        axes.errorbar(
            [(one.value - center) / width], [place], xerr=[one.error / width], fmt="o",
            color="black", markersize=6, elinewidth=2, capsize=0, zorder=3,
        )  # fmt: skip
    axes.axvspan(-1, 1, color="0.86", zorder=0.5, linewidth=0, alpha=0.6)
    axes.axvline(0, color="0.4", linewidth=1, zorder=1)
    far = max([abs(one.pull) + (one.constraint or 0) for one in rows if one.pull is not None],
              default=2)  # fmt: skip
    reach = max(2.4, 1.1 * far)
    axes.set_xlim(-reach, reach)
    axes.set_xlabel("$(\\hat{\\theta} - \\theta_{0}) / \\Delta\\theta$", fontsize=21)


def _impacts(axes: Axes, rows: Sequence[Impact], scale: float) -> None:
    places = np.arange(len(rows))
    down = axes.barh(places, [scale * one.down for one in rows], height=0.72, color=BLUE,
                     linewidth=0, alpha=0.9, zorder=2)  # fmt: skip
    up = axes.barh(places, [scale * one.up for one in rows], height=0.72, color=RED,
                   linewidth=0, alpha=0.75, zorder=2)  # fmt: skip
    axes.axvline(0, color="0.4", linewidth=1, zorder=3)
    add_legend(axes, [up, down], ["+1 σ", "−1 σ"], fontsize=17, loc="upper right", ncols=1)


def plot_correlation(diagnosis: Diagnosis) -> Figure:
    """Returns a figure of the correlations of r, the nuisances and, if few, the backgrounds.

    Args:
        diagnosis: With the fit.
    """
    fit = diagnosis.fit
    like = fit.compiled.likelihood
    names = parameter_names(like)
    count = len(names) if len(names) <= _MOST else like.n_globals
    chosen = np.nonzero(fit.errors[:count] > 0)[0]
    values = fit.correlation()[np.ix_(chosen, chosen)]
    shown = [names[one] for one in chosen]
    size = max(9.0, 4.5 + 0.36 * len(chosen))
    heading = heading_for(fit.compiled)
    with styled_figure(heading.style, size + 1.5, size) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        image = axes.imshow(values, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
        name_rows(axes, shown, size=14)
        axes.set_ylim(len(shown) - 0.5, -0.5)
        axes.set_xticks(range(len(shown)), [short_name(one, 40) for one in shown])
        axes.set_xticks([], minor=True)
        for tick in axes.get_xticklabels():
            tick.set(parse_math=False, fontsize=14, rotation=90)
        axes.tick_params(which="both", length=0)
        for row, column in np.argwhere(np.abs(values) >= 0.005):
            if row != column:
                value = values[row, column]
                axes.text(column, row, f"{100 * value:.0f}", ha="center", va="center", fontsize=10,
                          color="white" if abs(value) > 0.6 else "black")  # fmt: skip
        bar = figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02)
        bar.set_label("Correlation (numbers: %)", fontsize=20)
        bar.ax.tick_params(labelsize=16)
        figure.draw_without_rendering()
        add_heading(axes, heading)
    return figure
