"""The picture of a cutflow: what each step leaves, and which part of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError
from tau3mu.outputs.cutflow import cutflow_rows
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.labels import add_legend, name_ticks
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_cutflow"]

_MOST: Final = 8
"""Datasets in one picture; more cannot be told apart."""

_MARKERS: Final = "os^vDP*X"


def plot_cutflow(
    cutflow: Mapping[str, Sequence[Mapping[str, Any]]],
    *,
    heading: Heading = Heading(),
) -> Figure:
    """Returns a figure of events and candidates after each step, and of the efficiencies.

    Above are events (full) and candidates (open), below the events in percent of the first step
    (full) and of the step before (open); of each dataset in a color and with a marker of its own.

    Args:
        cutflow: The steps of each dataset, in the same order; those of the first 8 datasets are
            drawn.
        heading: What stands above it, and the looks.

    Raises:
        InputError: There is no step.
    """
    drawn = {name: cutflow_rows(steps) for name, steps in cutflow.items() if steps}
    drawn = dict(list(drawn.items())[:_MOST])
    steps = list(dict.fromkeys(row["name"] for rows in drawn.values() for row in rows))
    if not steps:
        message = "there is no step in the cutflow: nothing can be drawn"
        raise InputError(message, code="plotting.empty-cutflow")
    with styled_figure(heading.style, max(10, 0.85 * len(steps)), 11) as figure:
        figure.set_layout_engine("constrained")
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 2))
        name_ticks(below, steps, rotation=40, ha="right", rotation_mode="anchor", fontsize=16)
        add_heading(above, heading)
        colors = [f"C{number}" for number in range(_MOST)]
        for rows, color, marker in zip(drawn.values(), colors, _MARKERS, strict=False):
            places = [steps.index(row["name"]) for row in rows]
            _draw(above, places, [row["events"] for row in rows], color, marker)
            _draw(above, places, [row["candidates"] for row in rows], color, marker, full=False)
            _draw(below, places, [row["total"] for row in rows], color, marker)
            _draw(below, places, [row["previous"] for row in rows], color, marker, full=False)
        _finish(above, below, list(drawn), len(steps))
    return figure


def _draw(
    axes: Axes, places: list[int], values: list[float | None], color: str, marker: str,
    *, full: bool = True,
) -> None:  # fmt: skip
    known = [(place, value) for place, value in zip(places, values, strict=True) if value]
    axes.plot(
        *zip(*known, strict=True) if known else ([], []),
        color=color, marker=marker, markersize=9, linewidth=1.5,
        linestyle="-" if full else ":", markerfacecolor=color if full else "white",
    )  # fmt: skip


def _finish(above: Axes, below: Axes, names: list[str], steps: int) -> None:
    from matplotlib.lines import Line2D

    above.set_yscale("log")
    low, high = above.get_ylim()
    above.set_ylim(low, low * (high / low) ** 1.35)  # room for the legend
    above.set_ylabel("Events, candidates")
    below.set_ylabel("Events [%]", fontsize=22)
    below.set_ylim(0, 140)  # room for the legend
    below.set_yticks(range(0, 101, 20))
    below.set_xlim(-0.5, steps - 0.5)
    below.grid(visible=True, axis="y", color="0.85")
    datasets = [
        Line2D([], [], color=f"C{number}", marker=_MARKERS[number], markersize=9)
        for number in range(len(names))
    ]
    full = Line2D([], [], color="black", marker="o", markersize=9)
    open_ = Line2D([], [], color="black", marker="o", markersize=9, linestyle=":",
                   markerfacecolor="white")  # fmt: skip
    how: dict[str, Any] = {"fontsize": 15, "ncols": 2, "loc": "upper right"}
    add_legend(above, [full, open_, *datasets], ["events", "candidates", *names], **how)
    add_legend(below, [full, open_], ["of the first step", "of the step before"], **how)
