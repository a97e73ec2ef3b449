"""Where legend and text stand on a spectrum, so that they cover nothing."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

__all__ = ["add_legend", "add_lines", "make_room"]

Side = Literal["upper left", "upper right"]

_SIDES: tuple[Side, ...] = ("upper left", "upper right")
_GAP = 0.03  # of the axes, between what is drawn and what is written
_LOWEST = 0.35  # of the axes: what is drawn is not pressed below
_HIGH = 0.5  # of the axes: above, the texts of users get room
_MANY = 7  # entries of a legend, from which on it is set in smaller letters


def add_legend(axes: Axes, *, title: str, title_color: str, first: str) -> Legend:
    """Adds a legend of all labelled artists, with the one of label `first` at the top."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i] != first)
    size = 19 if len(labels) < _MANY else 15
    legend = axes.legend(
        [handles[i] for i in order],
        [labels[i] for i in order],
        title=title or None,
        fontsize=size,
        title_fontsize=size,
        alignment="left",
        handlelength=1.5,
        labelspacing=0.35,
    )
    legend.get_title().set_color(title_color)
    return legend


def add_lines(axes: Axes, lines: Sequence[str]) -> Text:
    """Adds lines of text; `make_room` gives them their place."""
    return axes.text(
        _GAP,
        1 - _GAP,
        "\n".join(lines),
        transform=axes.transAxes,
        va="top",
        fontsize=17,
        linespacing=1.4,
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
    )


def make_room(
    axes: Axes,
    x: np.ndarray,
    heights: np.ndarray,
    legend: Legend,
    lines: Text | None = None,
    fixed: Sequence[Text] = (),
) -> None:
    """Puts legend and lines into opposite corners, and raises the axis until they are free.

    Args:
        axes: With its limits in x, its lower limit and its scale in y set.
        x: Where something is drawn, in rising order.
        heights: How high that reaches, in units of the axis.
        legend: Goes where the axis has to be raised least.
        lines: Go to the other side, if there are any.
        fixed: Texts that stay where they are; those in the upper half of the axes get room, too.
    """
    tops: dict[Side, tuple[bool, float]] = {}
    for side in _SIDES:
        _place(legend, lines, side)
        placed = [legend] if lines is None else [legend, lines]
        boxes = [_box(artist, axes) for artist in (*placed, *fixed)]
        cover = any(one.overlaps(other) for one, other in combinations(boxes, 2))
        high = [box for i, box in enumerate(boxes) if i < len(placed) or box.y0 > _HIGH]
        tops[side] = cover, _top(axes, x, heights, high)
    best = min(tops, key=lambda side: tops[side])
    _place(legend, lines, best)
    axes.set_ylim(top=tops[best][1])


def _place(legend: Legend, lines: Text | None, side: Side) -> None:
    left = side == "upper right"
    legend.set_loc(side)
    if lines is not None:
        lines.set_horizontalalignment("left" if left else "right")
        lines.set_x(_GAP if left else 1 - _GAP)


def _box(artist: Artist, axes: Axes) -> Bbox:
    return artist.get_window_extent().transformed(axes.transAxes.inverted())


def _top(axes: Axes, x: np.ndarray, heights: np.ndarray, boxes: Sequence[Bbox]) -> float:
    """Returns the upper limit of the axis from which on the boxes cover nothing."""
    floor = float(axes.get_ylim()[0])
    free = [(heights.max(), 1 / 1.12)]  # what is drawn, and how far up it may reach
    for box in boxes:
        corners = [(box.x0 - _GAP, 0), (box.x1 + _GAP, 0)]
        low, high = axes.transLimits.inverted().transform(corners)[:, 0]
        under = (x >= low) & (x <= high)
        if under.any():
            free.append((heights[under].max(), max(_LOWEST, box.y0 - _GAP)))
    if axes.get_yscale() == "log":
        return float(max(floor * (max(h, floor) / floor) ** (1 / share) for h, share in free))
    return float(max(floor + (h - floor) / share for h, share in free))
