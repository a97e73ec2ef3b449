"""Plots of histograms in the CMS style."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, cast

from tau3mu.errors import InputError
from tau3mu.outputs.names import NOMINAL
from tau3mu.plotting.heading import Heading

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_lines", "only_variable", "plot_histogram"]

_LINES = "-", "--", "-.", ":"
_GAP, _LOWEST = 0.01, 0.3  # of the axes: below the legend, and what the lines have at least


def only_variable(histogram: Hist[Any]) -> Any:
    """Returns the axis of the variable.

    Raises:
        InputError: There is none, or there are several.
    """
    from tau3mu.outputs.histograms import variable_axes

    variables = variable_axes(histogram)
    if len(variables) != 1:
        names = ", ".join(axis.name for axis in variables) or "none"
        message = f"a plot is of a histogram of one variable, this one has {names}; project it"
        raise InputError(message, code="plotting.not-one-variable", path=names)
    return variables[0]


def plot_histogram(
    histogram: Hist[Any],
    *,
    heading: Heading = Heading(),
    log: bool = False,
) -> Figure:
    """Returns a figure with one line per dataset, nominal contents with their uncertainties.

    Args:
        histogram: With an axis `dataset`, maybe one `variation`, and that of the variable.
        heading: What stands above it, and the looks.
        log: Whether the entries have a logarithmic scale.

    Raises:
        InputError: It has none or several variables.
    """
    variable = only_variable(histogram)
    from tau3mu.outputs.histograms import variations
    from tau3mu.plotting.labels import without_broken_formulas
    from tau3mu.plotting.style import add_heading, styled_figure

    with styled_figure(heading.style, 10, 10) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        axes.set_xlabel(variable.label)
        axes.set_ylabel(histogram.label or "Candidates")
        without_broken_formulas(figure)
        add_heading(axes, heading)
        parts = variations(histogram)
        draw_lines(axes, {name: part for name, one, part in parts if one == NOMINAL}, log=log)
    return figure


def draw_lines(axes: Axes, parts: Mapping[str, Hist[Any]], *, log: bool = False) -> None:
    """Draws histograms of the same variable, with their uncertainties, and a legend above them.

    Args:
        axes: Empty, of a figure that has everything else.
        parts: By their names.
        log: Whether the entries have a logarithmic scale.
    """
    import mplhep

    from tau3mu.plotting.labels import add_legend
    from tau3mu.plotting.style import PowersFormatter

    lines = cycle(_LINES)
    handles = []
    for part in parts.values():
        drawn = mplhep.histplot(
            part, ax=axes, histtype="step", yerr=True, flow="none", linestyle=next(lines)
        )
        handles.append(drawn[0].stairs)
    if log:
        axes.set_yscale("log", nonpositive="clip")
        filled = [v for part in parts.values() for v in part.values().ravel() if v > 0]
        axes.set_ylim(bottom=0.5 * min(filled, default=1.0))
    else:
        axes.yaxis.set_major_formatter(PowersFormatter())
    edges = next(iter(parts.values())).axes[0].edges
    axes.set_xlim(edges[0], edges[-1])
    legend = add_legend(axes, handles, list(parts), fontsize=18, loc="upper right")
    cast("Figure", axes.figure).draw_without_rendering()  # which gives the axes their place
    under = legend.get_window_extent().transformed(axes.transAxes.inverted()).y0 - _GAP
    part_below = min(1.0, max(under, _LOWEST))
    low, high = axes.get_ylim()
    if log:
        axes.set_ylim(low, low * (high / low) ** (1 / part_below))
    else:
        axes.set_ylim(low, low + (high - low) / part_below)
