"""What stands in the panels of a picture of histograms: points, lines, stack, band, ratio."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np

from tau3mu.plotting.content import errors_of
from tau3mu.plotting.labels import add_legend, name_ticks
from tau3mu.plotting.style import PowersFormatter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "Legend", "draw_band", "draw_cuts", "draw_lines", "draw_points", "draw_ratio", "draw_stack",
    "finish", "finish_ratio", "two_panels",
]  # fmt: skip

_LINES: Final = "-", "--", "-.", ":"
_GAP: Final = 0.01  # of the axes, below the legend
_LOWEST: Final = 0.3  # of the axes, what the contents have at least
_SMALL: Final = 12  # names in a legend from which on its letters are smaller
_MOST_TICKS: Final = 20

Legend = dict[str, Any]
"""What a legend names: the names, each with what is drawn."""


def two_panels(figure: Figure, variable: Any, *, below: bool) -> tuple[Axes, Axes]:
    """Returns a large panel and a small one below, which may be the same.

    Args:
        figure: Empty.
        variable: The axis of the variable; where bins have names, there is room for these.
        below: Whether there is a small one.
    """
    if variable.traits.continuous:  # to lay out by the texts takes most of the time of a picture
        figure.subplots_adjust(left=0.15, right=0.95, top=0.94, bottom=0.1, hspace=0.08)
    else:
        figure.set_layout_engine("constrained")
    ratios = (3, 1.1) if below else (1,)
    panels = figure.subplots(len(ratios), sharex=True, height_ratios=ratios, squeeze=False)
    if below:
        figure.align_ylabels(list(panels[:, 0]))
    return panels[0, 0], panels[-1, 0]


def draw_points(axes: Axes, histogram: Hist[Any], shown: Any = None) -> Any:
    """Draws the contents as points with error bars, where there are entries, and returns them.

    Args:
        axes: Where to draw.
        histogram: Of one variable and nothing else.
        shown: The bins to draw; all by default.
    """
    values, errors = np.asarray(histogram.values(), np.float64), errors_of(histogram)
    centers, widths = _bins(histogram)
    there = (values != 0) | (errors[1] > 0)
    if shown is not None:
        there &= shown
    uneven = not np.allclose(widths, widths[0])
    return axes.errorbar(
        centers[there], values[there], yerr=errors[:, there],
        xerr=widths[there] / 2 if uneven else None,
        fmt="o", color="black", markersize=6, elinewidth=1.5, capsize=0, zorder=5,
    )  # fmt: skip


def draw_stack(axes: Axes, parts: Mapping[str, Hist[Any]]) -> Legend:
    """Draws histograms on top of each other, the last one on top, and returns their names.

    Args:
        axes: Where to draw.
        parts: By their names.
    """
    named: Legend = {}
    below: Any = 0.0
    for number, (name, part) in enumerate(parts.items()):
        edges = part.axes[0].edges
        top = below + np.asarray(part.values(), np.float64)
        named[name] = axes.stairs(
            top, edges, baseline=below, fill=True, color=f"C{number}", alpha=0.8, zorder=1
        )
        axes.stairs(top, edges, baseline=None, color=f"C{number}", linewidth=1, zorder=2)
        below = top
    return dict(reversed(named.items()))  # in the order in which one sees them


def draw_band(axes: Axes, edges: Any, middle: Any, band: tuple[Any, Any]) -> Any:
    """Draws a hatched band, and returns it.

    Args:
        axes: Where to draw.
        edges: Of the bins.
        middle: The contents.
        band: How far it reaches down and up.
    """
    low, high = band
    return axes.stairs(
        middle + high, edges, baseline=middle - low, fill=True, facecolor="none",
        edgecolor="0.35", hatch="////", linewidth=0, zorder=3,
    )  # fmt: skip


def draw_lines(
    axes: Axes, parts: Mapping[str, Hist[Any]], *, log: bool = False,
    points: Hist[Any] | None = None, named: Legend | None = None,
) -> None:  # fmt: skip
    """Draws histograms of the same variable, with their uncertainties, and a legend above them.

    Args:
        axes: Empty, of a figure that has everything else.
        parts: By their names.
        log: Whether the entries have a logarithmic scale.
        points: Drawn as points as well, named `Sum`.
        named: What the legend names besides.
    """
    lines, besides, named = cycle(_LINES), named or {}, {}
    highest, contents = [], []
    if points is not None:
        named["Sum"] = draw_points(axes, points)
        highest.append(points.values() + errors_of(points)[1])
    for number, (name, part) in enumerate(parts.items()):
        values, errors = np.asarray(part.values(), np.float64), errors_of(part)
        color, (centers, _) = f"C{number % 10}", _bins(part)
        named[name] = axes.stairs(
            values, part.axes[0].edges, color=color, linestyle=next(lines), linewidth=1.5
        )
        if points is None:
            there = errors[1] > 0
            axes.errorbar(centers[there], values[there], yerr=errors[:, there], fmt="none",
                          color=color, elinewidth=1.2)  # fmt: skip
        highest.append(values + errors[1])
        contents.append(values)
    named |= besides
    finish(axes, next(iter(parts.values())), named, highest, contents, log=log)


def draw_cuts(axes: Axes, values: Iterable[float], edges: Any) -> Any:
    """Draws a vertical line at each value within the edges, and returns the last one, or None.

    Args:
        axes: Where to draw.
        values: At which a cut is.
        edges: Of the bins.
    """
    inside = [value for value in values if edges[0] < value < edges[-1]]
    lines = [
        axes.axvline(one, color="#bd1f01", linestyle=(0, (5, 2)), linewidth=2, zorder=4)
        for one in inside
    ]
    return lines[-1] if lines else None


def draw_ratio(
    axes: Axes, above: Hist[Any], below: Hist[Any], *, color: str = "black", shown: Any = None
) -> list[Any]:
    """Draws a ratio as points with the errors of the numerator, and returns their ends.

    Args:
        axes: Where to draw.
        above: The numerator.
        below: The denominator; a bin in which it is not above zero has no point.
        color: Of the points.
        shown: The bins to draw; all by default.
    """
    over = np.asarray(below.values(), np.float64)
    values, errors = np.asarray(above.values(), np.float64), errors_of(above)
    centers, _ = _bins(above)
    there = (over > 0) & ((values != 0) | (errors[1] > 0))
    if shown is not None:
        there &= shown
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio, bars = values / over, errors / over
    axes.errorbar(
        centers[there], ratio[there], yerr=bars[:, there], fmt="o", color=color, markersize=5,
        elinewidth=1.5, zorder=5,
    )  # fmt: skip
    return [ratio[there] - bars[0, there], ratio[there] + bars[1, there]]


def finish_ratio(axes: Axes, ends: Sequence[Any], label: str) -> None:
    """Gives the panel of a ratio its line at 1, its label and a range around 1.

    The range has nine tenths of all ends of error bars. It is 1 ± 0.2 at least and 0 to 2 at most,
    or more where half of the points are above; points outside are marked by triangles at its ends.

    Args:
        axes: With the points.
        ends: Of their error bars.
        label: Of the axis.
    """
    axes.axhline(1.0, color="gray", linewidth=1, zorder=0)
    found = np.concatenate([np.ravel(one) for one in ends]) if ends else np.array([])
    far, middle = (np.quantile(np.abs(found - 1), 0.9), np.median(found)) if len(found) else (0, 1)
    span = float(np.clip(1.1 * far, 0.2, max(1.0, 2 * (middle - 1))))
    low, high = max(1 - span, 0.0), 1 + span
    for line in list(axes.lines):
        places, heights = (np.asarray(one, float) for one in line.get_data(orig=False))
        if line.get_marker() != "o":
            continue
        for outside, marker, place in (
            (heights > high, "^", high - 0.025 * (high - low)),
            (heights < low, "v", low + 0.025 * (high - low)),
        ):
            if outside.any():
                axes.plot(places[outside], np.full(outside.sum(), place), marker, markersize=8,
                          color=line.get_color(), zorder=6)  # fmt: skip
    axes.set_ylim(low, high)
    axes.set_ylabel(label, fontsize=20, loc="center")
    axes.locator_params("y", nbins=5, prune="lower")  # which would touch the number below


def finish(
    axes: Axes, histogram: Hist[Any], named: Legend, highest: Sequence[Any],
    contents: Sequence[Any], *, log: bool, title: str = "",
) -> None:  # fmt: skip
    """Gives a panel its range and a legend that covers nothing.

    Args:
        axes: With all that is drawn.
        histogram: One of those that are drawn.
        named: What the legend names.
        highest: The upper ends of what is drawn, in each bin.
        contents: What is drawn, in each bin, all of which is visible on a logarithmic scale.
        log: Whether the entries have a logarithmic scale.
        title: Stands above the legend.
    """
    if not any(np.any(one) for one in highest):
        axes.text(0.5, 0.5, "no entries within the axis", transform=axes.transAxes, ha="center",
                  fontsize=18, color="0.4")  # fmt: skip
    top = float(max((np.max(one, initial=0.0) for one in highest), default=0.0)) or 1.0
    if log:
        filled = np.concatenate([np.ravel(one)[np.ravel(one) > 0] for one in contents])
        bottom = 0.5 * float(np.clip(filled.min(initial=top), top / 1e6, top / 10))
        axes.set_yscale("log", nonpositive="clip")
    else:
        bottom = 1.1 * float(min(np.min(one, initial=0.0) for one in highest))
        axes.yaxis.set_major_formatter(PowersFormatter())
    place_axis(axes, histogram.axes[0])
    size = 18 if len(named) <= _SMALL else 12
    legend = add_legend(
        axes, list(named.values()), list(named), fontsize=size, loc="upper right",
        title=title or None, title_fontsize=15, alignment="left",
        ncols=1 + len(named) // (2 * _SMALL),
    )  # fmt: skip
    figure = cast("Figure", axes.figure)
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()  # which gives the axes their place
    under = legend.get_window_extent().transformed(axes.transAxes.inverted()).y0 - _GAP
    part = min(0.97, max(under, _LOWEST))
    if log:
        axes.set_ylim(bottom, bottom * (top / bottom) ** (1 / part))
    else:
        axes.set_ylim(bottom, bottom + (top - bottom) / part)


def place_axis(axes: Axes, variable: Any) -> None:
    """Gives the horizontal axis the range of the bins, and names where bins have names.

    Args:
        axes: Where to draw.
        variable: The axis of the variable.
    """
    edges = variable.edges
    axes.set_xlim(edges[0], edges[-1])
    axes.tick_params(axis="x", pad=9)  # the first number is not to touch that of the other axis
    if not variable.traits.continuous and len(variable) <= _MOST_TICKS:
        names, places = [str(one) for one in variable], [float(one) for one in variable.centers]
        turned = {"rotation": 30, "ha": "right", "rotation_mode": "anchor", "fontsize": 16}
        name_ticks(axes, names, places, **({} if variable.traits.ordered else turned))


def _bins(histogram: Hist[Any]) -> tuple[Any, Any]:
    edges = histogram.axes[0].edges
    return (edges[1:] + edges[:-1]) / 2, np.diff(edges)
