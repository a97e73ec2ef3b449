"""The likelihood of a model as a function of NumPy arrays: what the search and toys minimize.

Every loss is on the scale of a negative log-likelihood: it rises by 0.5 at one standard deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from scipy import special

from tau3mu.fit.data.sample import Binned, covered
from tau3mu.fit.likelihood.parameters import Parameters
from tau3mu.fit.likelihood.spectrum import SpectrumFunction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.fit.data import Unbinned
    from tau3mu.fit.language import FitModel
    from tau3mu.fit.language.parts import Constraint

__all__ = ["BinnedLikelihood", "Objective", "UnbinnedLikelihood", "constraint_loss"]

Slopes = Callable[[Callable[["Mapping[str, Any]"], np.ndarray]], np.ndarray]

_NO_COUNTS = 1e-300  # stands for an expectation of zero, of which there is no logarithm


class Loss(Protocol):
    """What one spectrum adds to the loss."""

    function: SpectrumFunction
    constant: float
    """What is missing of the negative logarithm of the likelihood."""

    def __call__(self, values: Mapping[str, Any]) -> float:
        """Returns the loss."""

    def logarithms(self, values: Mapping[str, Any]) -> np.ndarray:
        """Returns the logarithm of the expectation of every bin or entry that is fitted."""

    def impossible(self, values: Mapping[str, Any]) -> int:
        """Returns how many bins with entries, or single entries, are not expected at all."""

    def seen(self, values: Mapping[str, Any]) -> np.ndarray:
        """Returns which part of each component lies where the fit looks."""

    @property
    def variances(self) -> np.ndarray:
        """The variance of the content of every bin, or the squared weight of every entry."""


class BinnedLikelihood:
    """Poisson counts in bins, up to a constant of the data: zero where they are as expected.

    With negative yields, less than nothing may be expected in bins without entries; their terms
    go on linearly, as in the unbinned likelihood, of which this is the limit of fine bins.
    """

    def __init__(self, function: SpectrumFunction, data: Binned) -> None:
        """Keeps the bins that are fitted."""
        self.function, self.data = function, data
        self._contents = data.contents[data.used]
        filled = np.where(self._contents > 0, self._contents, 1.0)
        self._saturated = float(np.sum(self._contents * (np.log(filled) - 1)))
        factorials = np.sum(special.gammaln(self._contents + 1))
        self.constant = float(factorials) - self._saturated

    def _expected(self, values: Mapping[str, Any]) -> np.ndarray:
        return np.asarray(self.function.total(values, self.data.edges)[self.data.used])

    def __call__(self, values: Mapping[str, Any]) -> float:
        """Returns the loss."""
        expected = self._expected(values)
        logarithms = np.log(np.maximum(expected, _NO_COUNTS))
        return float(np.sum(expected - self._contents * logarithms)) + self._saturated

    def logarithms(self, values: Mapping[str, Any]) -> np.ndarray:
        """Returns the logarithm of the expectation of every bin that is fitted."""
        return np.asarray(np.log(np.maximum(self._expected(values), _NO_COUNTS)))

    def impossible(self, values: Mapping[str, Any]) -> int:
        """Returns how many bins with entries are not expected to have any."""
        return int(np.sum((self._expected(values) <= _NO_COUNTS) & (self._contents > 0)))

    def seen(self, values: Mapping[str, Any]) -> np.ndarray:
        """Returns which part of each component lies in the bins that are fitted."""
        shapes = self.function.shapes(values, self.data.edges)
        return np.asarray(shapes[:, self.data.used].sum(axis=1))

    @property
    def variances(self) -> np.ndarray:
        """The variance of the content of every bin that is fitted."""
        return np.asarray(self.data.variances[self.data.used])


class BinnedChi2(BinnedLikelihood):
    """Half of Neyman's χ²: the variances are those of the data, and empty bins are left out."""

    def __init__(self, function: SpectrumFunction, data: Binned) -> None:
        """Keeps the bins that are fitted and have a variance."""
        super().__init__(function, data)
        self._known = self.variances > 0

    def __call__(self, values: Mapping[str, Any]) -> float:
        """Returns half of χ²."""
        expected = self.function.total(values, self.data.edges)[self.data.used]
        difference = (self._contents - expected)[self._known]
        return float(0.5 * np.sum(difference**2 / self.variances[self._known]))

    def impossible(self, values: Mapping[str, Any]) -> int:
        """Returns zero: χ² takes any expectation."""
        del values
        return 0


class UnbinnedLikelihood:
    """Single entries, with the Poisson probability of their number."""

    def __init__(self, function: SpectrumFunction, data: Unbinned) -> None:
        """Keeps the entries that are fitted, and where they may lie."""
        self.function, self.data, self.constant = function, data, 0.0
        ends = [end for interval in data.intervals for end in interval]
        self._edges = np.unique([*function.span, *ends])
        self._used = covered(self._edges, data.intervals)
        given = data.weights
        self._weights = np.ones(len(data.values)) if given is None else given

    def _densities(self, values: Mapping[str, Any]) -> np.ndarray:
        densities = self.function.density(values, self.data.values)
        return np.asarray(np.maximum(densities, _NO_COUNTS))

    def __call__(self, values: Mapping[str, Any]) -> float:
        """Returns the loss."""
        number = self.function.total(values, self._edges)[self._used].sum()
        # Not np.dot: BLAS would start threads for so little work.
        return float(number - np.sum(self._weights * np.log(self._densities(values))))

    def logarithms(self, values: Mapping[str, Any]) -> np.ndarray:
        """Returns the logarithm of the expected density at every entry."""
        return np.asarray(np.log(self._densities(values)))

    def impossible(self, values: Mapping[str, Any]) -> int:
        """Returns how many entries lie where none is expected."""
        return int(np.sum(self._densities(values) <= _NO_COUNTS))

    def seen(self, values: Mapping[str, Any]) -> np.ndarray:
        """Returns which part of each component lies in the intervals that are fitted."""
        return np.asarray(self.function.shapes(values, self._edges)[:, self._used].sum(axis=1))

    @property
    def variances(self) -> np.ndarray:
        """The squared weight of every entry."""
        return np.asarray(self._weights**2)


class Objective:
    """The loss of one model for one set of data, with its constraints."""

    def __init__(self, model: FitModel, data: Mapping[str, Binned | Unbinned]) -> None:
        """Builds the loss.

        Args:
            model: With all labels and templates read.
            data: What is fitted, by the name of the spectrum.
        """
        self.model, self.data = model, data
        self.parameters = Parameters(model)
        self.limits = self.parameters.limits(data)
        self.losses = {name: _loss(model, name, sample) for name, sample in data.items()}
        declared = model.parameters.items()
        self._constraints = {n: p.constraint for n, p in declared if p.constraint is not None}

    def __call__(self, point: Sequence[float] | np.ndarray) -> float:
        """Returns the loss at a point in the space of the free parameters."""
        return self.at(self.parameters.at(point))

    def at(self, values: Mapping[str, Any]) -> float:
        """Returns the loss for values of all parameters."""
        total = sum(loss(values) for loss in self.losses.values())
        return total + self.constraint_loss(values)

    def constraint_loss(self, values: Mapping[str, Any]) -> float:
        """Returns what all constraints add to the loss: half of the χ² of their measurements."""
        return sum(float(constraint_loss(c, values[n])) for n, c in self._constraints.items())

    def impossible(self, values: Mapping[str, Any]) -> int:
        """Returns how many bins with entries, or single entries, the model does not expect."""
        return sum(loss.impossible(values) for loss in self.losses.values())

    def seen(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Returns which part of what a free parameter scales is fitted, in its best spectrum."""
        found: dict[str, float] = {}
        for loss in self.losses.values():
            for name, part in zip(loss.function.yields, loss.seen(values), strict=True):
                for free in self.parameters.touched_by([name]):
                    found[free] = max(found.get(free, 0.0), float(part))
        return {name: part for name, part in found.items() if name not in self._constraints}

    @property
    def weighted(self) -> bool:
        """Whether the likelihood takes weights for counts, so that its curvature is not right."""
        likelihood = self.model.method.loss == "likelihood"
        return likelihood and any(sample.weighted for sample in self.data.values())

    def scatter(self, slopes_of: Slopes, values: Mapping[str, Any]) -> np.ndarray:
        """Returns the covariance of the slopes of the loss, which the weights make.

        Args:
            slopes_of: Differentiates a function of all parameters with respect to the free ones:
                parameters x values of the function.
            values: At the minimum.
        """
        terms = []
        for loss in self.losses.values():
            slopes = slopes_of(loss.logarithms)
            terms.append((slopes * loss.variances) @ slopes.T)
        for name, constraint in self._constraints.items():
            slope = slopes_of(lambda at, n=name: np.atleast_1d(at[n]))[:, 0]  # type: ignore[misc]
            normal = constraint.pdf == "normal"
            width = constraint.sigma * (1.0 if normal else values[name])
            terms.append(np.outer(slope, slope) / width**2)
        return np.asarray(sum(terms))


def constraint_loss(constraint: Constraint, value: Any, xp: Any = np) -> Any:
    """Returns what a constraint adds to the loss."""
    if constraint.pdf == "normal":
        return 0.5 * ((value - constraint.mean) / constraint.sigma) ** 2
    positive = xp.maximum(value, _NO_COUNTS)
    return 0.5 * ((xp.log(positive) - np.log(constraint.mean)) / constraint.sigma) ** 2


def _loss(model: FitModel, name: str, sample: Binned | Unbinned) -> Loss:
    function = SpectrumFunction(model.parts[name])
    if isinstance(sample, Binned):
        kind = BinnedChi2 if model.method.loss == "chi2" else BinnedLikelihood
        return kind(function, sample)
    return UnbinnedLikelihood(function, sample)
