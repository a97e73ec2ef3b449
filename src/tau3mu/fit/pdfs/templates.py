"""Pdfs without parameters, made of a histogram or of events, for example from simulation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.pdfs.pdf import Pdf
from tau3mu.fit.pdfs.special import bin_index

if TYPE_CHECKING:
    from tau3mu.fit.pdfs.pdf import Array

__all__ = ["histogram_template", "kde_template"]

_POINTS_PER_BANDWIDTH = 5
_MOST_POINTS = 5000


def histogram_template(edges: np.ndarray, contents: np.ndarray) -> Pdf:
    """Returns the density of a histogram: constant in each bin, 0 outside.

    Args:
        edges: The edges of its bins.
        contents: The number of events in each bin, or the sum of their weights.

    Raises:
        InputError: The edges don't rise, there is not one content for each bin, or the contents
            are negative, not finite, or all 0.
    """
    edges, contents = np.asarray(edges, float), np.asarray(contents, float)
    if not np.all(np.diff(edges) > 0) or contents.shape != (len(edges) - 1,):
        message = (
            f"a histogram template needs rising edges and one content for each bin, not "
            f"{len(edges)} edges and {contents.size} contents"
        )
        raise InputError(message, code="fit.wrong-template", path="template")
    bad = ~np.isfinite(contents) | (contents < 0)
    if bad.any():
        number = int(np.argmax(bad))
        message = (
            f"the histogram of a template has {contents[number]:g} in bin {number} "
            f"({edges[number]:g} to {edges[number + 1]:g}): a density cannot be negative; use "
            "wider bins, or a function"
        )
        raise InputError(message, code="fit.no-density", path="template")
    if not contents.any():
        message = f"the histogram of a template is empty from {edges[0]:g} to {edges[-1]:g}"
        raise InputError(message, code="fit.empty-template", path="template")
    # With an empty bin on either side, to which all values outside belong.
    heights = np.concatenate([[0.0], contents / np.diff(edges) / contents.sum(), [0.0]])
    return Pdf(
        name="histogram",
        parameters=(),
        formula=partial(_steps, edges=edges, heights=heights),
        description="The density of a histogram, constant in each bin.",
        integral=partial(_steps_integral, template=edges, contents=contents / contents.sum()),
        kinks=partial(tuple, edges),
    )


def kde_template(values: np.ndarray, weights: np.ndarray | None, span: tuple[float, float]) -> Pdf:
    """Returns a smooth density of events: a Gaussian kernel estimate with Scott's bandwidth.

    Events outside the range are left out. At its ends the estimate is mirrored, since it would fall
    to half of the density there. It is tabulated in steps of a fraction of the bandwidth, linear
    between them, and 0 outside the range.

    Args:
        values: The observable, one value for each event.
        weights: Their weights, or None if all are 1.
        span: The range of the observable.

    Raises:
        InputError: Values and weights differ in number, one of them is not finite, a weight is
            negative, or there are not two different values in the range.
    """
    values = np.asarray(values, float)
    weights = np.ones(len(values)) if weights is None else np.asarray(weights, float)
    if weights.shape != values.shape:
        message = f"a template of {values.size} events needs as many weights, not {weights.size}"
        raise InputError(message, code="fit.weights-differ", path="template.weight")
    if not (np.isfinite(values).all() and np.isfinite(weights).all()):
        message = "a template was given values or weights that are not finite; select events first"
        raise InputError(message, code="fit.not-finite", path="template")
    if (weights < 0).any():
        message = (
            f"a template was given the weight {weights.min():g}: kernels need weights that are not "
            "negative; make a template of a histogram with these weights"
        )
        raise InputError(message, code="fit.no-density", path="template.weight")
    inside = (values >= span[0]) & (values <= span[1]) & (weights > 0)
    values, weights = values[inside], weights[inside]
    if len(np.unique(values)) < 2:
        message = (
            f"a template needs events with two different values from {span[0]:g} to {span[1]:g} "
            f"and weights above 0; there are {len(values)} events"
        )
        raise InputError(message, code="fit.empty-template", path="template")
    grid, heights = _kernel_estimate(values, weights, span)
    return Pdf(
        name="kde",
        parameters=(),
        formula=partial(_lines, grid=grid, heights=heights),
        description="A smooth density of events, from Gaussian kernels.",
        integral=partial(_lines_integral, grid=grid, heights=heights),
        kinks=partial(tuple, np.array(span)),
    )


def _kernel_estimate(
    values: np.ndarray, weights: np.ndarray, span: tuple[float, float]
) -> tuple[np.ndarray, np.ndarray]:
    from scipy.stats import gaussian_kde

    estimate = gaussian_kde(values, weights=weights)
    bandwidth = float(np.sqrt(estimate.covariance[0, 0]))
    points = int(_POINTS_PER_BANDWIDTH * (span[1] - span[0]) / bandwidth) + 2
    grid = np.linspace(*span, min(points, _MOST_POINTS))
    heights = estimate(grid)
    for end in span:
        near = np.abs(grid - end) < 10 * bandwidth  # beyond, the mirror image has vanished
        heights[near] += estimate(2 * end - grid[near])
    return grid, heights / np.trapezoid(heights, grid)


def _steps(x: Array, *, edges: np.ndarray, heights: np.ndarray, xp: Any) -> Array:
    return xp.take(heights, bin_index(edges, x, xp) + 1)


def _steps_integral(edges: np.ndarray, *, template: np.ndarray, contents: np.ndarray) -> np.ndarray:
    cumulative = np.concatenate([[0.0], np.cumsum(contents)])
    return np.diff(np.interp(edges, template, cumulative))


def _lines(x: Array, *, grid: np.ndarray, heights: np.ndarray, xp: Any) -> Array:
    inside = (x >= grid[0]) & (x <= grid[-1])
    x = xp.where(inside, x, grid[0])
    number = bin_index(grid, x, xp)
    slopes = np.append(np.diff(heights) / np.diff(grid), 0.0)  # none is needed at the last point
    line = xp.take(heights, number) + xp.take(slopes, number) * (x - xp.take(grid, number))
    return xp.where(inside, line, 0.0)


def _lines_integral(edges: np.ndarray, *, grid: np.ndarray, heights: np.ndarray) -> np.ndarray:
    step = grid[1] - grid[0]
    cumulative = np.concatenate([[0.0], np.cumsum((heights[1:] + heights[:-1]) / 2 * step)])
    x = np.clip(edges, grid[0], grid[-1])
    number = np.minimum(((x - grid[0]) / step).astype(int), len(grid) - 2)
    part = x - grid[number]
    rise = np.diff(heights)[number] / step
    return np.diff(cumulative[number] + part * (heights[number] + rise * part / 2))
