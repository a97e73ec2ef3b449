"""A convolution as NumPy evaluates it for many entries: on a grid, and polynomials between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.pdfs import bin_integrals, density
from tau3mu.fit.pdfs.integrate import NODES, PANELS, legendre_nodes, quadrature

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.language.base import Interval
    from tau3mu.fit.pdfs import Pdf

__all__ = ["Smeared"]

_FINEST = 8  # times as many panels as the integral has
_EXACT = 1e-6  # of the density, its part of the highest degree: the error is far smaller
_FLOOR = 1e-3  # of the largest density: far below it, not each digit counts


class Smeared:
    """A density that costs an integral for each value, such as a convolution.

    It is calculated where its norm needs it, at the Gauss-Legendre nodes of `PANELS` panels, and
    interpolated between them by the polynomial of each panel, which a sharp peak makes smaller.
    The last coefficient of every polynomial says how exact that is. Where it stays too large, as
    with steps, and where there are fewer entries than nodes, each entry is calculated.
    """

    def __init__(self, pdf: Pdf, names: tuple[str, ...], span: Interval) -> None:
        """Creates it from a density, the names of its parameters and the observable's range."""
        self._pdf, self._names, self._span = pdf, names, span
        self._key: tuple[Any, ...] = ()
        self._tables: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._entries: np.ndarray | None = None
        self._places: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def density(self, values: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
        """Returns the density at `x`."""
        given = self._at(values)
        inside = x.size > 0 and self._span[0] <= x.min() and x.max() <= self._span[1]
        panels = PANELS
        while inside and panels <= _FINEST * PANELS and panels * NODES < x.size:
            table, _ = self._table(panels)
            coefficients = np.einsum("pn,kn->pk", table, _TO_COEFFICIENTS)
            size = np.abs(coefficients[:, 0])
            if np.all(np.abs(coefficients[:, -1]) <= _EXACT * (size + _FLOOR * size.max())):
                where, polynomials = self._place(x, panels)
                return np.asarray(np.einsum("...k,...k->...", coefficients[where], polynomials))
            panels *= 2
        return np.asarray(density(self._pdf, x, given, self._span, np))

    def integrals(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        """Returns the integrals between neighboring edges."""
        given = self._at(values)
        if len(edges) == 2 and tuple(edges) == tuple(self._span):
            table, weights = self._table(PANELS)
            return np.asarray(np.add.reduceat(np.sum(table * weights, axis=1), [0]))
        return bin_integrals(self._pdf, edges, given, self._span)

    def _at(self, values: Mapping[str, Any]) -> list[Any]:
        """Returns the parameters, and forgets what was calculated with others."""
        given = [values[name] for name in self._names]
        if tuple(given) != self._key:
            self._key, self._tables = tuple(given), {}
        return given

    def _table(self, panels: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns the density at the nodes of equal panels, and the weights of its integral."""
        if panels not in self._tables:
            lower, upper = self._span
            grid = lower + (upper - lower) / panels * np.arange(panels)
            x, weights = quadrature(np.append(grid, upper))
            self._tables[panels] = density(self._pdf, x, self._key, self._span, np), weights
        return self._tables[panels]

    def _place(self, x: np.ndarray, panels: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns in which panel each entry is, and the Legendre polynomials there."""
        if self._entries is not x:
            self._entries, self._places = x, {}
        if panels not in self._places:
            lower, upper = self._span
            position = (x - lower) * (panels / (upper - lower))
            where = np.minimum(position.astype(int), panels - 1)
            inside = 2 * (position - where) - 1
            self._places[panels] = where, np.polynomial.legendre.legvander(inside, NODES - 1)
        return self._places[panels]


# A polynomial through the nodes has as its k-th coefficient (2 k + 1) / 2 of the integral with the
# k-th Legendre polynomial, which the quadrature gives exactly.
_TO_COEFFICIENTS = (
    np.polynomial.legendre.legvander(legendre_nodes()[0], NODES - 1).T
    * legendre_nodes()[1]
    * (np.arange(NODES) + 0.5)[:, None]
)
