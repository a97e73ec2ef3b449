"""The places of legend and text on a spectrum, where they cover neither data nor each other.

Legends of matplotlib avoid data, but not texts beside them, and long labels leave the axes. So all
sizes are measured as they are rendered, in units of the axes.
"""

from __future__ import annotations

import math
import re
from itertools import combinations, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from tau3mu.fit.output.numbers import math_scripts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.legend import Legend

__all__ = ["Written", "add_text", "make_room", "wrapped"]

_GAP = 0.03  # between what is drawn and what is written
_LOWEST = 0.2  # what is drawn is not pressed below
_HIGH = 0.45  # above, the texts of users get room
_ENOUGH = 0.62  # of the height of the axes: what is drawn should have at least that
_SIZES = 19, 16, 13  # of the letters of a legend, in points
_WIDEST = 0.6  # a legend of one column is not wider
# Formulas, and values with their uncertainties, stay in one line.
_TOKEN = re.compile(r"(?:\$[^$]*\$|\s*[±=]\s*|\s*\((?:fixed|at limit|no error)\)|\S)+")


class Written(NamedTuple):
    """The texts in the corners of a spectrum.

    Attributes:
        first: The label of the artist that is the first of the legend.
        title: Lines above the legend.
        title_color: Their color.
        lines: A block of text of its own.
    """

    first: str
    title: str = ""
    title_color: str = "black"
    lines: Sequence[str] = ()


def add_text(axes: Axes, x: float, y: float, text: str) -> Text:
    """Adds a text at a place in units of the axes.

    Args:
        axes: Where it is added.
        x: Its left end, 0 to 1.
        y: Its baseline, 0 to 1.
        text: With formulas of matplotlib.
    """
    return axes.text(x, y, math_scripts(text), transform=axes.transAxes, fontsize=19, zorder=6)


def wrapped(axes: Axes, text: str, size: float, width: float) -> str:
    """Returns a text in lines that are not wider when rendered, unless a formula alone is.

    Args:
        axes: Where it is to be written.
        text: Words between spaces; formulas, and values with their uncertainties, are one piece.
        size: Of the letters, in points.
        width: In units of the axes.
    """
    measure = axes.text(0, 0, "", fontsize=size)

    def is_wide(line: str) -> bool:
        measure.set_text(line)
        return bool(measure.get_window_extent().width > width * axes.bbox.width)

    lines = [""]
    for word in _TOKEN.findall(math_scripts(text)):
        if lines[-1] and is_wide(f"{lines[-1]} {word}"):
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".lstrip()
        while "$" not in word and " " not in word and is_wide(lines[-1]):
            fit = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or not is_wide(word[:n]))
            word = word[fit:]  # noqa: PLW2901
            lines[-1:] = [lines[-1][:fit], word]
    measure.remove()
    return "\n".join(lines)


def make_room(
    axes: Axes,
    edges: np.ndarray,
    heights: np.ndarray,
    written: Written,
    fixed: Sequence[Text] = (),
    top: float | None = None,
) -> None:
    """Adds legend and lines in the upper corners, and raises the axis until they cover nothing.

    They stand below of what is in their corner already. The letters are as large as possible while
    what is drawn keeps enough of the height; if it never does, it gets as much as possible.

    Args:
        axes: With its limits in x, its lower limit and its scale in y set.
        edges: Of the bins.
        heights: How high what is drawn reaches in each bin, in units of the axis.
        written: What is to be written.
        fixed: Texts that stay where they are; those that are not low in the axes get room, too.
        top: The upper limit of the axis, where it is given; the letters then try to suit it.
    """
    log = axes.get_yscale() == "log"
    floor = axes.get_ylim()[0]
    reach = np.log(np.maximum(heights / floor, 1)) if log else heights - floor
    given = None if top is None else math.log(top / floor) if log else top - floor
    enough = reach.max() / given if given else _ENOUGH
    places = axes.transLimits.transform(np.stack([edges, np.zeros_like(edges)], axis=1))[:, 0]
    texts = [_box(text, axes) for text in fixed]
    high = [box for box in texts if box.y0 > _HIGH]
    best: _Layout | None = None
    for size, columns in product(_SIZES, (1, 2)):
        artists = _write(axes, written, size, columns)
        extents = [_box(artist, axes) for artist in artists]
        for artist in artists:
            artist.remove()
        for boxes in _placed(extents, texts):
            needed = _needed(places, reach, [*boxes, *high])
            found = _Layout(_fits(boxes, texts), reach.max() / needed, size, columns, needed, boxes)
            best = found if best is None or found[:2] > best[:2] else best
        if best is not None and best.fits and best.share >= enough:
            break
    assert best is not None
    for artist, box in zip(_write(axes, written, best.size, best.columns), best.boxes, strict=True):
        if isinstance(artist, Text):
            artist.set_position((box.x0, box.y1))
        else:
            artist.set_bbox_to_anchor((box.x0, box.y1), transform=axes.transAxes)
    height = best.needed if given is None else given
    axes.set_ylim(top=floor * math.exp(height) if log else floor + height)


class _Layout(NamedTuple):
    """One way to write; the first two values say how good it is."""

    fits: bool
    share: float  # of the height of the axes that what is drawn has
    size: int
    columns: int
    needed: float  # height of the axes from the lower limit on; a factor's logarithm if log
    boxes: tuple[Bbox, ...]


def _write(axes: Axes, written: Written, size: int, columns: int) -> list[Legend | Text]:
    """Adds the legend of all labeled artists, and the lines if there are any."""
    handles, labels = axes.get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda i: labels[i] != written.first)
    widest = _WIDEST if columns == 1 else 1 - 2 * _GAP
    room = widest / columns - 3.5 * size / 72 * axes.figure.dpi / axes.bbox.width  # less the handle
    title = [wrapped(axes, line, size, widest) for line in written.title.splitlines()]
    legend = axes.legend(
        [handles[i] for i in order],
        [wrapped(axes, labels[i], size, room) for i in order],
        title="\n".join(title) or None,
        loc="upper left",
        borderaxespad=0,
        ncols=columns,
        fontsize=size,
        title_fontsize=size,
        alignment="left",
        handlelength=1.5,
        labelspacing=0.35,
        columnspacing=1,
    )
    legend.get_title().set_color(written.title_color)
    if not written.lines:
        return [legend]
    text = axes.text(
        0,
        1,
        "\n".join(wrapped(axes, line, size - 1, widest) for line in written.lines),
        transform=axes.transAxes,
        va="top",
        fontsize=size - 1,
        linespacing=1.6 if any("$" in line for line in written.lines) else 1.35,
        zorder=5,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 2},
    )
    return [legend, text]


def _placed(extents: Sequence[Bbox], texts: Sequence[Bbox]) -> Iterator[tuple[Bbox, ...]]:
    """Yields all ways to hang boxes of these extents into the corners, below of other texts."""
    for sides in product((1, 0), repeat=len(extents)):
        boxes: list[Bbox] = []
        for extent, right in zip(extents, sides, strict=True):
            left = 1 - _GAP - extent.width if right else _GAP
            top = 1 - _GAP
            for other in sorted([*texts, *boxes], key=lambda box: -box.y1):
                box = Bbox.from_bounds(left, top - extent.height, extent.width, extent.height)
                if other.overlaps(box):
                    top = other.y0 - _GAP
            boxes.append(Bbox.from_bounds(left, top - extent.height, extent.width, extent.height))
        yield tuple(boxes)


def _fits(boxes: Sequence[Bbox], texts: Sequence[Bbox]) -> bool:
    inside = all(box.x0 >= 0 and box.x1 <= 1 and box.y0 >= _LOWEST + _GAP for box in boxes)
    return inside and not any(a.overlaps(b) for a, b in combinations([*boxes, *texts], 2))


def _needed(places: np.ndarray, reach: np.ndarray, boxes: Sequence[Bbox]) -> float:
    """Returns the height of the axes from which on the boxes cover nothing that is drawn."""
    needed = [1.12 * float(reach.max())]
    for box in boxes:
        under = (places[1:] > box.x0 - _GAP) & (places[:-1] < box.x1 + _GAP)
        needed.append(float(reach[under].max(initial=0)) / max(_LOWEST, box.y0 - _GAP))
    return max(needed) or 1.0


def _box(artist: Artist, axes: Axes) -> Bbox:
    return artist.get_window_extent().transformed(axes.transAxes.inverted())
