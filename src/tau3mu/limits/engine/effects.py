"""What nuisances do to yields: log-normal factors, also with two values of κ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]

__all__ = ["Effects"]


@dataclass(frozen=True)
class Effects:
    """Factors κ^θ of C yields for J nuisances.

    With two values, θ > 0 has that of one σ up and θ < 0 that of one σ down; between −½ and ½ a
    polynomial joins them smoothly, the same as that of Combine.

    Attributes:
        up: J × C, ln κ of one σ up.
        down: J × C, −ln κ of one σ down, which is the same for a single κ.
    """

    up: Array
    down: Array

    @cached_property
    def _mean(self) -> Array:
        return (self.up + self.down) / 2

    @cached_property
    def _difference(self) -> Array | None:
        half = (self.up - self.down) / 2
        return half if half.any() else None

    def logs(self, theta: Array) -> Array:
        """Returns the logarithms of the factors, T × C.

        Args:
            theta: T × J, the nuisances.
        """
        found: Array = theta @ self._mean
        if self._difference is not None:
            step, _ = _smooth_step(theta)
            found = found + (theta * step) @ self._difference
        return found

    def slopes(self, theta: Array) -> Array:
        """Returns the derivatives of the logarithms by the nuisances, T × J × C.

        Args:
            theta: T × J, the nuisances.
        """
        if self._difference is None:
            return np.broadcast_to(self._mean, (len(theta), *self._mean.shape))
        step, slope = _smooth_step(theta)
        found: Array = self._mean + (step + theta * slope)[:, :, None] * self._difference
        return found

    def bends(self, theta: Array) -> Array | None:
        """Returns the second derivatives, each by one nuisance twice; None where all are 0.

        Args:
            theta: T × J, the nuisances.
        """
        if self._difference is None:
            return None
        _, slope = _smooth_step(theta)
        x = np.clip(2 * theta, -1, 1)
        # θ · step has 2 · slope + θ · the slope of the slope.
        found: Array = (2 * slope + theta * 30 * x * (x * x - 1))[:, :, None] * self._difference
        return found


def _smooth_step(theta: Array) -> tuple[Array, Array]:
    """Returns a function that goes from −1 to 1 between −½ and ½, and its slope."""
    x = np.clip(2 * theta, -1, 1)
    value = x / 8 * (x * x * (3 * x * x - 10) + 15)
    slope = np.where(np.abs(theta) < 0.5, 2 * 15 / 8 * (x * x - 1) ** 2, 0.0)
    return value, slope
