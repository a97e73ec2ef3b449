"""The significance of an excess: √q0, its p value, and what a signal would be expected to give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import norm

from tau3mu.execution.tasks import run_tasks
from tau3mu.limits.asymptotic import profile, unconditional
from tau3mu.limits.diagnostics.ensembles import Batch, batches, share
from tau3mu.limits.engine.minimize import minimize
from tau3mu.limits.injection import injected
from tau3mu.limits.limiting import prepared
from tau3mu.limits.toys import draw

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt
    from distributed import Client

    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.engine.likelihood import Data
    from tau3mu.limits.language.model import LimitModel

    Array = npt.NDArray[np.float64]

__all__ = ["LOOK_ELSEWHERE", "Significance", "significance"]

LOOK_ELSEWHERE: Final = (
    "not included: the p value is local, for a signal at the place where the model has it"
)


@dataclass(frozen=True)
class Significance:
    """The significance of an excess over background, without a look-elsewhere effect.

    Attributes:
        data: What was tested: `observed`, `Asimov` or `toy`.
        r: The strength of the signal in data that were made, and of the expectation.
        expected: √q0 of data that are what is expected with r.
        q0: The statistic of the data: 2 Δ(−ln L) between r = 0 and the best fit, 0 below it.
        best: The best fit of r, 0 or more.
        toys: q0 of toys without signal; none without toys.
        failures: Fits of toys that have not converged, which count nowhere.
        seed: Of the toys.
        hash: Of the model and the data that were read.
        unblinded: Who read the signal windows, if anybody did.
    """

    data: str
    r: float
    expected: float
    q0: float
    best: float
    toys: Array
    failures: int
    seed: int
    hash: str
    unblinded: dict[str, Any] | None

    @property
    def z(self) -> float:
        """The significance in standard deviations, √q0."""
        return float(np.sqrt(self.q0))

    @property
    def p_value(self) -> float:
        """The probability of as much without signal, by the asymptotic formula."""
        return float(norm.sf(self.z))

    @property
    def toy_p_value(self) -> tuple[float, float] | None:
        """The same by toys, and its error; None without toys."""
        return share(self.toys, self.q0) if len(self.toys) else None

    def to_dict(self) -> dict[str, Any]:
        """Returns the content for JSON."""
        by_toys = self.toy_p_value
        return {
            "data": self.data,
            "r": self.r,
            "expected": {"z": self.expected, "p_value": float(norm.sf(self.expected))},
            "q0": self.q0,
            "z": self.z,
            "p_value": self.p_value,
            "best": self.best,
            "toys": None if by_toys is None else {
                "p_value": by_toys[0], "error": by_toys[1],
                "z": float(norm.isf(by_toys[0])) if 0 < by_toys[0] < 1 else None,
                "number": len(self.toys), "failures": self.failures, "seed": self.seed,
            },
            "look_elsewhere": LOOK_ELSEWHERE,
            "hash": self.hash,
            "unblinded": self.unblinded,
        }  # fmt: skip


@dataclass(frozen=True)
class _Shared:
    compiled: Compiled
    truth: Array
    seed: int


def significance(
    model: LimitModel | str | Path,
    *,
    channels: Sequence[str] = (),
    observed: bool = False,
    inject: float | None = None,
    toys: int = 0,
    seed: int | None = None,
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Significance:
    """Returns the significance of an excess in the data, or in data with a signal.

    Args:
        model: The model, or a file of it.
        channels: Names or patterns of channels; all by default.
        observed: Whether data in the signal windows are read. Without it, data have a signal.
        inject: The strength of that signal; `strength.start` of the model by default.
        toys: Without signal, for the p value; 0 for none.
        seed: Of the toys, 1 by default; with `inject`, data are a random experiment of it.
        workers: Processes for toys.
        client: Of a Dask cluster that makes the toys.
        progress: Is called with the number of further toys that are done, and that of all.

    Raises:
        InputError: The model or its data cannot be read, or there are too few toys.
        RunError: A fit does not converge, or a worker died.
    """
    numbers, digest, unblinded = prepared(
        model, channels=channels, observed=observed, inject=inject, seed=seed
    )
    r = numbers.model.strength.start if inject is None else inject
    asimov = injected(numbers, r).observed
    assert asimov is not None
    data = asimov if numbers.observed is None else numbers.observed
    q0, best, background = _q0(numbers, data)
    found: list[tuple[Array, int]] = []
    seed_of_toys = 1 if seed is None else seed
    if toys:
        found = run_tasks(
            _statistics, _Shared(numbers, background, seed_of_toys), batches(toys, asimov),
            workers=workers, client=client, on_result=lambda one: progress(len(one[0]), toys),
        )  # fmt: skip
    return Significance(
        "observed" if observed else "Asimov" if inject is None or seed is None else "toy",
        r, float(np.sqrt(_q0(numbers, asimov)[0])), q0, best,
        np.concatenate([one for one, _ in found]) if found else np.zeros(0),
        sum(count for _, count in found), seed_of_toys, digest, unblinded,
    )  # fmt: skip


def _q0(compiled: Compiled, data: Data) -> tuple[float, float, Array]:
    """Returns q0, the best fit of r, and the parameters of the fit without signal."""
    like = compiled.likelihood
    none = profile(like, data, np.zeros(1), like.start)
    start = none.parameters[0].copy()
    start[0] = compiled.model.strength.start
    best = unconditional(like, data, start)
    q0 = max(2 * float(none.value[0] - best.value[0]), 0.0)
    return q0, float(best.parameters[0, 0]), none.parameters[0]


def _statistics(shared: _Shared, batch: Batch) -> tuple[Array, int]:
    """Returns q0 of toys without signal, and how many fits have not converged."""
    like = shared.compiled.likelihood
    generator = np.random.default_rng([shared.seed, batch.number])
    data = draw(shared.compiled, shared.truth, batch.size, generator)
    sets = np.repeat(shared.truth[None], batch.size, axis=0)
    fixed = np.zeros(like.size, bool)
    fixed[0] = True
    none = minimize(like, data, sets, fixed=fixed, tolerance=1e-6)
    start = none.parameters.copy()
    start[:, 0] = shared.compiled.model.strength.start
    best = minimize(like, data, start, tolerance=1e-6)
    sound = none.converged & best.converged
    q0 = np.maximum(2 * (none.value - best.value), 0.0)
    return np.where(sound, q0, np.nan), int((~sound).sum())
