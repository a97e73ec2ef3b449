"""The shapes of a model as NumPy evaluates them: densities, and integrals between edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tau3mu.fit.likelihood.convolution import arguments, convolved
from tau3mu.fit.likelihood.smeared import Smeared
from tau3mu.fit.pdfs import bin_integrals, density

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.language import Shape
    from tau3mu.fit.language.base import Interval
    from tau3mu.fit.pdfs import Pdf

__all__ = ["Density", "density_of", "single_pdf"]


class Density(Protocol):
    """A density without normalization, and its integrals on the same scale."""

    def density(self, values: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
        """Returns the density at `x`."""

    def integrals(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        """Returns the integrals between neighboring edges."""


def density_of(shape: Shape, span: Interval) -> Density:
    """Returns the density of a shape of the model language.

    Args:
        shape: A pdf or a sum of shapes.
        span: The full range of the observable.
    """
    if shape.sum is not None:
        parts = [density_of(part, span) for part in shape.smeared_parts]
        return _Sum(parts, shape.fractions or (), span)
    if shape.resolution is not None:
        return Smeared(convolved(shape, span), shape.names, span)
    return _Single(*single_pdf(shape, span), span)


def single_pdf(shape: Shape, span: Interval) -> tuple[Pdf, Callable[[Mapping[str, Any]], Any]]:
    """Returns the pdf of a shape that is not a sum, and a function that finds its arguments."""
    if shape.definition is None:
        message = f"the template of {shape.pdf} has not been read"
        raise ValueError(message)
    if shape.resolution is None:
        given = shape.arguments  # found once, since a fit asks thousands of times
        if all(isinstance(name, str) for name in given):
            return shape.definition, lambda values: [values[name] for name in given]
        return shape.definition, lambda values: arguments(shape, values)
    names = shape.names
    return convolved(shape, span), lambda values: [values[name] for name in names]


class _Single:
    """One pdf."""

    def __init__(
        self, pdf: Pdf, arguments_in: Callable[[Mapping[str, Any]], Any], span: Interval
    ) -> None:
        self._pdf, self._arguments_in, self._span = pdf, arguments_in, span

    def density(self, values: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
        return np.asarray(density(self._pdf, x, self._arguments_in(values), self._span, np))

    def integrals(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        return bin_integrals(self._pdf, edges, self._arguments_in(values), self._span)


class _Sum:
    """Shapes with fractions; the last one takes what the others leave."""

    def __init__(self, parts: list[Density], fractions: tuple[str, ...], span: Interval) -> None:
        self._parts, self._fractions, self._span = parts, fractions, np.array(span)

    def _weights(self, values: Mapping[str, Any]) -> list[float]:
        given = [values[name] for name in self._fractions]
        norms = [float(part.integrals(values, self._span).sum()) for part in self._parts]
        return [w / norm for w, norm in zip([*given, 1 - sum(given)], norms, strict=True)]

    def density(self, values: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
        weights = self._weights(values)
        terms = (w * p.density(values, x) for w, p in zip(weights, self._parts, strict=True))
        return np.asarray(sum(terms))

    def integrals(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        weights = self._weights(values)
        terms = (w * p.integrals(values, edges) for w, p in zip(weights, self._parts, strict=True))
        return np.asarray(sum(terms))
