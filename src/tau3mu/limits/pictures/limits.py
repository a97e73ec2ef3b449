"""Pictures of limits: CLs against r, and the limits of each channel and of all (Brazil band)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.limits.by_channel import channel_limits
from tau3mu.limits.pictures.looks import (
    GREEN,
    RED,
    YELLOW,
    heading_for,
    name_rows,
    note,
    save_pictures,
    strength_axis,
)
from tau3mu.plotting.labels import add_legend
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.limits.asymptotic import Asymptotic
    from tau3mu.limits.result import LimitResult

__all__ = ["plot_channel_limits", "plot_cls", "save_limit_pictures"]

_POINTS: Final = 200
_FLOOR: Final = 3e-3  # of CLs
_LEGEND_ROWS: Final = 1.2
_WIDE: Final = 20.0  # ratio of largest and smallest limit from which on the axis is logarithmic


def plot_cls(result: LimitResult) -> Figure:
    """Returns a figure of CLs against r: expected with bands and, if it is there, observed.

    Args:
        result: The limits.
    """
    asymptotic, compiled = result.asymptotic, result.compiled
    highest = 1.15 * max([*asymptotic.expected.values(), asymptotic.observed or 0.0])
    r = np.linspace(0, highest, _POINTS + 1)[1:]
    curves = {n: np.array([asymptotic.cls(str(n))(one) for one in r]) for n in (-2, -1, 0, 1, 2)}
    heading = heading_for(compiled)
    with styled_figure(heading.style, 10, 10) as figure:
        axes = figure.subplots()
        figure.subplots_adjust(left=0.15, right=0.95, top=0.94, bottom=0.11)
        scale, label = strength_axis(compiled, highest)
        axes.set_xlabel(label)
        x = scale * r
        named = {
            "Expected": axes.plot(x, curves[0], "--", color="black", linewidth=2)[0],
            "±1 σ": axes.fill_between(x, curves[-1], curves[1], color=GREEN, linewidth=0,
                                      zorder=1),
            "±2 σ": axes.fill_between(x, curves[-2], curves[2], color=YELLOW, linewidth=0,
                                      zorder=0),
        }  # fmt: skip
        if asymptotic.observed is not None:
            observed = np.array([asymptotic.cls("observed")(one) for one in r])
            above = r > (asymptotic.best or 0.0)  # below it, CLs is 1
            line = axes.plot(x[above], observed[above], color="black", linewidth=2.5)[0]
            named = {_observed(result): line, **named}
        if (toys := result.toys) is not None:
            name, what = "0", "Expected"
            if "observed" in toys.cls:
                name, what = "observed", _observed(result)
            points = axes.plot(scale * toys.r, toys.cls[name], "o", color=RED, markersize=9,
                               zorder=5)  # fmt: skip
            named[f"{what}, toys"] = points[0]
        alpha = 1 - asymptotic.cl
        axes.axhline(alpha, color=RED, linewidth=2)
        axes.annotate(f"{100 * asymptotic.cl:g} % CL", (1, alpha), (-8, 6),
                      xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                      va="bottom", color=RED, fontsize=20)  # fmt: skip
        axes.set_yscale("log")
        axes.set_ylim(_FLOOR, 1.5)
        axes.set_xlim(0, scale * highest)
        axes.set_ylabel("$CL_{s}$")
        axes.tick_params(axis="x", pad=9)
        add_legend(axes, list(named.values()), list(named), fontsize=19, loc="lower left")
        add_heading(axes, heading)
    return figure


def plot_channel_limits(result: LimitResult, channels: Mapping[str, Asymptotic | None]) -> Figure:
    """Returns a figure of the limits of each channel alone and, below a line, of all.

    Args:
        result: The limits of all channels together.
        channels: Those of each channel; None where it has none.
    """
    compiled = result.compiled
    rows = {
        name: (dict(one.expected), one.observed)
        for name, one in channels.items() if one is not None
    }  # fmt: skip
    names = [*rows, "combined" if result.toys is None else "combined, by toys"]
    every = [*rows.values(), (result.expected, result.observed)]
    heading = heading_for(compiled)
    height = 3.2 + 0.42 * len(names)
    with styled_figure(heading.style, 12, max(height, 6)) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        values = [value for row, _ in every for value in row.values()]
        values += [value for _, value in every if value is not None]
        log = max(values) > _WIDE * min(values)
        scale, label = strength_axis(compiled, min(values) if log else max(values))
        values = [scale * value for value in values]
        if log:
            axes.set_xscale("log")
        for place, (expected, observed) in enumerate(every):
            _row(axes, place, {n: scale * one for n, one in expected.items()},
                 None if observed is None else scale * observed)  # fmt: skip
        axes.axhline(len(names) - 1.5, color="0.3", linewidth=1)
        name_rows(axes, names, size=17)
        axes.get_yticklabels()[-1].set_fontweight("bold")
        axes.set_ylim(len(names) - 0.4, -0.6 - _LEGEND_ROWS * max(1.0, len(names) / 15))
        if log:
            axes.set_xlim(0.6 * min(values), 1.6 * max(values))
        else:
            axes.set_xlim(0, 1.08 * max(values))
        axes.set_xlabel(f"{100 * result.cl:g} % CL upper limit on {label}", fontsize=22)
        named = {
            "Expected": axes.plot([], [], "|", color="black", markersize=16, markeredgewidth=2.5)[
                0
            ],
            "±1 σ": axes.barh([0], [0], color=GREEN),
            "±2 σ": axes.barh([0], [0], color=YELLOW),
        }
        if result.observed is not None:
            point = axes.plot([], [], "o", color="black", markersize=8)[0]
            named = {_observed(result): point, **named}
        add_legend(axes, list(named.values()), list(named), fontsize=18, loc="upper right",
                   ncols=len(named), columnspacing=1.2, handletextpad=0.5)  # fmt: skip
        if missing := [name for name, one in channels.items() if one is None]:
            note(axes, f"without sensitivity alone: {len(missing)} channels", (0.02, 0.02),
                 va="bottom", fontsize=14)  # fmt: skip
        figure.draw_without_rendering()
        add_heading(axes, heading)
    return figure


def _row(axes: Axes, place: int, expected: Mapping[int, float], observed: float | None) -> None:
    for low, high, color in ((-2, 2, YELLOW), (-1, 1, GREEN)):
        axes.barh([place], [expected[high] - expected[low]], left=[expected[low]], height=0.72,
                  color=color, linewidth=0, zorder=1)  # fmt: skip
    axes.plot([expected[0]] * 2, [place - 0.36, place + 0.36], color="black", linewidth=2.5,
              zorder=2)  # fmt: skip
    if observed is not None:
        axes.plot([observed], [place], "o", color="black", markersize=8, zorder=3)


def _observed(result: LimitResult) -> str:
    return result.data[:1].upper() + result.data[1:]


def save_limit_pictures(result: LimitResult, folder: Path) -> None:
    """Writes the pictures of limits: `cls` and `limits_by_channel`, as PNG and PDF.

    Args:
        result: The limits.
        folder: Is made if it is not there.

    Raises:
        RunError: A fit of one channel does not converge, or a file cannot be written.
    """
    channels = channel_limits(result.compiled, result.cl)
    figures = {"cls": plot_cls(result), "limits_by_channel": plot_channel_limits(result, channels)}
    save_pictures(figures, folder)
