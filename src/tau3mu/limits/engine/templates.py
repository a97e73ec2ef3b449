"""The likelihood of templates: histograms of processes with uncertain rates and shapes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tau3mu.limits.engine.effects import Effects

    Array = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.intp]

__all__ = ["Morph", "Templates"]

_TINY: Final = 1e-100  # its inverse can be squared


@dataclass(frozen=True)
class Morph:
    """What one nuisance does to the shape of one process.

    Attributes:
        nuisance: Its index.
        process: The index of the process.
        mean: Per bin, half of the difference of the templates up and down.
        curve: Per bin, half of their sum less the nominal one.
    """

    nuisance: int
    process: int
    mean: Array
    curve: Array


@dataclass(frozen=True)
class Templates:
    """C channels whose expectation is a sum of P processes in bins.

    The rate of a process is r (of signal) times a free normalization times the effects of
    nuisances. Shapes move by vertical interpolation: quadratic up to one σ, then linear, as in
    Combine.

    Attributes:
        names: Of the channels.
        bins: The number of bins of each channel.
        channel: P, the channel of each process.
        signal: P, whether it is multiplied by r.
        free: P, the index among free normalizations, −1 for none.
        counts: For each process, the entries of its bins for r = 1.
        effects: What nuisances do to the rates.
        morphs: What they do to shapes.
        n_nuisances: J.
    """

    names: Sequence[str]
    bins: Sequence[int]
    channel: Indices
    signal: npt.NDArray[np.bool_]
    free: Indices
    counts: Sequence[Array]
    effects: Effects
    n_nuisances: int
    morphs: Sequence[Morph] = field(default=())

    @cached_property
    def _begins(self) -> Indices:
        return np.cumsum([0, *self.bins])[:-1]

    @cached_property
    def nominal(self) -> Array:
        """P × M, each process in the bins of all channels."""
        found = np.zeros((len(self.channel), sum(self.bins)))
        for number, (channel, counts) in enumerate(zip(self.channel, self.counts, strict=True)):
            begin = self._begins[channel]
            found[number, begin : begin + len(counts)] = counts
        return found

    def _shapes(self, theta: Array) -> tuple[Array, list[tuple[Morph, slice, Array]]]:
        """Returns T × P × M, and for each morph its bins and the derivative by its nuisance."""
        shapes = np.broadcast_to(self.nominal, (len(theta), *self.nominal.shape))
        slopes = []
        if self.morphs:
            shapes = shapes.copy()
        for morph in self.morphs:
            t = theta[:, morph.nuisance]
            x = np.clip(t, -1, 1)
            step = x / 8 * (x * x * (3 * x * x - 10) + 15)
            slope = np.where(np.abs(t) < 1, 15 / 8 * (x * x - 1) ** 2, 0.0)
            begin = self._begins[self.channel[morph.process]]
            place = slice(begin, begin + len(morph.mean))
            shapes[:, morph.process, place] += t[:, None] * (
                morph.mean + step[:, None] * morph.curve
            )
            by = morph.mean + (step + t * slope)[:, None] * morph.curve
            slopes.append((morph, place, by))
        # A shape that would become negative ends at nothing.
        return np.maximum(shapes, 0.0) if self.morphs else shapes, slopes

    def _rates(self, globals_: Array) -> tuple[Array, Array]:
        """Returns the rates of the processes T × P, and those without the factor r."""
        theta = globals_[:, 1 : 1 + self.n_nuisances]
        base = np.exp(self.effects.logs(theta))
        if (self.free >= 0).any():
            norms = globals_[:, 1 + self.n_nuisances :]
            base = base * np.where(self.free >= 0, norms[:, self.free], 1.0)
        return np.where(self.signal, globals_[:, :1] * base, base), base

    def expected(self, globals_: Array) -> Array:
        """Returns the expected entries of the bins, T × M.

        Args:
            globals_: T × G: r, the nuisances, the free normalizations.
        """
        shapes, _ = self._shapes(globals_[:, 1 : 1 + self.n_nuisances])
        found: Array = np.einsum("tp,tpm->tm", self._rates(globals_)[0], shapes)
        return found

    def value(self, counts: Array, globals_: Array) -> Array:
        """Returns −ln L of each channel, T × C, up to terms that do not depend on parameters.

        Args:
            counts: T × M entries.
            globals_: T × G parameters.
        """
        return self._value(counts, self.expected(globals_))

    def _value(self, counts: Array, expected: Array) -> Array:
        logs = np.where(counts > 0, counts * np.log(np.maximum(expected, _TINY)), 0.0)
        found: Array = np.add.reduceat(expected - logs, self._begins, axis=-1)
        return found

    def curvature(self, counts: Array, globals_: Array) -> tuple[Array, Array, Array]:
        """Returns −ln L as `value` does, the gradient T × G and second derivatives T × G × G."""
        inner = self.n_nuisances
        theta = globals_[:, 1 : 1 + inner]
        shapes, moved = self._shapes(theta)
        rates, base = self._rates(globals_)
        slopes = self.effects.slopes(theta)  # T × J × P
        entries = rates[:, :, None] * shapes
        expected = entries.sum(axis=1)
        derivatives = np.zeros((*globals_.shape, expected.shape[-1]))
        derivatives[:, 0] = np.einsum("tp,tpm->tm", base * self.signal, shapes)
        derivatives[:, 1 : 1 + inner] = np.einsum("tjp,tpm->tjm", slopes, entries, optimize=True)
        for morph, place, by in moved:
            derivatives[:, 1 + morph.nuisance, place] += rates[:, [morph.process]] * by
        norms = globals_[:, 1 + inner :]
        for number, norm in enumerate(norms.T):
            of_norm = np.where(self.free == number, rates, 0.0) / norm[:, None]
            derivatives[:, 1 + inner + number] = np.einsum("tp,tpm->tm", of_norm, shapes)
        safe = np.maximum(expected, _TINY)
        excess = np.where(counts > 0, 1 - counts / safe, 1.0)
        gradient = np.einsum("tm,tgm->tg", excess, derivatives)
        hessian = np.einsum(
            "tm,tgm,thm->tgh", np.where(counts > 0, counts / safe**2, 0.0), derivatives,
            derivatives, optimize=True,
        )  # fmt: skip
        # Second derivatives of the log-normal factors, and of them with r.
        per_process = np.einsum("tm,tpm->tp", excess, entries)
        at = slice(1, 1 + inner)
        hessian[:, at, at] += np.einsum("tp,tip,tjp->tij", per_process, slopes, slopes,
                                        optimize=True)  # fmt: skip
        if (bends := self.effects.bends(theta)) is not None:
            one = np.arange(1, 1 + inner)
            hessian[:, one, one] += np.einsum("tp,tjp->tj", per_process, bends)
        with_r = np.einsum("tm,tpm->tp", excess, base[:, :, None] * shapes) * self.signal
        cross = np.einsum("tp,tjp->tj", with_r, slopes)
        hessian[:, 0, at] += cross
        hessian[:, at, 0] += cross
        return self._value(counts, expected), gradient, hessian
