"""The plot of residuals: the peaks over the data without background, and data less fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.output.bins import POINTS, binned_fit, subdivided
from tau3mu.fit.output.layout import Written, make_room
from tau3mu.fit.output.numbers import value_text
from tau3mu.fit.output.plot import draw_blinded, draw_points, scale, two_panels
from tau3mu.fit.output.style import TOTAL, looks

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.output.bins import BinnedFit

__all__ = ["plot_residuals"]

_MARGIN = 0.04  # of the height, below the lowest: a point without an uncertainty has its radius


def plot_residuals(
    result: FitResult,
    spectrum: str | None = None,
    *,
    lumi: float | None = None,
    energy: float | None = None,
    simulation: bool = False,
) -> Figure:
    """Returns a figure of the data less the fitted background with the peaks, and less all below.

    Only bins that are fitted are drawn. Each peak stands on the sum of those before it, so that the
    upper end of the last is what the data should follow.

    Args:
        result: The fit; one that is not valid is marked as such.
        spectrum: Which one; it may be left out where there is only one.
        lumi: Integrated luminosity in fb^-1, where the fit file does not say it.
        energy: Center-of-mass energy in TeV, where the fit file does not say it.
        simulation: Whether the data are simulation.

    Raises:
        InputError: There is no such spectrum, or it is not said which of several.
    """
    fit = binned_fit(result, spectrum)
    first = "Simulation" if simulation else "Data"
    with two_panels(fit, result.model.plot, lumi, energy, simulation=simulation) as panels:
        figure, upper, lower = panels
        _draw_peaks(upper, fit, result, first)
        _draw_residuals(lower, fit)
    return figure


def _draw_peaks(axes: Axes, fit: BinnedFit, result: FitResult, first: str) -> None:
    remark = " − background" if (~fit.peaks).any() else ""
    summed = _draw_stack(axes, fit, result, label=f"Fit{remark}")
    used = fit.data.used
    background = fit.expected[~fit.peaks].sum(axis=0)
    heights = (fit.data.contents - background) * scale(fit)
    draw_points(axes, fit, heights, used, label=f"{first}{remark}")
    draw_blinded(axes, fit, label="Blinded")
    axes.axhline(0, color="black", linewidth=1)
    down, up = fit.errors * scale(fit)
    top = summed.reshape(-1, POINTS).max(axis=1)
    highest = np.maximum(np.where(used, heights + up, 0), top)
    lowest = min((heights - down)[used].min(initial=0), summed.min())
    axes.set_ylim(bottom=lowest - _MARGIN * (highest.max() - lowest))
    warning = "" if result.valid else f"Fit is not valid:\n{result.status}"
    written = Written(f"{first}{remark}", title=warning, title_color=TOTAL)
    make_room(axes, fit.data.edges, highest, written)


def _draw_stack(axes: Axes, fit: BinnedFit, result: FitResult, *, label: str) -> np.ndarray:
    """Draws the peaks on top of each other and their sum, and returns the sum."""
    fine = subdivided(fit.data.edges)
    x = (fine[1:] + fine[:-1]) / 2
    components = list(fit.part.components.values())
    summed: np.ndarray = np.zeros(len(x))
    for curve, component, look in zip(fit.curves, components, looks(components), strict=True):
        if component.peaks:
            below, summed = summed, summed + curve * np.repeat(scale(fit), POINTS)
            value = value_text(result.parameters[component.yield_])
            look.fill(axes, x, below, summed, f"{component.label}: {value}")
    axes.plot(x, summed, color=TOTAL, linewidth=2, zorder=3, label=label)
    return summed


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
    # A factor such as 10^6 has no room above.
    axes.get_yticklabels()
    factor = axes.yaxis.get_major_formatter().get_offset()
    axes.yaxis.get_offset_text().set_visible(False)
    axes.annotate(factor, (0.01, 0.95), xycoords="axes fraction", va="top", fontsize=17)
