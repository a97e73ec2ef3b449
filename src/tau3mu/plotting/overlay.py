"""A histogram of two results over each other, with their ratio below."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tau3mu.errors import InputError
from tau3mu.plotting.content import only_variable, outside, without
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.labels import check_formulas, entries_label
from tau3mu.plotting.panels import draw_lines, two_panels
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_overlay"]


def plot_overlay(
    a: Hist[Any],
    b: Hist[Any],
    names: tuple[str, str],
    *,
    heading: Heading = Heading(),
    ratio: Literal["ratio", "pull"] = "ratio",
    log: bool = False,
    blind: Sequence[tuple[float, float]] = (),
) -> Figure:
    """Returns a figure of two histograms of one variable, B over A, with their ratio below.

    Args:
        a: A, of nothing but the variable.
        b: B.
        names: Of A and B.
        heading: What stands above it, and the looks.
        ratio: What stands below: `ratio`, B / A, or `pull`, (B − A) / √(variance of A + that of B).
        log: Whether the entries have a logarithmic scale.
        blind: Intervals of the variable that are not drawn.

    Raises:
        InputError: There is not one variable, or the bins of A and B are not the same.
    """
    variable = only_variable(a)
    if not _same_bins(variable, only_variable(b)):
        message = f"the bins of {names[0]} and {names[1]} are not the same"
        raise InputError(message, code="plotting.other-bins", path=variable.name)
    shown = outside(variable, blind)
    a, b = without(a, ~shown), without(b, ~shown)
    with styled_figure(heading.style, 10, 10) as figure:
        above, below = two_panels(figure, variable, below=True)
        above.set_ylabel(entries_label(a, variable))
        below.set_xlabel(variable.label)
        check_formulas(above.yaxis.label, below.xaxis.label)
        add_heading(above, heading)
        _draw_ratio(below, a, b, shown, kind=ratio)
        for low, high in blind:
            above.axvspan(low, high, facecolor="0.92", zorder=0)
        draw_lines(above, {f"A: {names[0]}": a, f"B: {names[1]}": b}, log=log)
        above.set_xlabel("")  # which mplhep has set
    return figure


def _draw_ratio(axes: Axes, a: Hist[Any], b: Hist[Any], where: Any, *, kind: str) -> None:
    values, variances = _values(a), _variances(a)
    others, other_variances = _values(b), _variances(b)
    edges = a.axes[0].edges
    centers, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "pull":
            shown = (others - values) / np.sqrt(variances + other_variances)
            shown[others == values] = 0.0
            errors, middle, label = np.zeros_like(shown), 0.0, "(B − A) / σ"
        else:
            shown = others / values
            errors = np.sqrt(other_variances + shown**2 * variances) / np.abs(values)
            middle, label = 1.0, "B / A"
    known = np.isfinite(shown) & where
    axes.axhline(middle, color="gray", linewidth=1)
    axes.errorbar(
        centers[known], shown[known], yerr=errors[known] if kind != "pull" else None,
        xerr=widths[known] / 2, fmt="o", markersize=4, color="black", elinewidth=1,
    )  # fmt: skip
    axes.set_ylabel(label, fontsize=20, loc="center")
    far = np.abs(shown[known] - middle)
    span = 1.2 * min(float(far.max(initial=0.0)), 1.0 if kind != "pull" else np.inf)
    axes.set_ylim(middle - (span or 1.0), middle + (span or 1.0))


def _values(histogram: Hist[Any]) -> Any:
    return np.asarray(histogram.values(), np.float64)


def _variances(histogram: Hist[Any]) -> Any:
    stored = histogram.variances()
    return np.abs(_values(histogram)) if stored is None else np.asarray(stored, np.float64)


def _same_bins(one: Any, other: Any) -> bool:
    numbers = one.traits.ordered and other.traits.ordered
    if not numbers:
        return list(one) == list(other)
    return np.array_equal(np.asarray(one.edges), np.asarray(other.edges))
