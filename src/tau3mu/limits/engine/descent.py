"""Minimization of −ln L for many sets of parameters or experiments at once.

Newton steps with damping (Levenberg, Marquardt), in which the backgrounds of the channels are
eliminated: of the whole matrix of second derivatives, only the part of the parameters that
channels share has to be solved, and one small block per channel. Bounds hold parameters that the
gradient pushes outward.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.engine.likelihood import Data, Likelihood
    from tau3mu.limits.engine.spectra import Curvature

    Array = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]

__all__ = ["Minimum", "descend"]

_MOST_STEPS: Final = 300
_MOST_TRIALS: Final = 16
_LEAST_DAMPING: Final = 1e-9
_FIRST_DAMPING: Final = 1e-4
_MORE: Final = 10.0
_ROUNDING: Final = 4e-16
_CLIP: Final = 1e-9  # smallest eigenvalue of a channel's block, over the largest


@dataclass(frozen=True)
class Minimum:
    """The minima of T sets.

    Attributes:
        parameters: T × parameters.
        value: T values of −ln L.
        converged: Whether the expected distance to the minimum is below the tolerance.
        distance: That distance, in units of −ln L.
        steps: How many there were.
    """

    parameters: Array
    value: Array
    converged: Flags
    distance: Array
    steps: npt.NDArray[np.intp]

    def __getitem__(self, which: npt.NDArray[np.intp]) -> Minimum:
        """Returns some of the minima."""
        return Minimum(*(getattr(self, one.name)[which] for one in fields(self)))

    def joined(self, other: Minimum) -> Minimum:
        """Returns these minima and others.

        Args:
            other: Follow these.
        """
        return Minimum(*(np.concatenate([getattr(self, one.name), getattr(other, one.name)])
                         for one in fields(self)))  # fmt: skip


def descend(
    likelihood: Likelihood, data: Data, start: Array, held: Flags, low: Array, high: Array,
    tolerance: float,
) -> Minimum:  # fmt: skip
    """Returns the minimum of each of T sets, with the families of backgrounds as they are.

    Args:
        likelihood: What is minimized.
        data: Of T experiments.
        start: T × parameters, where fits start and what fixed parameters are.
        held: T × parameters, which are not changed.
        low: T × parameters, the lower bounds.
        high: T × parameters, the upper bounds.
        tolerance: The expected distance to the minimum in −ln L at which a fit ends.
    """
    total = len(start)
    parameters = np.where(held, start, np.clip(start, low, high))
    value = np.full(total, np.inf)
    distance = np.full(total, np.inf)
    steps = np.zeros(total, np.intp)
    damping = np.full(total, _FIRST_DAMPING)
    active = np.arange(total)
    for _ in range(_MOST_STEPS):
        if not active.size:
            break
        here, part = parameters[active], data[active]
        found = likelihood.curvature(here, part)
        value[active] = found.value[:, 0]
        gradient = np.concatenate(
            [found.by_globals, found.by_locals.reshape(len(here), -1)], axis=1
        )
        free = ~(
            held[active]
            | ((here <= low[active]) & (gradient > 0))
            | ((here >= high[active]) & (gradient < 0))
        )
        blocks = _Blocks(found, free)
        moved, waiting = np.zeros(len(active), bool), np.arange(len(active))
        for trial in range(_MOST_TRIALS):
            step, expected = blocks.step(waiting, damping[active[waiting]])
            if trial == 0:
                distance[active] = np.where(expected >= 0, expected, np.inf)
            there = here[waiting] + step
            there = np.clip(there, low[active[waiting]], high[active[waiting]])
            there = np.where(free[waiting], there, here[waiting])
            now, before = likelihood.value(there, part[waiting]), value[active[waiting]]
            good = (expected >= 0) & (now <= before + _ROUNDING * np.abs(before))
            parameters[active[waiting[good]]] = there[good]
            moved[waiting[good]] = True
            better, worse = active[waiting[good]], active[waiting[~good]]
            damping[better] = np.maximum(damping[better] / _MORE, _LEAST_DAMPING)
            damping[worse] = np.maximum(damping[worse], _FIRST_DAMPING) * _MORE
            waiting = waiting[~good]
            if not waiting.size:
                break
        steps[active] += 1
        active = active[(distance[active] >= tolerance) & moved]
    return Minimum(parameters, value, distance < tolerance, distance, steps)


class _Blocks:
    """The equations of a Newton step, with fixed parameters taken out."""

    def __init__(self, found: Curvature, free: Flags) -> None:
        size = found.by_globals.shape[1]
        shape = found.by_locals.shape
        self._free, self._free_locals = free[:, :size], free[:, size:].reshape(shape)
        self._gradient = np.where(self._free, found.by_globals, 0.0)
        self._local_gradient = np.where(self._free_locals, found.by_locals, 0.0)
        both = self._free[:, :, None] & self._free[:, None, :]
        self._globals = np.where(both, found.globals, 0.0)
        mixed = self._free[:, :, None, None] & self._free_locals[:, None]
        self._mixed = np.where(mixed, found.mixed, 0.0)
        local = self._free_locals[:, :, None] & self._free_locals[:, None]
        self._locals = np.where(local, found.locals, 0.0).transpose(0, 3, 1, 2)  # T × C × L × L

    def step(self, which: npt.NDArray[np.intp], damping: Array) -> tuple[Array, Array]:
        """Returns the steps of some sets, and by how much −ln L is expected to fall."""
        gradient, local_gradient = self._gradient[which], self._local_gradient[which]
        mixed = self._mixed[which]
        inverse = self._inverse(which, damping)  # T × C × L × L
        along = np.einsum("tgac,tcab->tgbc", mixed, inverse, optimize=True)
        shared = self._globals[which]
        at = np.arange(shared.shape[1])
        diagonal = shared[:, at, at]
        damped = diagonal + damping[:, None] * np.abs(diagonal)
        shared[:, at, at] = np.where(self._free[which], damped, 1.0)
        flat = shared[:, at, at] == 0  # without effect on anything
        shared[:, at, at] += flat
        reduced = shared - np.einsum("tgbc,thbc->tgh", along, mixed, optimize=True)
        right = np.einsum("tgbc,tbc->tg", along, local_gradient, optimize=True) - gradient
        try:
            of_globals = np.linalg.solve(reduced, right[..., None])[..., 0]
        except np.linalg.LinAlgError:
            of_globals = np.stack(
                [np.linalg.lstsq(one, other, rcond=None)[0]
                 for one, other in zip(reduced, right, strict=True)]
            )  # fmt: skip
        remaining = local_gradient + np.einsum("tgbc,tg->tbc", mixed, of_globals, optimize=True)
        of_locals = -np.einsum("tcab,tbc->tac", inverse, remaining, optimize=True)
        expected = -0.5 * (
            np.einsum("tg,tg->t", gradient, of_globals)
            + np.einsum("tac,tac->t", local_gradient, of_locals)
        )
        return np.concatenate([of_globals, of_locals.reshape(len(which), -1)], axis=1), expected

    def _inverse(self, which: npt.NDArray[np.intp], damping: Array) -> Array:
        """Returns the inverse blocks of the channels, made positive definite where they are not."""
        locals_ = self._locals[which]
        if not locals_.size:
            return locals_
        at = np.arange(locals_.shape[-1])
        diagonal = locals_[..., at, at]
        scale = 1 / np.sqrt(np.where(diagonal == 0, 1.0, np.abs(diagonal)))
        scaled = locals_ * scale[..., :, None] * scale[..., None, :]
        free = self._free_locals[which].transpose(0, 2, 1) & (diagonal != 0)
        scaled[..., at, at] = np.where(free, np.abs(scaled[..., at, at]), 1.0)
        scaled[..., at, at] += damping[:, None, None]
        if scaled.shape[-1] == 2:
            off = scaled[..., 0, 1]
            a, d = scaled[..., 0, 0], scaled[..., 1, 1]
            off = np.where(off * off < (1 - _CLIP) * a * d, off, 0.0)
            determinant = a * d - off * off
            inverse = np.empty_like(scaled)
            inverse[..., 0, 0], inverse[..., 1, 1] = d / determinant, a / determinant
            inverse[..., 0, 1] = inverse[..., 1, 0] = -off / determinant
        else:
            values, vectors = np.linalg.eigh(scaled)
            values = np.maximum(values, _CLIP * values[..., -1:])
            inverse = np.einsum("tcak,tck,tcbk->tcab", vectors, 1 / values, vectors, optimize=True)
        both: Array = scale[..., :, None] * scale[..., None, :]
        return np.where(free[..., :, None] & free[..., None, :], inverse * both, 0.0)
