"""The likelihood of mass spectra: a peak over a free background in each channel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    from tau3mu.limits.engine.backgrounds import Backgrounds
    from tau3mu.limits.engine.effects import Effects
    from tau3mu.limits.engine.peaks import Peaks
    from tau3mu.limits.engine.points import Points

    Array = npt.NDArray[np.float64]

__all__ = ["Curvature", "Spectra"]

_TINY: Final = 1e-100  # its inverse can be squared


class Curvature(NamedTuple):
    """A part of the likelihood to second order.

    Attributes:
        value: T × C, −ln L of each channel.
        by_globals: T × G.
        by_locals: T × L × C, by the parameters of each channel's background.
        globals: T × G × G, second derivatives.
        mixed: T × G × L × C.
        locals: T × L × L × C.
    """

    value: Array
    by_globals: Array
    by_locals: Array
    globals: Array
    mixed: Array
    locals: Array


@dataclass(frozen=True)
class Spectra:
    """C channels with the extended likelihood of r · s(θ) · peak(θ) + B · background.

    The parameters of the background of a channel are its yield B and those of its shape.

    Attributes:
        names: Of the channels.
        peaks: The signal peaks.
        backgrounds: The shapes of the background.
        yields: Signal yields for r = 1.
        effects: What nuisances do to the signal yields.
        on_mean, on_width: J × C, relative shifts of mean and width by one σ of a nuisance.
        centers, widths: L × C, means and standard deviations of constraints of the background's
            parameters; the width is infinite where there is none.
    """

    names: Sequence[str]
    peaks: Peaks
    backgrounds: Backgrounds
    yields: Array
    effects: Effects
    on_mean: Array
    on_width: Array
    centers: Array
    widths: Array

    @property
    def n_locals(self) -> int:
        """L, the number of parameters of a channel's background."""
        return 1 + self.backgrounds.size

    @cached_property
    def _moves(self) -> bool:
        return bool(self.on_mean.any() or self.on_width.any())

    def constrained(self, locals_: Array) -> npt.NDArray[np.bool_]:
        """Returns which parameters are constrained, T × L × C: those of shape in their family only.

        Args:
            locals_: T × L × C, yields and shapes of the backgrounds.
        """
        found = np.broadcast_to(np.isfinite(self.widths), locals_.shape)
        if self.backgrounds.choices is None:
            return found
        own = np.repeat(self.backgrounds.own(locals_[:, 1:])[:, None], self.n_locals, axis=1)
        own[:, 0] = True
        return found & own

    def expected(self, points: Points, strength: Array, theta: Array, locals_: Array) -> Array:
        """Returns the expected entries of each bin, T × N (densities per GeV for single masses).

        Args:
            points: The bins.
            strength: T values of r.
            theta: T × J, the nuisances.
            locals_: T × L × C, yields and shapes of the backgrounds.
        """
        signal, background = self.parts(points, strength, theta, locals_)
        return signal + background

    def parts(
        self, points: Points, strength: Array, theta: Array, locals_: Array
    ) -> tuple[Array, Array]:
        """Returns the expected entries of signal and background in each bin; see `expected`."""
        signal = strength[:, None] * self.yields * np.exp(self.effects.logs(theta))
        channel = points.channel
        peak, _, _ = self.peaks.densities(
            points.x, channel, theta @ self.on_mean, theta @ self.on_width
        )
        shape, _, _ = self.backgrounds.densities(points.x, channel, locals_[:, 1:])
        return (
            points.binned(signal[:, channel] * peak),
            points.binned(locals_[:, 0][:, channel] * shape),
        )

    def value(
        self, points: Points, counts: Array, parameters: tuple[Array, Array, Array], center: Array
    ) -> Array:
        """Returns −ln L of each channel, T × C, without the terms that do not depend on parameters.

        Args:
            points: The bins.
            counts: T × N entries of the bins.
            parameters: r (T), θ (T × J), and those of the backgrounds (T × L × C).
            center: T × L × C, the measured values to which parameters are constrained.
        """
        strength, theta, locals_ = parameters
        expected = self.expected(points, strength, theta, locals_)
        signal = strength[:, None] * self.yields * np.exp(self.effects.logs(theta))
        sums = np.add.reduceat(
            np.where(counts > 0, counts * np.log(np.maximum(expected, _TINY)), 0.0),
            points.starts(len(self.names)),
            axis=-1,
        )
        whole = signal + locals_[:, 0]
        if points.partial:
            whole = np.add.reduceat(expected, points.starts(len(self.names)), axis=-1)
        pulls = np.where(self.constrained(locals_), (locals_ - center) / self.widths[None], 0.0)
        found: Array = whole - sums + 0.5 * (pulls**2).sum(axis=1)
        return found + self.backgrounds.penalty(locals_[:, 1:])

    def curvature(
        self, points: Points, counts: Array, parameters: tuple[Array, Array, Array], center: Array
    ) -> Curvature:
        """Returns −ln L with its first and second derivatives; see `value`.

        Second derivatives of the peak by its nuisances are left out: they are small, and change
        the way to the minimum but not the minimum.
        """
        strength, theta, locals_ = parameters
        channel, starts = points.channel, points.starts(len(self.names))
        total, n_locals = len(theta), self.n_locals

        def sums(values: Array) -> Array:
            return np.add.reduceat(values, starts, axis=-1)

        rate = self.yields * np.exp(self.effects.logs(theta))
        signal, background = strength[:, None] * rate, locals_[:, 0]
        peak, by_mean, by_width = self.peaks.densities(
            points.x, channel, theta @ self.on_mean, theta @ self.on_width
        )
        shape, by_shape, second = self.backgrounds.densities(points.x, channel, locals_[:, 1:])
        of_signal, of_background = signal[:, channel], background[:, channel]
        expected = np.maximum(points.binned(of_signal * peak + of_background * shape), _TINY)
        derivatives = np.empty((total, 3 + n_locals, expected.shape[-1]))
        derivatives[:, 0] = points.binned(peak)
        derivatives[:, 1:3] = 0
        if self._moves:
            derivatives[:, 1] = points.binned(of_signal * by_mean)
            derivatives[:, 2] = points.binned(of_signal * by_width)
        derivatives[:, 3] = points.binned(shape)
        derivatives[:, 4:] = points.binned(of_background[:, None] * by_shape)
        ratio = counts / expected
        if points.partial:
            gradient = sums((1 - ratio)[:, None] * derivatives)
            whole = sums(expected)
        else:
            gradient = -sums(ratio[:, None] * derivatives)
            gradient[:, [0, 3]] += 1
            whole = signal + background
        size = 3 + n_locals
        weighted = (ratio / expected)[:, None] * derivatives
        hessian = np.empty((total, size, size, len(self.names)))
        for i in range(size):
            for j in range(i, size):
                hessian[:, i, j] = hessian[:, j, i] = sums(weighted[:, i] * derivatives[:, j])
        at_points, sums_of_points = _at_points(
            points, ratio - 1 if points.partial else ratio, sums, len(self.names)
        )
        mixed = sums_of_points(at_points[:, None] * by_shape)
        hessian[:, 3, 4:] -= mixed
        hessian[:, 4:, 3] -= mixed
        hessian[:, 4:, 4:] -= background[:, None, None] * second(at_points, sums_of_points)
        inverse = np.where(self.constrained(locals_), 1 / self.widths[None] ** 2, 0.0)
        pulls = locals_ - center
        gradient[:, 3:] += pulls * inverse
        diagonal = np.arange(3, size)
        hessian[:, diagonal, diagonal] += inverse
        value = whole + 0.5 * (pulls**2 * inverse).sum(axis=1)
        value -= sums(np.where(counts > 0, counts * np.log(expected), 0.0))
        value += self.backgrounds.penalty(locals_[:, 1:])
        return self._in_globals(value, gradient, hessian, rate, signal, theta)

    def _in_globals(
        self, value: Array, gradient: Array, hessian: Array, rate: Array, signal: Array,
        theta: Array,
    ) -> Curvature:  # fmt: skip
        """Maps derivatives by signal yield, mean and width to those by r and θ."""
        by_theta = self.effects.slopes(theta)  # T × J × C, of ln s
        total, n_nuisances, channels = by_theta.shape
        inner = np.zeros((total, 3, 1 + n_nuisances, channels))
        inner[:, 0, 0] = rate
        inner[:, 0, 1:] = signal[:, None] * by_theta
        inner[:, 1, 1:] = self.on_mean
        inner[:, 2, 1:] = self.on_width
        by_globals = np.einsum("tac,tagc->tg", gradient[:, :3], inner)
        half = np.einsum("tabc,tbhc->tahc", hessian[:, :3, :3], inner, optimize=True)
        globals_ = np.einsum("tagc,tahc->tgh", inner, half, optimize=True)
        by_yield = gradient[:, 0]
        cross = np.einsum("tc,tjc->tj", by_yield * rate, by_theta)
        globals_[:, 0, 1:] += cross
        globals_[:, 1:, 0] += cross
        globals_[:, 1:, 1:] += np.einsum(
            "tc,tic,tjc->tij", by_yield * signal, by_theta, by_theta, optimize=True
        )
        if (bends := self.effects.bends(theta)) is not None:
            at = np.arange(1, 1 + n_nuisances)
            globals_[:, at, at] += np.einsum("tc,tjc->tj", by_yield * signal, bends)
        mixed = np.einsum("tagc,tabc->tgbc", inner, hessian[:, :3, 3:], optimize=True)
        return Curvature(value, by_globals, gradient[:, 3:], globals_, mixed, hessian[:, 3:, 3:])


def _at_points(
    points: Points, ratio: Array, sums: Callable[[Array], Array], channels: int
) -> tuple[Array, Callable[[Array], Array]]:
    """Returns weights of points from those of their bins, and the sum over points of channels."""
    if points.bins is None:
        return ratio * points.weight, sums
    lengths = np.diff(np.append(points.bins, len(points.x)))
    first = np.searchsorted(points.channel, np.arange(channels))

    def of_points(values: Array) -> Array:
        return np.add.reduceat(values, first, axis=-1)

    return np.repeat(ratio, lengths, axis=-1) * points.weight, of_points
