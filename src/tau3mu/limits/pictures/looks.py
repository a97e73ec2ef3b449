"""What pictures of limits have in common: headings, the axis of the signal strength, files."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from matplotlib.ticker import NullLocator

from tau3mu.plotting.drawing import save
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.labels import short_name
from tau3mu.plotting.style import add_heading

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.limits.compiled import Compiled

__all__ = [
    "BLUE", "GREEN", "RED", "YELLOW", "heading_across", "heading_for", "name_rows", "note",
    "save_pictures", "strength_axis",
]  # fmt: skip

GREEN: Final = "#607641"
YELLOW: Final = "#f5bb54"
"""One and two standard deviations, in the colors that CMS asks for."""
RED: Final = "#bd1f01"
BLUE: Final = "#3f90da"
FORMATS: Final = (".png", ".pdf")
_LONGEST: Final = 40
_LARGE_POWER: Final = 3  # of ten, from which on it stands in the label
_RAISED: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def heading_for(compiled: Compiled) -> Heading:
    """Returns the heading: data that were made are simulation.

    Args:
        compiled: The model with its data.
    """
    return Heading(simulation=compiled.injected is not None)


def heading_across(figure: Figure, panels: Sequence[Axes], heading: Heading) -> None:
    """Writes a heading above panels side by side.

    Args:
        figure: With everything else.
        panels: Those at the top, from left to right.
        heading: What to write.
    """
    first, last = panels[0].get_position(), panels[-1].get_position()
    whole = figure.add_axes(
        (first.x0, first.y0, last.x1 - first.x0, first.height), frameon=False, zorder=-5
    )
    whole.set_axis_off()
    add_heading(whole, heading)


def strength_axis(compiled: Compiled, highest: float) -> tuple[float, str]:
    """Returns what r is multiplied by on an axis, and the label of that.

    Args:
        compiled: The model.
        highest: The largest r that is drawn.
    """
    strength = compiled.model.strength
    name = strength.label if strength.scale != 1 or strength.label != "r" else "Signal strength r"
    power = math.floor(math.log10(strength.scale * highest)) if highest > 0 else 0
    if abs(power) < _LARGE_POWER:
        return strength.scale, name
    raised = str(power).translate(_RAISED)
    return strength.scale / 10.0**power, f"{name} [10{raised}]"


def name_rows(axes: Axes, names: Sequence[str], *, size: float) -> None:
    """Writes names beside rows at 0, 1, 2 and so on, the first at the top.

    Args:
        axes: With these rows.
        names: In their order.
        size: Of the letters.
    """
    axes.set_yticks(range(len(names)), [short_name(name, _LONGEST) for name in names])
    axes.yaxis.set_minor_locator(NullLocator())
    for tick in axes.get_yticklabels():
        tick.set(parse_math=False, fontsize=size)
    axes.tick_params(axis="y", which="both", right=False, left=False, pad=8)
    axes.set_ylim(len(names) - 0.4, -0.6)


def note(axes: Axes, text: str, place: tuple[float, float] = (0.04, 0.96), **how: Any) -> None:
    """Writes a remark into a picture.

    Args:
        axes: Where to draw.
        text: What to write.
        place: In parts of the axes, of its upper left corner.
        how: Further options of texts.
    """
    look: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 18, **how}
    written = axes.text(*place, text, transform=axes.transAxes, **look)
    written.set_parse_math(False)


def save_pictures(figures: Mapping[str, Figure], folder: Path) -> None:
    """Writes figures as PNG and PDF.

    Args:
        figures: By the names of their files, without suffix.
        folder: Is made if it is not there.

    Raises:
        RunError: One cannot be written.
    """
    for name, figure in figures.items():
        for suffix in FORMATS:
            save(figure, folder / f"{name}{suffix}")
