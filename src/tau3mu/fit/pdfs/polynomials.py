"""Sums of polynomials, with a list of coefficients of any length.

The range of the observable is mapped to -1 ... 1. In all but `Bernstein` the polynomial of order
zero has the coefficient 1, and `coefficients` begin with the first order. Quadrature is exact for
them up to the degree 11, so they have no integral of their own. A sum may be negative somewhere;
one of Bernstein polynomials is not, if no coefficient is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from tau3mu.fit.pdfs.pdf import Pdf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tau3mu.fit.pdfs.pdf import Array

__all__ = ["POLYNOMIALS"]


def _chebyshev(x: Array, coefficients: Sequence[Array], *, xp: Any) -> Array:
    return _series(x, coefficients, x, lambda p1, p0, _: 2 * x * p1 - p0, xp)


def _chebyshev2(x: Array, coefficients: Sequence[Array], *, xp: Any) -> Array:
    return _series(x, coefficients, 2 * x, lambda p1, p0, _: 2 * x * p1 - p0, xp)


def _legendre(x: Array, coefficients: Sequence[Array], *, xp: Any) -> Array:
    def following(p1: Array, p0: Array, n: int) -> Array:
        return ((2 * n + 1) * x * p1 - n * p0) / (n + 1)

    return _series(x, coefficients, x, following, xp)


def _hermite(x: Array, coefficients: Sequence[Array], *, xp: Any) -> Array:
    return _series(x, coefficients, 2 * x, lambda p1, p0, n: 2 * (x * p1 - n * p0), xp)


def _laguerre(x: Array, coefficients: Sequence[Array], *, xp: Any) -> Array:
    def following(p1: Array, p0: Array, n: int) -> Array:
        return ((2 * n + 1 - x) * p1 - n * p0) / (n + 1)

    return _series(x, coefficients, 1 - x, following, xp)


def _series(
    x: Array,
    coefficients: Sequence[Array],
    first: Array,
    following: Callable[[Array, Array, int], Array],
    xp: Any,
) -> Array:
    """Returns 1 + c1 P1 + c2 P2 + ..., with P(n+1) from Pn, P(n-1) and n by `following`."""
    total = before = xp.ones_like(x)
    polynomial = first
    for n, coefficient in enumerate(coefficients, start=1):
        total = total + coefficient * polynomial
        polynomial, before = following(polynomial, before, n), polynomial
    return total


def _bernstein(x: Array, coefficients: Sequence[Array], *, xp: Any) -> Array:
    u = (1 + x) / 2
    # De Casteljau: neighbors are averaged until one value is left.
    values = [coefficient * xp.ones_like(u) for coefficient in coefficients]
    while len(values) > 1:
        values = [left * (1 - u) + right * u for left, right in pairwise(values)]
    return values[0]


def _pdf(name: str, formula: Callable[..., Array], description: str) -> Pdf:
    return Pdf(
        name=name,
        parameters=("coefficients",),
        formula=formula,
        description=description,
        scaled=True,
        zfit_name=name,
    )


POLYNOMIALS = (
    _pdf(
        "Bernstein",
        _bernstein,
        "The sum of c_k B_k,n over k = 0 ... n. Only ratios of coefficients matter: fix one of "
        "them, for example the first to 1.",
    ),
    _pdf("Chebyshev", _chebyshev, "1 + c1 T1 + c2 T2 + ..., of the first kind: T1 = x."),
    _pdf("Chebyshev2", _chebyshev2, "1 + c1 U1 + c2 U2 + ..., of the second kind: U1 = 2 x."),
    _pdf("Legendre", _legendre, "1 + c1 P1 + c2 P2 + ..., with P1 = x."),
    _pdf("Hermite", _hermite, "1 + c1 H1 + c2 H2 + ..., the physicists': H1 = 2 x."),
    _pdf("Laguerre", _laguerre, "1 + c1 L1 + c2 L2 + ..., with L1 = 1 - x."),
)
