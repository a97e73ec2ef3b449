"""The profiles of the likelihood along parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.output.labels import parameter_axis, parameter_line
from tau3mu.fit.output.style import TOTAL
from tau3mu.plotting.style import styled_figure

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.fit.fitting.result import FitResult, ParameterResult

__all__ = ["plot_scans"]

_COLUMNS = 2
_HIGHEST = 10.0  # of 2ΔNLL: what is far above says nothing of the errors


def plot_scans(result: FitResult, scans: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Returns a figure of twice the profiled NLL above its minimum, one panel per parameter.

    Of a χ² fit that is the χ².

    Dashed lines stand at one and two standard deviations of the profile. The fitted value is a
    line, its error a band, and the errors of Minos, if they were asked for, are dotted lines.

    Args:
        result: The fit.
        scans: For each parameter its values and the NLL less that of the minimum.
    """
    height = "Δχ²" if result.model.method.loss == "chi2" else "2ΔNLL"
    columns = min(_COLUMNS, len(scans))
    rows = math.ceil(len(scans) / columns)
    with styled_figure(result.model.plot.style, 8 * columns, 6 * rows) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, (values, delta_nll)) in zip(panels, scans.items(), strict=False):
            _draw_scan(axes, np.asarray(values), 2 * np.asarray(delta_nll))
            _mark(axes, result.parameters[name])
            axes.set_xlabel(parameter_axis(result.model, name))
            line = parameter_line(result.model, name, result.parameters[name])
            axes.set_title(line, fontsize=18, loc="right", pad=10)
            axes.set_ylabel(height)
        for axes in panels[len(scans) :]:
            axes.remove()
    return figure


def _draw_scan(axes: Axes, values: np.ndarray, rise: np.ndarray) -> None:
    top = min(_HIGHEST, max(5.0, 1.1 * float(np.nanmax(rise))))
    axes.plot(values, rise, color=TOTAL, linewidth=2.5, marker="o", markersize=4)
    for sigmas in (1, 2):
        axes.axhline(sigmas**2, color="black", linewidth=1, linestyle="--")
        axes.annotate(
            f"{sigmas}σ", (1, sigmas**2), (-6, 4), xycoords=("axes fraction", "data"),
            textcoords="offset points", ha="right", fontsize=16,
        )  # fmt: skip
    axes.locator_params("x", nbins=5)
    axes.set_xlim(values.min(), values.max())
    axes.set_ylim(min(0.0, float(np.nanmin(rise))), top)


def _mark(axes: Axes, parameter: ParameterResult) -> None:
    value, error = parameter.value, parameter.error
    axes.axvline(value, color="black", linewidth=1.5)
    if error is not None:
        axes.axvspan(value - error, value + error, color="#3f90da", alpha=0.2, linewidth=0)
    for shift in (side for side in parameter.minos or () if side is not None):
        axes.axvline(value + shift, color="black", linewidth=1.5, linestyle=":")
