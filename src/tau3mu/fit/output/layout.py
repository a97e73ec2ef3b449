"""Where legend and text stand on a spectrum, so that they cover nothing."""

from __future__ import annotations

import re
import textwrap
from itertools import combinations, product
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend
    from matplotlib.text import Text
    from matplotlib.transforms import Bbox

__all__ = ["add_legend", "add_lines", "add_text", "make_room", "wrapped"]

Side = Literal["upper left", "upper right"]

_SIDES: tuple[Side, ...] = ("upper left", "upper right")
_GAP = 0.03  # of the axes, between what is drawn and what is written
_LOWEST = 0.2  # of the axes: what is drawn is not pressed below
_HIGH = 0.45  # of the axes: above, the texts of users get room
_MANY = 7  # entries of a legend, from which on it is set in smaller letters
_LETTERS = {19: 28, 15: 36}  # in a line of a legend, by the size of the letters
_WHOLE = re.compile(r"\$[^$]*\$| ± ")  # mathematics and numbers stay in one line


def add_legend(axes: Axes, *, title: str, title_color: str, first: str) -> Legend:
    """Adds a legend of all labelled artists, with the one of label `first` at the top."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i] != first)
    size = 19 if len(labels) < _MANY else 15
    legend = axes.legend(
        [handles[i] for i in order],
        [wrapped(labels[i], _LETTERS[size]) for i in order],
        title="\n".join(wrapped(line, _LETTERS[size]) for line in title.splitlines()) or None,
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
        multialignment="left",
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
    )


def add_text(axes: Axes, x: float, y: float, text: str) -> Text:
    """Adds a text at a place in units of the axes."""
    return axes.text(x, y, text, transform=axes.transAxes, fontsize=19, zorder=6)


def wrapped(text: str, letters: int) -> str:
    """Returns a text in lines of so many letters, unless a formula or a number is longer."""
    kept = _WHOLE.sub(lambda found: found[0].replace(" ", "\xa0"), text)
    lines = textwrap.wrap(kept, letters, break_long_words="$" not in text, break_on_hyphens=False)
    return "\n".join(lines).replace("\xa0", " ")


def make_room(
    axes: Axes,
    x: np.ndarray,
    heights: np.ndarray,
    legend: Legend,
    lines: Text | None = None,
    fixed: Sequence[Text] = (),
) -> None:
    """Puts legend and lines into the upper corners, and raises the axis until they are free.

    They stand below of what is in their corner already.

    Args:
        axes: With its limits in x, its lower limit and its scale in y set.
        x: Where something is drawn, in rising order.
        heights: How high that reaches, in units of the axis.
        legend: Goes where the axis has to be raised least.
        lines: As the legend, which they do not cover, if there are any.
        fixed: Texts that stay where they are; those that are not low in the axes get room, too.
    """
    texts = [_box(text, axes) for text in fixed]
    high = [box for box in texts if box.y0 > _HIGH]
    needed: dict[tuple[Side, Side], tuple[bool, float]] = {}
    for sides in product(_SIDES, _SIDES if lines is not None else _SIDES[:1]):
        placed = _place(axes, legend, lines, sides, texts)
        pairs = combinations([*placed, *texts], 2)
        bad = any(box.y0 - _GAP < _LOWEST for box in placed) or any(a.overlaps(b) for a, b in pairs)
        needed[sides] = bad, _top(axes, x, heights, [*placed, *high])
    best = min(needed, key=lambda sides: needed[sides])
    _place(axes, legend, lines, best, texts)
    axes.set_ylim(top=needed[best][1])


def _place(
    axes: Axes,
    legend: Legend,
    lines: Text | None,
    sides: tuple[Side, Side],
    texts: Sequence[Bbox],
) -> list[Bbox]:
    """Puts legend and lines to their sides, below of other texts, and returns their boxes."""
    legend.set_loc(sides[0])
    boxes = [_lowered(axes, legend, lambda top: _hang(axes, legend, top), 1, texts)]
    if lines is not None:
        left = sides[1] == "upper left"
        lines.set_horizontalalignment("left" if left else "right")
        lines.set_x(_GAP if left else 1 - _GAP)
        boxes.append(_lowered(axes, lines, lines.set_y, 1 - _GAP, [*texts, *boxes]))
    return boxes


def _hang(axes: Axes, legend: Legend, top: float) -> None:
    legend.set_bbox_to_anchor((0, 0, 1, top), transform=axes.transAxes)


def _lowered(
    axes: Axes,
    artist: Artist,
    set_top: Callable[[float], None],
    top: float,
    others: Sequence[Bbox],
) -> Bbox:
    """Sets the upper end of an artist as high as nothing is in its way, and returns its box."""
    set_top(top)
    for other in sorted(others, key=lambda box: -box.y1):
        if other.overlaps(_box(artist, axes)):
            set_top(other.y0 - _GAP)
    return _box(artist, axes)


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
