"""Densities and integrals of a pdf over bins, with NumPy.

Where a pdf has no exact integral, it is integrated by Gauss-Legendre quadrature with `NODES` nodes
in panels: the bins, divided so that no panel is wider than the range of the observable over
`PANELS`, and so that no kink of the pdf lies within one. However wide the bins are, this is right
to 1e-7 for a Gaussian with a sigma of at least a 1000th of the range, and for a Breit-Wigner with a
half-width of at least a 500th. A kink that the pdf does not declare costs more: up to 1e-4 for
peaks as narrow as that.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.fit.pdfs.pdf import Array, Pdf

__all__ = [
    "NODES",
    "PANELS",
    "bin_integrals",
    "density",
    "legendre_nodes",
    "place",
    "quadrature",
]

PANELS = 512
NODES = 6


def density(
    pdf: Pdf, x: Array, values: Sequence[Any], span: tuple[float, float], xp: Any = np
) -> Array:
    """Returns the density at `x`, up to a factor that does not depend on `x`.

    Args:
        pdf: Which family of densities.
        x: Values of the observable, of any shape.
        values: The parameters, in the order of the pdf.
        span: The range of the observable.
        xp: NumPy, or the TensorFlow version of it for tensors.
    """
    return pdf.formula(place(pdf, x, span), *values, xp=xp)


def place(pdf: Pdf, x: Array, span: tuple[float, float]) -> Array:
    """Returns `x` as the formula of a pdf expects it: scaled, centered or as it is."""
    if pdf.scaled:
        return (2 * x - span[0] - span[1]) / (span[1] - span[0])
    return x - (span[0] + span[1]) / 2 if pdf.centered else x


def bin_integrals(
    pdf: Pdf, edges: np.ndarray, values: Sequence[Any], span: tuple[float, float]
) -> np.ndarray:
    """Returns the integrals of `density` over bins; the arguments are explained there.

    Args:
        pdf: Which family of densities.
        edges: The edges of the bins, rising.
        values: The parameters, in the order of the pdf.
        span: The range of the observable.
    """
    if pdf.integral is not None:
        unit = (span[1] - span[0]) / 2 if pdf.scaled else 1.0
        return np.asarray(unit * pdf.integral(place(pdf, edges, span), *values))
    grid, starts = _panels(np.asarray(edges, float).tobytes(), (span[1] - span[0]) / PANELS)
    if pdf.kinks is not None:
        kinks = np.clip(pdf.kinks(*values), edges[0], edges[-1])
        grid = np.sort(np.concatenate([grid, kinks]))
        starts = np.searchsorted(grid, edges[:-1])
    x, weights = quadrature(grid)
    panels = np.sum(density(pdf, x, values, span) * weights, axis=1)
    return np.asarray(np.add.reduceat(panels, starts))


def quadrature(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the nodes in the panels between neighbors and their weights, panels x `NODES`."""
    nodes, weights = legendre_nodes()
    halves = np.diff(grid)[:, np.newaxis] / 2
    x = (grid[:-1] + grid[1:])[:, np.newaxis] / 2 + halves * nodes
    return x, halves * weights


@cache
def legendre_nodes() -> tuple[np.ndarray, np.ndarray]:
    """Returns the nodes in -1 ... 1 and their weights, which add up to 2."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    return nodes, weights


@lru_cache(maxsize=64)
def _panels(edges_bytes: bytes, widest: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the edges of the panels, and which panel is the first of each bin."""
    edges = np.frombuffer(edges_bytes)
    counts = np.ceil(np.diff(edges) / widest * (1 - 1e-9)).astype(int)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    bins = np.repeat(np.arange(len(counts)), counts)
    steps = (np.diff(edges) / counts)[bins]
    grid = edges[bins] + steps * (np.arange(counts.sum()) - starts[bins])
    return np.append(grid, edges[-1]), starts
