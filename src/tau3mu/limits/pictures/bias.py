"""The picture of a bias study."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.limits.pictures.looks import BLUE, name_rows, save_pictures
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.limits.bias import BiasStudy

__all__ = ["save_bias_picture"]

_SMALL: Final = 0.2
"""A median pull within this band widens an interval by 2 % at most."""


def save_bias_picture(study: BiasStudy, folder: Path) -> None:
    """Writes the median pulls of all pairs of families, as PNG and PDF.

    Args:
        study: What is drawn.
        folder: Is made if it is not there.

    Raises:
        RunError: One cannot be written.
    """
    heading = Heading(simulation=True)
    with styled_figure(heading.style, 13, 4 + 0.45 * len(study.biases)) as figure:
        axes = figure.subplots(gridspec_kw={"left": 0.34})
        name_rows(axes, [f"{one.truth} in {one.fit}" for one in study.biases], size=16)
        axes.axvspan(-_SMALL, _SMALL, color=BLUE, alpha=0.2, lw=0)
        axes.axvline(0, color="gray", lw=1)
        for row, one in enumerate(study.biases):
            value, error = one.median
            axes.errorbar(value, row, xerr=error, fmt="o", color="black")
        known = [one.median for one in study.biases if one.failures + 1 < study.toys]
        far = max([0.5, *(abs(value) + 2 * error for value, error in known)])
        axes.set_xlim(-far, far)
        axes.set_xlabel(f"Median pull of r, toys with r = {study.r:.4g}")
        add_heading(axes, heading)
        save_pictures({"bias": figure}, folder)
