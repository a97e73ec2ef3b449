"""The components of one spectrum: normalized shapes and expected numbers of entries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.likelihood.densities import density_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tau3mu.fit.language import SpectrumModel
    from tau3mu.fit.likelihood.densities import Density

__all__ = ["SpectrumFunction"]


class SpectrumFunction:
    """Evaluates the components of a spectrum.

    A component whose parameters have not changed since the last call on the same edges or entries
    is not calculated again: Minuit changes one parameter at a time when it looks for slopes.
    """

    def __init__(self, part: SpectrumModel) -> None:
        """Builds the densities of the components."""
        self.span = np.array(part.observable.range)
        self.yields = tuple(component.yield_ for component in part.components.values())
        self._components = [
            _Component(density_of(component, part.observable.range), component.names)
            for component in part.components.values()
        ]

    def shapes(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        """Returns the integrals of the components, each normalized to one; components x bins.

        Args:
            values: Of all parameters.
            edges: They must span the full range of the observable.
        """
        return np.stack([c.shape(values, edges) for c in self._components])

    def expected(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        """Returns the expected numbers of entries, components x bins; arguments as in `shapes`."""
        yields = np.array([values[name] for name in self.yields])
        return np.asarray(yields[:, None] * self.shapes(values, edges))

    def total(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        """Returns the sum over the components of what `expected` returns."""
        total = np.zeros(len(edges) - 1)
        for name, component in zip(self.yields, self._components, strict=True):
            total += values[name] * component.shape(values, edges)
        return total

    def density(self, values: Mapping[str, Any], x: np.ndarray) -> np.ndarray:
        """Returns the expected entries per unit of the observable at `x`, of all components."""
        total = np.zeros(x.shape)
        for name, component in zip(self.yields, self._components, strict=True):
            total += values[name] * component.density(values, x, self.span)
        return total


class _Component:
    """A normalized density, with its last results."""

    def __init__(self, density: Density, names: tuple[str, ...]) -> None:
        self._density, self._names = density, names
        self._last: dict[str, tuple[tuple[Any, ...], np.ndarray, np.ndarray]] = {}

    def shape(self, values: Mapping[str, Any], edges: np.ndarray) -> np.ndarray:
        def calculate() -> np.ndarray:
            integrals = self._density.integrals(values, edges)
            with np.errstate(invalid="ignore"):  # a pdf that vanishes in the whole range gives NaN
                return np.asarray(integrals / integrals.sum())

        return self._cached("shape", values, edges, calculate)

    def density(self, values: Mapping[str, Any], x: np.ndarray, span: np.ndarray) -> np.ndarray:
        def calculate() -> np.ndarray:
            norm = self._density.integrals(values, span).sum()
            return np.asarray(self._density.density(values, x) / norm)

        return self._cached("density", values, x, calculate)

    def _cached(
        self,
        kind: str,
        values: Mapping[str, Any],
        x: np.ndarray,
        calculate: Callable[[], np.ndarray],
    ) -> np.ndarray:
        key = tuple([values[name] for name in self._names])
        last = self._last.get(kind)
        if last is not None and last[1] is x and last[0] == key:
            return last[2]
        result = calculate()
        self._last[kind] = (key, x, result)
        return result
