"""Discrete profiling: the minimum of −ln L over the families of backgrounds as well.

With the parameters that channels share given, the best family of each channel can be found on its
own: F fits of the backgrounds in place of F to the power of the channels. That choice and the fit
of all parameters alternate until no family changes; each step can only lower −ln L, so they end.
They start from the families where the fit starts and from those that suit the parameters there; the
lower minimum counts. The number of a channel's family in `FAMILIES` is the last of its parameters.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.limits.engine.descent import Minimum, descend
from tau3mu.limits.engine.peaks import HeldPeaks

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.engine.backgrounds import Choices
    from tau3mu.limits.engine.likelihood import Data, Likelihood

    Array = npt.NDArray[np.float64]
    Flags = npt.NDArray[np.bool_]
    Indices = npt.NDArray[np.intp]

__all__ = ["over_families"]

_MOST_PASSES: Final = 30
_BETTER: Final = 1e-6  # by what −ln L of a channel has to fall for another family


def over_families(
    likelihood: Likelihood, data: Data, start: Array, held: Flags, low: Array, high: Array,
    tolerance: float,
) -> Minimum:  # fmt: skip
    """Returns the minimum of each of T sets over parameters and families.

    Args:
        likelihood: With `choices` of backgrounds.
        data: Of T experiments.
        start: T × parameters, where fits start and what fixed parameters are.
        held: T × parameters, which are not changed; with a parameter of shape held, so is the
            family of the channel.
        low: T × parameters, the lower bounds; those of shapes are those of the families.
        high: T × parameters, the upper bounds, likewise.
        tolerance: The expected distance to the minimum in −ln L at which a fit ends.
    """
    search = _Search(likelihood, held, low, high, tolerance)
    every = np.arange(len(start))
    if not search.may_change.any():
        return search.fit(data, start, every)
    suited = search.chosen(data, start, every)
    if held[:, : likelihood.n_globals].all():  # nothing depends on what is chosen elsewhere
        return search.fit(data, suited, every)
    found = search.settled(data, suited, every)
    channels = likelihood.n_spectra
    other = np.nonzero((suited[:, -channels:] != start[:, -channels:]).any(axis=1))[0]
    if not other.size:
        return found
    second = search.settled(data, start[other], other)
    return _replaced(found, other, _lower(found[other], second))


class _Search:
    """The steps of discrete profiling, for the same bounds and fixed parameters."""

    def __init__(
        self, likelihood: Likelihood, held: Flags, low: Array, high: Array, tolerance: float
    ) -> None:
        assert likelihood.spectra is not None
        assert likelihood.spectra.backgrounds.choices is not None
        self._likelihood, self._tolerance = likelihood, tolerance
        self._choices: Choices = likelihood.spectra.backgrounds.choices
        peaks = likelihood.spectra.peaks
        same = HeldPeaks(**{one.name: getattr(peaks, one.name) for one in fields(peaks)})
        self._held_likelihood = replace(likelihood, spectra=replace(likelihood.spectra, peaks=same))
        self._low, self._high = low, high
        shape = (len(held), likelihood.n_locals, likelihood.n_spectra)
        shapes = held[:, likelihood.n_globals :].reshape(shape)[:, 1:]
        self.may_change: Flags = np.logical_not(np.any(shapes, axis=1))
        self._held = held.copy()
        self._held[:, -likelihood.n_spectra :] = True
        # Where the shapes of each family were when they were last fitted, F × T × K × C.
        started = self._choices.start[:, None]
        self._shapes = np.repeat(started, len(held), axis=1)

    def fit(self, data: Data, sets: Array, which: Indices, *, shared: bool = True) -> Minimum:
        """Returns the fits of some sets with the families that they have."""
        held, likelihood = self._held[which], self._likelihood
        if not shared:
            held, likelihood = held.copy(), self._held_likelihood
            held[:, : likelihood.n_globals] = True
        low, high = self._bounds(sets, which)
        return descend(likelihood, data[which], sets, held, low, high, self._tolerance)

    def settled(self, data: Data, sets: Array, which: Indices) -> Minimum:
        """Returns fits whose families are the best ones for their parameters."""
        found = self.fit(data, sets, which)
        active = np.arange(len(which))
        for _ in range(_MOST_PASSES):
            at = found.parameters[active]
            better = self.chosen(data, at, which[active])
            channels = self._likelihood.n_spectra
            changed = (better[:, -channels:] != at[:, -channels:]).any(axis=1)
            active, better = active[changed], better[changed]
            if not active.size:
                break
            again = self.fit(data, better, which[active])
            lower = again.value < found.value[active] - self._tolerance
            found = _replaced(found, active[lower], again[np.nonzero(lower)[0]])
            active = active[lower]
        return found

    def chosen(self, data: Data, sets: Array, which: Indices) -> Array:
        """Returns some sets with the best families for their globals, and backgrounds of those."""
        likelihood, part = self._likelihood, data[which]
        best = self._split(sets).copy()
        current = best[:, -1].copy()
        lowest = np.full(current.shape, np.inf)
        for code, allowed in enumerate(self._choices.allowed):
            tried = self.may_change[which] & allowed
            if not tried.any():
                continue
            trial = self._split(sets).copy()
            another = tried & (current != code)
            shapes = self._shapes[code, which]
            trial[:, 1:-1] = np.where(another[:, None], shapes, trial[:, 1:-1])
            trial[:, -1] = np.where(tried, code, current)
            fit = self.fit(data, self._joined(sets, trial), which, shared=False)
            value = likelihood.per_channel(fit.parameters, part)[:, : likelihood.n_spectra]
            value = np.where(tried, value - _BETTER * (current == code), np.inf)
            fitted = self._split(fit.parameters)
            self._shapes[code, which] = np.where(tried[:, None], fitted[:, 1:-1], shapes)
            better = value < lowest
            best = np.where(better[:, None], fitted, best)
            lowest = np.where(better, value, lowest)
        return self._joined(sets, best)

    def _split(self, sets: Array) -> Array:
        return self._likelihood.locals(sets)

    def _joined(self, sets: Array, locals_: Array) -> Array:
        globals_ = sets[:, : self._likelihood.n_globals]
        return np.concatenate([globals_, locals_.reshape(len(sets), -1)], axis=1)

    def _bounds(self, sets: Array, which: Indices) -> tuple[Array, Array]:
        codes = self._split(sets)[:, -1].astype(np.intp)
        channels = np.arange(codes.shape[1])
        ends = []
        for whole, of_family in ((self._low, self._choices.low), (self._high, self._choices.high)):
            edges = whole[which]
            locals_ = self._split(edges).copy()
            locals_[:, 1:-1] = of_family[codes, :, channels].transpose(0, 2, 1)
            ends.append(self._joined(edges, locals_))
        return ends[0], ends[1]


def _replaced(minimum: Minimum, at: Indices, others: Minimum) -> Minimum:
    parts = []
    for one in fields(Minimum):
        values = getattr(minimum, one.name).copy()
        values[at] = getattr(others, one.name)
        parts.append(values)
    return Minimum(*parts)


def _lower(first: Minimum, second: Minimum) -> Minimum:
    """Returns the lower of two minima of each set, one that has converged if there is one."""
    better = (second.value < first.value) & (second.converged | ~first.converged)
    better |= second.converged & ~first.converged
    at = np.nonzero(better)[0]
    return _replaced(first, at, second[at])
