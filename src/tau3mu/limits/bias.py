"""Bias studies: toys of each background family, fitted with each family and with their choice.

The truth of a family is its fit to what is read of the data while blind, with a signal of known
strength. A channel that does not list a family has that of its model. r is free below 0 as far as
expectations stay positive; its pull is (r̂ − r) / σ, σ from the second derivatives at the minimum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.errors import InputError
from tau3mu.execution.tasks import run_tasks
from tau3mu.limits.compiled import background_data
from tau3mu.limits.diagnostics.fitted import lowest_strength
from tau3mu.limits.engine.backgrounds import FAMILIES
from tau3mu.limits.engine.minimize import hessian, inverted, minimize
from tau3mu.limits.limiting import prepared
from tau3mu.limits.toys import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from distributed import Client

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.language.model import LimitModel

    Array = npt.NDArray[np.float64]

__all__ = ["CHOSEN", "Bias", "BiasStudy", "bias_study"]

CHOSEN: Final = "discrete"
"""The name of fits that choose the families."""

_LEAST: Final = 20
_AT_ONCE: Final = 50
_OF_MEDIAN: Final = 1.2533  # its error over that of a mean, √(π/2)


@dataclass(frozen=True)
class Bias:
    """The pulls of r of toys of one family in fits of another.

    Attributes:
        truth: The family of the toys.
        fit: That of the fits, or `discrete`.
        pulls: Of the toys, not finite where a fit has not converged.
    """

    truth: str
    fit: str
    pulls: Array

    @property
    def median(self) -> tuple[float, float]:
        """The median pull and its statistical error."""
        sound = self.pulls[np.isfinite(self.pulls)]
        if len(sound) < 2:
            return float("nan"), float("nan")
        low, middle, high = np.quantile(sound, [0.1587, 0.5, 0.8413])
        return float(middle), float(_OF_MEDIAN * (high - low) / 2 / np.sqrt(len(sound)))

    @property
    def failures(self) -> int:
        """How many fits have not converged."""
        return int((~np.isfinite(self.pulls)).sum())


@dataclass(frozen=True)
class BiasStudy:
    """A bias study.

    Attributes:
        r: The strength of the signal in the toys.
        toys: How many there are of each family.
        seed: Of the toys.
        biases: Of each family in the toys and in the fits.
        hash: Of the model and the data that were read.
    """

    r: float
    toys: int
    seed: int
    biases: list[Bias]
    hash: str

    def to_dict(self) -> dict[str, Any]:
        """Returns the content for JSON."""
        return {
            "r": self.r, "toys": self.toys, "seed": self.seed, "hash": self.hash,
            "biases": [
                {"truth": one.truth, "fit": one.fit, "median_pull": one.median[0],
                 "error": one.median[1], "failures": one.failures}
                for one in self.biases
            ],
        }  # fmt: skip


@dataclass(frozen=True)
class _Shared:
    compiled: Compiled
    truths: Array
    families: tuple[int, ...]
    seed: int


@dataclass(frozen=True)
class _Batch:
    truth: int
    number: int
    size: int


def bias_study(
    model: LimitModel | str | Path,
    *,
    toys: int,
    inject: float = 0.0,
    channels: Sequence[str] = (),
    seed: int = 1,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> BiasStudy:
    """Returns the pulls of r in toys of each family, fitted with each and with their choice.

    Numbers depend on the seed, not on the workers. Signal windows are not read.

    Args:
        model: The model or its file, in which channels list several families.
        toys: How many are made of each family.
        inject: The strength of the signal in them.
        channels: Names or patterns of channels; all by default.
        seed: Of the toys.
        workers: Processes for toys.
        client: Of a Dask cluster that makes the toys.
        progress: Is called with the number of further toys that are done, and that of all.

    Raises:
        InputError: The model or its data cannot be read, no channel lists several families, there
            are too few toys, or the strength is negative.
        RunError: A worker died.
    """
    if toys < _LEAST:
        message = f"{toys} toys are too few for a median; expected {_LEAST} or more"
        raise InputError(message, code="limits.too-few-toys", path="toys")
    if not (inject >= 0 and np.isfinite(inject)):
        message = f"expected a signal strength of 0 or more, got {inject:g}"
        raise InputError(message, code="limits.wrong-strength", path="inject")
    numbers, digest, _ = prepared(model, channels=channels)
    spectra = numbers.likelihood.spectra
    if spectra is None or spectra.backgrounds.choices is None:
        message = (
            "no channel lists other families of backgrounds: add them in background.others, or by "
            "`python -m tau3mu.limits families`"
        )
        raise InputError(message, code="limits.one-family", path="channels")
    codes = np.nonzero(spectra.backgrounds.choices.allowed.any(axis=1))[0]
    truths = np.stack([_truth(numbers, int(code), inject) for code in codes])
    batches = [
        _Batch(truth, number, min(_AT_ONCE, toys - first))
        for truth in range(len(codes))
        for number, first in enumerate(range(0, toys, _AT_ONCE))
    ]
    found = run_tasks(
        _pulls, _Shared(numbers, truths, tuple(map(int, codes)), seed), batches, workers=workers,
        client=client, on_result=lambda one: progress(one.shape[1], toys * len(codes)),
    )  # fmt: skip
    names = [FAMILIES[code] for code in codes]
    biases = []
    for row, truth in enumerate(names):
        pulls = np.concatenate(
            [part for part, one in zip(found, batches, strict=True) if one.truth == row], axis=1
        )
        biases += [Bias(truth, fit, of) for fit, of in zip([*names, CHOSEN], pulls, strict=True)]
    return BiasStudy(inject, toys, seed, biases, digest)


def _with_family(compiled: Compiled, sets: Array, code: int) -> Array:
    """Returns sets with a family where channels list it, and that of the model elsewhere."""
    like = compiled.likelihood
    assert like.spectra is not None
    choices = like.spectra.backgrounds.choices
    assert choices is not None
    of = np.where(choices.allowed[code], code, like.spectra.backgrounds.codes).astype(np.intp)
    locals_ = like.locals(sets).copy()
    locals_[:, 1:-1] = choices.start[of, :, np.arange(len(of))].T
    locals_[:, -1] = of
    return np.concatenate([sets[:, : like.n_globals], locals_.reshape(len(sets), -1)], axis=1)


def _held(compiled: Compiled, *, shared: bool) -> npt.NDArray[np.bool_]:
    """Returns flags that fix the families, and all that channels share if asked for."""
    like = compiled.likelihood
    fixed = np.zeros(like.size, bool)
    fixed[-like.n_spectra :] = True
    fixed[: like.n_globals] |= shared
    return fixed


def _truth(compiled: Compiled, code: int, r: float) -> Array:
    like, (data, _) = compiled.likelihood, background_data(compiled)
    start = like.start[None].copy()
    start[:, 0] = 0.0
    start = _with_family(compiled, start, code)
    truth: Array = minimize(like, data, start, fixed=_held(compiled, shared=True)).parameters[0]
    truth[0] = r
    return truth


def _pulls(shared: _Shared, batch: _Batch) -> Array:
    """Returns pulls of r, (families + 1) × toys."""
    compiled, like = shared.compiled, shared.compiled.likelihood
    truth = shared.truths[batch.truth]
    generator = np.random.default_rng([shared.seed, batch.truth, batch.number])
    data = draw(compiled, truth, batch.size, generator)
    sets = np.repeat(truth[None], batch.size, axis=0)
    found = np.full((len(shared.families) + 1, batch.size), np.nan)
    for row, code in enumerate((*shared.families, None)):
        fixed = None if code is None else _held(compiled, shared=False)
        start = sets if code is None else _with_family(compiled, sets, code)
        low = like.low.copy()
        low[0] = lowest_strength(compiled, start[0])
        best = minimize(like, data, start, fixed=fixed, low=low, tolerance=1e-6)
        at = best.parameters
        free = (at > low) & (at < like.high)
        free[:, 0] = True
        variance = inverted(hessian(like, data, at), free)[:, 0, 0]
        sound = best.converged & (variance > 0)
        found[row, sound] = (at[sound, 0] - truth[0]) / np.sqrt(variance[sound])
    return found
