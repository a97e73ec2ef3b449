"""A density of the true value, seen with a resolution: their convolution as a pdf of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.pdfs import Pdf, density

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.language import Shape
    from tau3mu.fit.language.base import Interval

__all__ = ["arguments", "convolved"]

_PANELS, _NODES = 6, 16  # of the integral over the resolution
_REACH = 6.0  # standard deviations of the resolution on either side of its mean
_PARTS, _PART_NODES = 128, 3  # of the range, at least, in which a template is integrated
_GRID = 4001  # points on which its mean and standard deviation are found
_BLOCK = 50_000  # numbers at a time, which stay in the cache of a core, of a smeared template


def convolved(shape: Shape, span: Interval) -> Pdf:
    """Returns the convolution of a pdf with its resolution.

    The integral over the resolution reaches six standard deviations to either side of its mean,
    with 96 nodes. That is right to 1e-4 for a Cauchy with a gamma of a third of the resolution, to
    2e-3 for one of a fifth: what is much narrower needs no convolution. An unbinned fit with zfit
    needs 96 numbers of memory per entry; `Smeared` says what NumPy does instead.

    The steps of a template would make such a sum a step function of the parameters, without
    slopes. So its integral is over the true value, with three nodes in each of at least 128 parts
    of the range, such as the bins of a histogram. That is right to 1e-3 for a Gaussian resolution
    of half of a part, and to 1e-5 for one of a whole part.

    Args:
        shape: A single pdf with a resolution, which is a pdf or a sum of pdfs.
        span: The full range of the observable; the resolution is known in half of its width to
            either side of zero.
    """
    pdf, resolution = shape.definition, shape.resolution
    if pdf is None or resolution is None:
        message = "only a pdf with a resolution is a convolution"
        raise ValueError(message)
    names = shape.names
    width = span[1] - span[0]
    grid = np.linspace(-width / 2, width / 2, _GRID)

    def of_template(x: Any, *given: Any, xp: Any) -> Any:
        at = _kernel(resolution, dict(zip(names, given, strict=True)), grid, xp)

        def seen(part: Any) -> Any:
            return xp.sum(at(part[..., None] - true_values) * true_weights, axis=-1)

        size = max(_BLOCK // max(len(true_values), 1), 1)
        if xp is not np or np.size(x) <= size:
            return seen(x)
        flat = np.ravel(x)
        parts = [seen(flat[i : i + size]) for i in range(0, len(flat), size)]
        return np.concatenate(parts).reshape(np.shape(x))

    def formula(x: Any, *given: Any, xp: Any) -> Any:
        values = dict(zip(names, given, strict=True))
        shifts, weights = _nodes(resolution, values, grid, xp)
        true = density(pdf, x[..., None] - shifts, arguments(shape, values), span, xp)
        return xp.sum(true * weights, axis=-1)

    if not pdf.parameters and pdf.kinks is not None:
        true_values, true_weights = _of_template(pdf, width)
        formula = of_template
    return Pdf(f"{shape.pdf}_convolved", names, formula, "a convolution", peaks=pdf.peaks)


def _of_template(pdf: Pdf, width: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns true values between the steps of a template, and their weights."""
    steps = np.asarray(pdf.kinks()) if pdf.kinks is not None else np.array([])
    parts = np.ceil(np.diff(steps) / width * _PARTS * (1 - 1e-9)).astype(int)
    edges = np.interp(np.arange(parts.sum() + 1), [0, *np.cumsum(parts)], steps)
    nodes, weights = np.polynomial.legendre.leggauss(_PART_NODES)
    centers, halves = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    x = (centers[:, None] + halves[:, None] * nodes).ravel()
    weights = density(pdf, x, [], (0.0, width)) * (halves[:, None] * weights).ravel()
    return x[weights > 0], weights[weights > 0]


def arguments(shape: Shape, values: Mapping[str, Any]) -> list[Any]:
    """Returns the values of the parameters of a pdf, in its order."""
    return [
        values[name] if isinstance(name, str) else [values[n] for n in name]
        for name in shape.arguments
    ]


def _nodes(
    resolution: Shape, values: Mapping[str, Any], grid: np.ndarray, xp: Any
) -> tuple[Any, Any]:
    """Returns by how much the true value is shifted, and with which weights."""
    at = _kernel(resolution, values, grid, xp)
    on_grid = at(grid)
    total = xp.sum(on_grid)
    mean = xp.sum(grid * on_grid) / total
    deviation = xp.sqrt(xp.sum((grid - mean) ** 2 * on_grid) / total)
    shifts = mean + _REACH * deviation * _LEGENDRE[0]
    return shifts, at(shifts) * _LEGENDRE[1] * deviation


def _kernel(
    resolution: Shape, values: Mapping[str, Any], grid: np.ndarray, xp: Any
) -> Callable[[Any], Any]:
    """Returns the resolution as a function; the parts of a sum are normalized on the grid."""
    span = (float(grid[0]), float(grid[-1]))
    if resolution.sum is None:
        pdf = resolution.definition
        if pdf is None:
            message = "a resolution is a pdf or a sum of pdfs"
            raise ValueError(message)
        given = arguments(resolution, values)
        return lambda u: density(pdf, u, given, span, xp)
    parts = [_kernel(part, values, grid, xp) for part in resolution.sum]
    fractions = [values[name] for name in resolution.fractions or ()]
    weights = [
        fraction / xp.sum(part(grid))
        for part, fraction in zip(parts, [*fractions, 1 - sum(fractions)], strict=True)
    ]
    return lambda u: sum(w * part(u) for w, part in zip(weights, parts, strict=True))


def _legendre() -> tuple[np.ndarray, np.ndarray]:
    """Returns nodes and weights of the quadrature from -1 to 1."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    centers = (np.arange(_PANELS) + 0.5) * 2 / _PANELS - 1
    return (centers[:, None] + nodes / _PANELS).ravel(), np.tile(weights / _PANELS, _PANELS)


_LEGENDRE = _legendre()
