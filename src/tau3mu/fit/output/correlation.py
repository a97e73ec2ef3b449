"""The correlations of the fitted parameters as a matrix with numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.output.style import make_ticks, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tau3mu.fit.fitting.result import FitResult

__all__ = ["plot_correlation"]

_CELL, _MARGIN = 0.75, 3.2  # inches
_DARK = 60  # percent: from which correlation on a cell needs white numbers


def plot_correlation(result: FitResult) -> Figure:
    """Returns a figure of the correlations, in percent, which grows with their number.

    Raises:
        InputError: The fit has no covariance.
    """
    names, matrix = result.covariance_parameters, 100 * np.array(result.correlation)
    if not names:
        message = f"fit {result.model.name} has no covariance, so there are no correlations"
        raise InputError(message)
    height = max(3, len(names)) * _CELL + _MARGIN
    with styled(result.model.plot):
        figure = new_figure(height + 1.2, height)
        axes = figure.subplots()
        figure.set_layout_engine("constrained")
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-100, vmax=100)
        for (row, column), value in np.ndenumerate(matrix):
            color = "white" if abs(value) > _DARK else "black"
            axes.text(
                column, row, f"{round(value)}", ha="center", va="center", size=15, color=color
            )
        axes.set_xticks(range(len(names)), names, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        axes.minorticks_off()
        axes.tick_params(length=0, labelsize=16, pad=6)
        bar = figure.colorbar(image, fraction=0.05, pad=0.03)
        bar.ax.tick_params(labelsize=15)
        axes.set_title(f"Correlations in % ({result.model.name})", fontsize=18, loc="left")
        make_ticks(*figure.axes)
    return figure
