"""The plot of residuals: the peaks over the data without background, and data less fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.output.bins import POINTS, binned_fit, subdivided
from tau3mu.fit.output.layout import add_legend, make_room
from tau3mu.fit.output.numbers import minus
from tau3mu.fit.output.plot import (
    candidates_label,
    draw_blinded,
    draw_points,
    scale,
    two_panels,
)
from tau3mu.fit.output.style import TOTAL, add_label, colors, make_ticks, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.output.bins import BinnedFit

__all__ = ["plot_residuals"]


def plot_residuals(
    result: FitResult,
    spectrum: str | None = None,
    *,
    lumi: float | None = None,
    simulation: bool = False,
) -> Figure:
    """Returns a figure of the data less the fitted background with the peaks, and less all below.

    Only bins that are fitted are drawn.

    Args:
        result: The fit; one that is not valid is marked as such.
        spectrum: Which one; it may be left out where there is only one.
        lumi: Integrated luminosity in fb^-1.
        simulation: Whether the data are simulation.

    Raises:
        InputError: There is no such spectrum, or it is not said which of several.
    """
    fit, plot = binned_fit(result, spectrum), result.model.plot
    first = "Simulation" if simulation else "Data"
    with styled(plot):
        figure, upper, lower = two_panels(fit)
        _draw_peaks(upper, fit, result, first)
        _draw_residuals(lower, fit)
        make_ticks(upper, lower)
        add_label(upper, plot, lumi=lumi, simulation=simulation)
    return figure


def _draw_peaks(axes: Axes, fit: BinnedFit, result: FitResult, first: str) -> None:
    fine = subdivided(fit.data.edges)
    x = (fine[1:] + fine[:-1]) / 2
    components = list(fit.part.components.values())
    drawn = zip(fit.curves, components, colors(components), fit.peaks, strict=True)
    for curve, component, color, is_peak in drawn:
        if is_peak:
            label = f"{component.label}: {minus(result.parameters[component.yield_].text)}"
            height = curve * np.repeat(scale(fit), POINTS)
            axes.fill_between(x, height, color=color, alpha=0.6, linewidth=0, label=label)
    used = fit.data.used
    background = fit.expected[~fit.peaks].sum(axis=0)
    heights = (fit.data.contents - background) * scale(fit)
    remark = " − background" if (~fit.peaks).any() else ""
    draw_points(axes, fit, heights, used, label=f"{first}{remark}")
    draw_blinded(axes, fit, label="Blinded")
    axes.axhline(0, color="black", linewidth=1)
    axes.set_ylabel(candidates_label(fit))
    legend = add_legend(
        axes,
        title="" if result.valid else f"Fit is not valid:\n{result.status}",
        title_color=TOTAL,
        first=f"{first}{remark}",
    )
    down, up = fit.errors * scale(fit)
    axes.set_ylim(bottom=1.15 * float((heights - down)[used].min(initial=0)))
    summed = fit.curves[fit.peaks].sum(axis=0).reshape(-1, POINTS).max(axis=1) * scale(fit)
    highest = np.maximum(np.where(used, heights + up, 0), summed)
    make_room(axes, fit.centres, highest, legend)


def _draw_residuals(axes: Axes, fit: BinnedFit) -> None:
    used = fit.data.used
    residuals = fit.data.residuals(fit.total) * scale(fit)
    draw_blinded(axes, fit)
    draw_points(axes, fit, residuals, used, label="")
    axes.axhline(0, color=TOTAL, linewidth=2)
    reach = np.abs(residuals) + fit.errors.max(axis=0) * scale(fit)
    limit = 1.15 * float(reach[used].max(initial=0)) or 1.0
    axes.set_ylim(-limit, limit)
    axes.set_ylabel("Data − fit")
