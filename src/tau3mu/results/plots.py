"""Plots of histograms in the CMS style."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

from tau3mu.errors import InputError
from tau3mu.outputs.histograms import NOMINAL, variable_axes, variations

if TYPE_CHECKING:
    from hist import Hist
    from matplotlib.figure import Figure

__all__ = ["plot_histogram"]

_LINES = "-", "--", "-.", ":"
_GAP, _LOWEST = 0.01, 0.3  # of the axes: below the legend, and what the lines have at least


def plot_histogram(
    histogram: Hist[Any],
    *,
    lumi: float | None = None,
    energy: float | None = None,
    simulation: bool = False,
) -> Figure:
    """Returns a figure with one line per dataset, nominal contents with their uncertainties.

    Args:
        histogram: With an axis `dataset`, maybe one `variation`, and that of the variable.
        lumi: Integrated luminosity in fb^-1.
        energy: Center-of-mass energy in TeV, 13 if it is not given.
        simulation: Whether all of it is simulation.

    Raises:
        InputError: It has none or several variables.
    """
    variables = variable_axes(histogram)
    if len(variables) != 1:
        names = ", ".join(axis.name for axis in variables) or "none"
        message = f"a plot is of a histogram of one variable, this one has {names}; project it"
        raise InputError(message, code="results.not-one-variable", path=names)
    import mplhep

    from tau3mu.results.style import PowersFormatter, add_heading, styled_figure

    with styled_figure("CMS", 10, 10) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        axes.yaxis.set_major_formatter(PowersFormatter())
        lines = cycle(_LINES)
        for dataset, variation, part in variations(histogram):
            if variation == NOMINAL:
                mplhep.histplot(
                    part, ax=axes, label=dataset, histtype="step", yerr=True, flow="none",
                    linestyle=next(lines),
                )  # fmt: skip
        axes.set_xlabel(variables[0].label)
        axes.set_ylabel(histogram.label or "Candidates")
        axes.set_xlim(*variables[0].edges[[0, -1]])
        legend = axes.legend(fontsize=18, loc="upper right")
        heading = {"lumi": lumi, "energy": energy}
        add_heading(axes, "CMS", "CMS", "Private work", **heading, simulation=simulation)
        figure.draw_without_rendering()  # which gives the axes their place
        under = legend.get_window_extent().transformed(axes.transAxes.inverted()).y0 - _GAP
        low, high = axes.get_ylim()
        axes.set_ylim(low, low + (high - low) / min(1.0, max(under, _LOWEST)))
    return figure
