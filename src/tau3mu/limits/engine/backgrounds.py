"""Background shapes of channels as normalized densities, with their derivatives.

A family has K parameters; a channel whose family has fewer than the largest K leaves the others
unused, with derivatives of 0. Exponential e^{kx} and power law x^k are one form: e^{kt} of
t = x or t = ln x. Bernstein polynomials of order n are sums of n + 1 positive terms whose weights
are e^{a_i} over their sum, with a_0 = 0.

Where a channel has several families, which of them it has is one more parameter: the last one, the
number of the family in `FAMILIES`. Fits choose it (see `engine.minimize`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.special import comb

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.intp]

__all__ = ["FAMILIES", "Backgrounds", "Choices", "n_shape_parameters", "shape_bounds"]

FAMILIES: Final = ("flat", "exponential", "power", "bernstein1", "bernstein2", "bernstein3")
"""The families by name; flat has no parameter of shape."""

_LARGEST_WEIGHT: Final = 12.0  # of Bernstein terms: e^12 to 1 is nothing beside everything


def n_shape_parameters(family: str) -> int:
    """Returns how many parameters of shape a family has.

    Args:
        family: One of `FAMILIES`.
    """
    if family == "flat":
        return 0
    return int(family[-1]) if family.startswith("bernstein") else 1


def shape_bounds(family: str) -> tuple[float, float]:
    """Returns the default bounds of each parameter of shape of a family.

    Args:
        family: One of `FAMILIES`.
    """
    if family.startswith("bernstein"):
        return -_LARGEST_WEIGHT, _LARGEST_WEIGHT
    return {"exponential": (-20.0, 20.0), "power": (-40.0, 40.0)}.get(family, (0.0, 0.0))


_N_PARAMETERS: Final = np.array([n_shape_parameters(one) for one in FAMILIES])


@dataclass(frozen=True)
class Choices:
    """The families among which fits choose, in the order of `FAMILIES`, F in all.

    Attributes:
        allowed: F × C, whether a channel may have a family.
        start, low, high: F × K × C, where its parameters of shape start, and their bounds.
    """

    allowed: npt.NDArray[np.bool_]
    start: Array
    low: Array
    high: Array


@dataclass(frozen=True)
class Backgrounds:
    """The background shapes of C channels.

    Attributes:
        families: One per channel, that of the model where there are several.
        low, high: The ranges in GeV, C values.
        choices: The families among which fits choose; None if each channel has one.
    """

    families: Sequence[str]
    low: Array
    high: Array
    choices: Choices | None = None

    @cached_property
    def size(self) -> int:
        """K, the largest number of parameters, at least 1; with choices, the family is the last."""
        if self.choices is not None:
            return 1 + int(self.choices.start.shape[1])
        return max(1, *map(n_shape_parameters, self.families))

    @cached_property
    def codes(self) -> Array:
        """The numbers of the families of the model."""
        return np.array([FAMILIES.index(one) for one in self.families], np.float64)

    def own(self, shape: Array) -> npt.NDArray[np.bool_]:
        """Returns which channels have the family of the model, T × C.

        Args:
            shape: T × K × C, the parameters of shape.
        """
        if self.choices is None:
            return np.ones((len(shape), shape.shape[-1]), bool)
        found: npt.NDArray[np.bool_] = shape[:, -1] == self.codes
        return found

    def penalty(self, shape: Array) -> Array:
        """Returns 0.5 per parameter of shape where families are chosen, T × C, in −ln L.

        Args:
            shape: T × K × C, the parameters of shape.
        """
        if self.choices is None:
            return np.zeros((1, 1))
        return 0.5 * _N_PARAMETERS[shape[:, -1].astype(np.intp)]

    @cached_property
    def _groups(self) -> list[tuple[str, Indices, None]]:
        return [
            (one, np.nonzero([family == one for family in self.families])[0], None)
            for one in dict.fromkeys(self.families)
        ]

    def _groups_of(
        self, shape: Array
    ) -> Sequence[tuple[str, Indices, npt.NDArray[np.bool_] | None]]:
        """Returns families, the channels that have them in any set, and in which sets they do."""
        if self.choices is None:
            return self._groups
        found: list[tuple[str, Indices, npt.NDArray[np.bool_] | None]] = []
        for code, family in enumerate(FAMILIES):
            has = shape[:, -1] == code
            members = np.nonzero(has.any(axis=0))[0]
            if members.size:
                of_members = has[:, members]
                found.append((family, members, None if of_members.all() else of_members))
        return found

    def densities(
        self, x: Array, channel: Indices, shape: Array
    ) -> tuple[Array, Array, Callable[[Array, Callable[[Array], Array]], Array]]:
        """Returns the densities per GeV, their derivatives, and a sum of second derivatives.

        Args:
            x: N points in GeV.
            channel: The channel of each point, ascending.
            shape: T × K × C, the parameters of shape.

        Returns:
            Densities T × N; derivatives by the parameters T × K × N; and a function that gives,
            from weights T × N and a sum over the points of each channel, the sums over the points
            of weight times second derivative, T × K × K × C.
        """
        total, size = len(shape), self.size
        density = np.zeros((total, len(x)))
        first = np.zeros((total, size, len(x)))
        made: list[tuple[str, Indices, npt.NDArray[np.bool_] | None, Any]] = []
        groups = self._groups_of(shape)
        for family, members, has in groups:
            points = slice(None) if len(groups) == 1 else np.isin(channel, members)
            at, of = x[points], channel[points]
            order = n_shape_parameters(family)
            more: Any
            if family == "flat":
                found, slopes, more = 1 / (self.high - self.low)[of], None, None
            elif family.startswith("bernstein"):
                found, slopes, more = self._bernstein(at, of, shape[:, :order], order)
            else:
                found, slope, curve = self._exponential(
                    at, of, shape[:, 0], power=family == "power"
                )
                slopes, more = slope[:, None], (points, *curve)
            if has is not None:
                chosen = has[:, np.searchsorted(members, of)]
                found = np.where(chosen, found, density[:, points])
                if slopes is not None:
                    slopes = np.where(chosen[:, None], slopes, first[:, :order, points])
            density[:, points] = found
            if slopes is not None:
                first[:, :order, points] = slopes
                made.append((family, members, has, more))

        def second(weights: Array, sums: Callable[[Array], Array]) -> Array:
            found = np.zeros((total, size, size, shape.shape[-1]))
            for family, members, has, more in made:
                chosen = 1.0 if has is None else has
                if family.startswith("bernstein"):
                    order = n_shape_parameters(family)
                    per_term = sums(weights[:, None] * first[:, :order])[..., members]
                    terms = more[..., members]
                    for i in range(order):
                        found[:, i, i, members] += chosen * per_term[:, i]
                        for j in range(order):
                            found[:, i, j, members] -= chosen * (
                                terms[:, i] * per_term[:, j] + terms[:, j] * per_term[:, i]
                            )
                else:
                    points, from_mean, variance = more
                    curved = np.zeros_like(weights)
                    curved[:, points] = weights[:, points] * first[:, 0, points] * from_mean
                    of_shape = sums(curved) - variance * sums(weights * density)
                    found[:, 0, 0, members] += chosen * of_shape[:, members]
            return found

        return density, first, second

    def _exponential(
        self, x: Array, channel: Indices, slope: Array, *, power: bool
    ) -> tuple[Array, Array, tuple[Array, Array]]:
        """Returns density and derivative of e^{kt}, t − ⟨t⟩ at the points, the variance of t."""
        if power:  # x^k dx = e^{(k+1)t} dt with t = ln x
            # Channels of other families may have a range below 0.
            t, low, high = (np.log(np.where(one > 0, one, 1.0)) for one in (x, self.low, self.high))
            rate = slope + 1
        else:
            t, low, high, rate = x, self.low, self.high, slope
        middle, half = (low + high) / 2, (high - low) / 2
        y = rate * half
        small = np.abs(y) < 1e-3  # where the closed forms lose digits
        safe = np.where(small, 1.0, y)
        norm = 2 * half * np.where(small, 1 + y * y / 6, np.sinh(safe) / safe)
        mean = half * np.where(small, y / 3 - y**3 / 45, 1 / np.tanh(safe) - 1 / safe)
        inverse = np.where(small, 1 / 3 - y * y / 15, 1 / safe**2 - 1 / np.sinh(safe) ** 2)
        from_mean = t - middle[channel] - mean[:, channel]
        density = np.exp(rate[:, channel] * (t - middle[channel])) / norm[:, channel]
        if power:
            density /= x
        return density, density * from_mean, (from_mean, half**2 * inverse)

    def _bernstein(
        self, x: Array, channel: Indices, shape: Array, order: int
    ) -> tuple[Array, Array, Array]:
        """Returns density and derivatives, and the weights of the terms but the first."""
        width = (self.high - self.low)[channel]
        u = (x - self.low[channel]) / width
        terms = np.stack(
            [comb(order, i) * u**i * (1 - u) ** (order - i) for i in range(order + 1)]
        ) * ((order + 1) / width)  # each normalized to 1
        raised = np.concatenate([np.zeros_like(shape[:, :1]), shape], axis=1)
        powers = np.exp(raised - raised.max(axis=1, keepdims=True))
        weights = powers / powers.sum(axis=1, keepdims=True)  # T × (n + 1) × C
        density = np.einsum("tin,in->tn", weights[..., channel], terms)
        first = weights[:, 1:][..., channel] * (terms[1:] - density[:, None])
        return density, first, weights[:, 1:]
