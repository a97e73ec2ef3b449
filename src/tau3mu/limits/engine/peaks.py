"""Signal peaks of channels as normalized densities, with their derivatives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from scipy.special import erf, exprel

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.intp]

__all__ = ["HeldPeaks", "Peaks"]

_NARROWEST: Final = 0.1  # of a width, how far nuisances go
_ROOT_2: Final = np.sqrt(2.0)
_ROOT_HALF_PI: Final = np.sqrt(np.pi / 2)


class _Part(NamedTuple):
    """A shape of height 1 on the points, T × N, and its integral over the range, T × C."""

    value: Array
    slope: Array
    total: Array
    total_by_mean: Array
    total_by_width: Array


@dataclass(frozen=True)
class Peaks:
    """f · Crystal Ball + (1 − f) · Gauss with a common mean, each normalized on the range.

    Arrays of C values. A peak that is a Gaussian alone has f = 0.

    Attributes:
        low, high: The range in GeV.
        mean: In GeV.
        sigma: Width of the core of the Crystal Ball function in GeV.
        alpha: Where its tail on the left begins, in σ.
        power: The exponent of its tail, above 0.
        fraction: f.
        gauss: Width of the Gaussian in GeV.
    """

    low: Array
    high: Array
    mean: Array
    sigma: Array
    alpha: Array
    power: Array
    fraction: Array
    gauss: Array

    def densities(
        self, x: Array, channel: Indices, shift: Array, scale: Array
    ) -> tuple[Array, Array, Array]:
        """Returns the densities per GeV, and their derivatives by shift and by scale.

        Args:
            x: N points in GeV.
            channel: The channel of each point.
            shift: T × C, relative shifts of the means.
            scale: T × C, relative changes of the width: of the Crystal Ball function, or of the
                Gaussian where that is the whole peak.

        Returns:
            Three arrays T × N.
        """
        # Far from the measured values, peaks neither leave their range nor lose their widths.
        moved, stretched = self.mean * (1 + shift), 1 + scale
        mean, wide = np.clip(moved, self.low, self.high), np.maximum(stretched, _NARROWEST)
        alone = self.fraction == 0
        sigma = np.where(alone, self.sigma, self.sigma * wide)
        gauss = np.where(alone, self.gauss * wide, self.gauss)
        distance = x - mean[:, channel]
        parts = (
            (self.fraction, sigma, self._crystal_ball(distance, channel, mean, sigma)),
            (1 - self.fraction, gauss, self._gauss(distance, channel, mean, gauss)),
        )
        density = np.zeros_like(distance)
        by_mean, by_scale = np.zeros_like(distance), np.zeros_like(distance)
        for part_of_all, width, part in parts:
            if not part_of_all.any():
                continue
            height = (part_of_all / part.total)[:, channel]
            one, slope = height * part.value, height * part.slope
            density += one
            by_mean -= slope + one * (part.total_by_mean / part.total)[:, channel]
            scaled = np.where(alone, part_of_all == 1, width is sigma)
            factor = np.where(scaled, 1 / wide, 0.0)
            # d/d(ln width) of the shape is −(x − mean) times its slope
            log_norm = factor * width * part.total_by_width / part.total
            by_scale -= factor[:, channel] * distance * slope + one * log_norm[:, channel]
        by_mean *= np.where(mean == moved, self.mean, 0.0)[:, channel]
        by_scale *= (wide == stretched)[:, channel]
        return density, by_mean, by_scale

    def _crystal_ball(self, distance: Array, channel: Indices, mean: Array, sigma: Array) -> _Part:
        width = sigma[:, channel]
        z = distance / width
        value = np.exp(-0.5 * z * z)
        slope = -z / width * value
        tail = np.nonzero(z < -self.alpha[channel])
        if tail[0].size:
            alpha, power = self.alpha[channel][tail[1]], self.power[channel][tail[1]]
            base = 1 - alpha / power * (z[tail] + alpha)
            value[tail] = np.exp(-0.5 * alpha * alpha - power * np.log(base))
            slope[tail] = value[tail] * alpha / base / width[tail]
        low, high = (self.low - mean) / sigma, (self.high - mean) / sigma
        at_low, at_high = self._at(low), self._at(high)
        total = sigma * self._integral(low, high)
        by_width = total / sigma - (high * at_high - low * at_low)
        return _Part(value, slope, total, at_low - at_high, by_width)

    def _at(self, z: Array) -> Array:
        base = np.maximum(1 - self.alpha / self.power * (z + self.alpha), 1.0)
        tail = np.exp(-0.5 * self.alpha**2 - self.power * np.log(base))
        return np.where(z < -self.alpha, tail, np.exp(-0.5 * z * z))

    def _integral(self, low: Array, high: Array) -> Array:
        """Returns the integrals of Crystal Ball functions of width 1, for any exponent."""
        alpha, power = self.alpha, self.power

        def up_to_the_core(z: Array) -> Array:
            log_base = np.log(1 - alpha / power * (np.minimum(z, -alpha) + alpha))
            # (base^(1−n) − 1) / (1 − n), which is log(base) for n = 1
            whole: Array = power / alpha * log_base * exprel((1 - power) * log_base)
            return whole

        core = erf(np.maximum(high, -alpha) / _ROOT_2) - erf(np.maximum(low, -alpha) / _ROOT_2)
        tail = np.exp(-0.5 * alpha**2) * (up_to_the_core(low) - up_to_the_core(high))
        found: Array = _ROOT_HALF_PI * core + tail
        return found

    def _gauss(self, distance: Array, channel: Indices, mean: Array, width: Array) -> _Part:
        z = distance / width[:, channel]
        value = np.exp(-0.5 * z * z)
        low, high = (self.low - mean) / width, (self.high - mean) / width
        at_low, at_high = np.exp(-0.5 * low * low), np.exp(-0.5 * high * high)
        total = width * _ROOT_HALF_PI * (erf(high / _ROOT_2) - erf(low / _ROOT_2))
        by_width = total / width - (high * at_high - low * at_low)
        return _Part(value, -z / width[:, channel] * value, total, at_low - at_high, by_width)


@dataclass(frozen=True)
class HeldPeaks(Peaks):
    """Peaks that know their last densities again, for fits that do not move them."""

    last: list[tuple[Array, Array, Array, tuple[Array, Array, Array]]] = field(default_factory=list)

    def densities(
        self, x: Array, channel: Indices, shift: Array, scale: Array
    ) -> tuple[Array, Array, Array]:
        """Returns the densities and their derivatives; see `Peaks.densities`."""
        for at, moved, wide, found in self.last:
            if at is x and np.array_equal(moved, shift) and np.array_equal(wide, scale):
                return found
        found = super().densities(x, channel, shift, scale)
        self.last[:] = [(x, shift, scale, found)]
        return found
