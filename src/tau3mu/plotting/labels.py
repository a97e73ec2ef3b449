"""Texts of others in pictures: names as they are, formulas only where they can be read."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from matplotlib.mathtext import MathTextParser
from matplotlib.text import Text

from tau3mu.config.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

__all__ = [
    "add_legend",
    "check_formulas",
    "entries_label",
    "name_ticks",
    "short_name",
    "without_broken_formulas",
]

_LONGEST: Final = 32
_UNIT: Final = re.compile(r"\[(\w+)\]\s*$")
_BROAD: Final = 0.1  # GeV; narrower bins are given in MeV


def short_name(text: str, most: int = _LONGEST) -> str:
    """Returns a name in one line, with dots in its middle if it is long.

    Args:
        text: The name.
        most: How many characters to show.
    """
    text = printable(text)
    half = (most - 1) // 2
    return text if len(text) <= most else f"{text[:half]}…{text[-half:]}"


def add_legend(axes: Axes, handles: Sequence[Any], names: Sequence[str], **how: Any) -> Legend:
    """Adds a legend in which every name is shown as it is.

    matplotlib leaves out names that begin with an underscore, and reads formulas.

    Args:
        axes: To which it belongs.
        handles: What is named.
        names: As many.
        how: Further options of a legend.
    """
    legend = axes.legend(handles, [str(number) for number in range(len(names))], **how)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set_parse_math(False)
        text.set_text(short_name(name))
    return legend


def name_ticks(
    axes: Axes, names: Sequence[str], places: Sequence[float] | None = None, **how: Any
) -> None:
    """Writes names at 0, 1, 2 and so on of the horizontal axis, or at other places.

    Args:
        axes: With this axis.
        names: In their order.
        places: As many.
        how: Further options of texts.
    """
    axes.set_xticks(places or range(len(names)), [short_name(name) for name in names])
    axes.set_xticks([], minor=True)
    for tick in axes.get_xticklabels():
        tick.set(parse_math=False, **how)


def entries_label(histogram: Hist[Any], variable: Any) -> str:
    """Returns the label of the axis of contents, with the width of the bins if all are equal.

    Args:
        histogram: Whose label it is, by default `Candidates`.
        variable: Its axis, with the unit in brackets at the end of its label.
    """
    label, unit = histogram.label or "Candidates", _UNIT.search(variable.label or "")
    widths = variable.widths
    if "/" in label or not unit or not np.allclose(widths, widths[0], rtol=1e-6, atol=0):
        return label
    width, name = float(widths[0]), unit[1]
    if name.startswith("GeV") and width < _BROAD:
        width, name = 1000 * width, f"M{name[1:]}"
    return f"{label} / {width:.3g} {name}"


def without_broken_formulas(figure: Figure) -> None:
    """Makes plain texts of what is not a formula though it has dollar signs.

    Args:
        figure: All of whose texts are there.
    """
    check_formulas(*cast("list[Text]", figure.findobj(Text)))


def check_formulas(*texts: Text) -> None:
    """Makes plain texts of those that are not formulas though they have dollar signs.

    Args:
        texts: Such as the labels of axes.
    """
    parser = MathTextParser("path")
    for text in texts:
        if "$" in text.get_text() and text.get_parse_math():
            try:
                parser.parse(text.get_text())
            except ValueError:
                text.set_parse_math(False)
