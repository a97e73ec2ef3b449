"""The colors of the components of a spectrum, and lines and hatches to distinguish them in gray."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from matplotlib.axes import Axes

    from tau3mu.fit.language import Component

__all__ = ["TOTAL", "Look", "looks"]

TOTAL = "#bd1f01"
# Colors for which readers with any color vision were asked (arXiv:2107.02270).
_PEAKS = ("#3f90da", "#ffa90e", "#92dadd", "#832db6", "#b9ac70", "#e76300")
_HATCHES = ("", "///", "...", "xxx")
_CONTINUA = ("#717581", "#a96b59", "#000000", "#832db6")
_LINES: tuple[Any, ...] = ("--", "-.", ":", (0, (7, 2, 1, 2, 1, 2)))


@dataclass(frozen=True)
class Look:
    """The style of a component: a peak is drawn as an area, a continuum as a line."""

    color: str
    hatch: str
    line: Any

    def fill(
        self, axes: Axes, x: np.ndarray, lower: np.ndarray | float, upper: np.ndarray, label: str
    ) -> None:
        """Draws an area between two curves.

        Args:
            axes: Where it is drawn.
            x: Places, shape (n,).
            lower: The lower curve, shape (n,), or its height.
            upper: The upper curve, shape (n,).
            label: For the legend.
        """
        axes.fill_between(
            x, lower, upper, facecolor=(self.color, 0.6), edgecolor=self.color, linewidth=0,
            hatch=self.hatch, label=label,
        )  # fmt: skip

    def plot(self, axes: Axes, x: np.ndarray, y: np.ndarray, label: str) -> None:
        """Draws a line.

        Args:
            axes: Where it is drawn.
            x: Places, shape (n,).
            y: The curve, shape (n,).
            label: For the legend.
        """
        axes.plot(x, y, color=self.color, linewidth=2.5, linestyle=self.line, label=label)


def looks(components: Iterable[Component]) -> list[Look]:
    """Returns the look of every component: its own color, or the next of peaks or of continua.

    Args:
        components: In the order of the fit file.
    """
    peaks = [(color, hatch) for hatch, color in product(_HATCHES, _PEAKS)]
    continua = [(_CONTINUA[i % len(_CONTINUA)], line) for i, line in enumerate(_LINES)]
    result = []
    number = {True: 0, False: 0}
    for component in components:
        place = number[component.peaks]
        number[component.peaks] += 1
        color, hatch = peaks[place % len(peaks)]
        if not component.peaks:
            color, hatch = continua[place % len(continua)][0], ""
        line = _LINES[place % len(_LINES)]
        result.append(Look(component.color or color, hatch, line))
    return result
