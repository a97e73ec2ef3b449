"""The correlations of the fitted parameters as a matrix with numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.output.labels import parameter_symbols
from tau3mu.fit.output.numbers import minus
from tau3mu.plotting.style import styled_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from tau3mu.fit.fitting.result import FitResult

__all__ = ["plot_correlation"]

_CELL = 0.75  # inches
_MARGIN, _RIGHT = 0.8, 1.7  # inches above and below the matrix, and beside it for the bar
_DARK = 60  # percent: from which correlation on a cell needs white numbers


def plot_correlation(result: FitResult) -> Figure:
    """Returns a figure of the correlations, in percent; it grows with their number and labels.

    Args:
        result: The fit.

    Raises:
        InputError: The fit has no covariance.
    """
    names, matrix = result.covariance_parameters, 100 * np.array(result.correlation)
    if not names:
        message = f"fit {result.model.name} has no covariance, so there are no correlations"
        raise InputError(message, code="fit.no-covariance", path=result.model.name)
    symbols = [parameter_symbols(result.model)[name] for name in names]
    side = max(3, len(names)) * _CELL
    with styled_figure(result.model.plot.style, side, side) as figure:
        figure.set_layout_engine("compressed")
        axes = figure.subplots()
        image = axes.imshow(matrix, cmap="RdBu_r", vmin=-100, vmax=100)
        for (row, column), value in np.ndenumerate(matrix):
            color = "white" if abs(value) > _DARK else "black"
            text = minus(f"{round(value)}")
            axes.text(column, row, text, ha="center", va="center", size=15, color=color)
        axes.set_xticks(range(len(names)), symbols, rotation=60, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), symbols)
        axes.minorticks_off()
        axes.tick_params(length=0, labelsize=16, pad=6)
        axes.set_title(f"Correlations in % ({result.model.name})", fontsize=18, loc="left")
        bar = figure.colorbar(image, fraction=0.05, pad=0.03)
        bar.ax.tick_params(labelsize=15)
        widths = [text.get_window_extent().width for text in axes.get_yticklabels()]
        room = max(widths) / figure.dpi
        figure.set_size_inches(side + room + _RIGHT, side + room + _MARGIN)
    return figure
