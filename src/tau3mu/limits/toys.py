"""Limits by toys: the distributions of q̃ with and without signal, as experiments would give it.

A toy is an experiment of the model: entries of all bins are drawn from their expectation, and the
measured values of nuisances and of constrained background parameters are drawn about their true
values, as other measurements would give them. True values are those of the fit to the data with
the tested r, or those of the model where the data are blind. Each toy is fitted twice for each
tested r: with free r, 0 or more, and with that r.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from tau3mu.errors import InputError, RunError
from tau3mu.execution.tasks import run_tasks
from tau3mu.limits.asymptotic import QUANTILES, profile
from tau3mu.limits.engine.likelihood import Data
from tau3mu.limits.engine.minimize import minimize

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy.typing as npt
    from distributed import Client

    from tau3mu.limits.asymptotic import Asymptotic
    from tau3mu.limits.compiled import Compiled
    from tau3mu.limits.engine.likelihood import Likelihood

    Array = npt.NDArray[np.float64]

__all__ = ["RECIPE", "ToyLimits", "check_toys", "draw", "toy_limits"]

RECIPE: Final = (
    "LHC: q̃, nuisances and constrained background parameters drawn as external measurements about "
    "their values in the fit with the tested r"
)
_BINS_AT_ONCE: Final = 60_000
"""Bins of all toys that are fitted together, so that the arrays stay in the cache."""
_TOLERANCE: Final = 1e-6
_TIE: Final = 1e-5
"""Values of q̃ that differ by less are the same: fits end that near to their minimum."""
_NEAR: Final = 2  # points between which a limit is interpolated
_NEXT: Final = 0.1  # tested values of r that are nearer, in ln r, are as good as one
_OUTSIDE: Final = 2.0
_MOST_TOYS: Final = 100  # times the number to begin with


@dataclass(frozen=True)
class ToyLimits:
    """Limits by toys, in units of r.

    Attributes:
        cl: The confidence level.
        expected: By quantile, and its statistical error.
        observed: The observed limit and its statistical error, None without data.
        r: The tested values.
        cls: CLs of each: by quantile, and `observed`.
        toys: With signal and without, at each r.
        failures: Fits that have not converged, whose toys count nowhere.
        seed: Of the random numbers.
        stop: The relative error of the median at which they end; None if their number was given.
        recipe: How toys are made.
    """

    cl: float
    expected: dict[int, tuple[float, float]]
    observed: tuple[float, float] | None
    r: Array
    cls: dict[str, Array]
    toys: int
    failures: int
    seed: int
    stop: float | None = None
    recipe: str = RECIPE

    @property
    def relative_error(self) -> float:
        """The statistical error of the expected median, over it."""
        limit, error = self.expected[0]
        return error / limit


@dataclass(frozen=True)
class _Batch:
    """Toys that are fitted together: `r_true` is the index of their truth, -1 for none."""

    truth: int
    number: int
    size: int
    tested: tuple[float, ...]


@dataclass(frozen=True)
class _Shared:
    likelihood: Likelihood
    compiled: Compiled
    truths: Array
    seed: int


def draw(compiled: Compiled, truth: Array, size: int, generator: np.random.Generator) -> Data:
    """Returns toys of a truth.

    Args:
        compiled: The model.
        truth: One set of parameters.
        size: How many.
        generator: Of random numbers.
    """
    like, sets = compiled.likelihood, truth[None]
    spectra = np.zeros((size, 0))
    if like.spectra:
        assert compiled.coarse is not None
        expected = like.spectra.expected(
            compiled.coarse, sets[:, 0], like.theta(sets), like.locals(sets)
        )[0]
        spectra = generator.poisson(expected, (size, len(expected))).astype(np.float64)
    templates = np.zeros((size, 0))
    if like.templates:
        expected = like.templates.expected(sets[:, : like.n_globals])[0]
        templates = generator.poisson(expected, (size, len(expected))).astype(np.float64)
    theta = like.theta(sets)[0]
    nuisances = generator.normal(theta, 1.0, (size, len(theta)))
    centers = np.repeat(compiled.centers(1), size, axis=0)
    if like.spectra:
        widths, values = like.spectra.widths, like.locals(sets)[0]
        known = like.spectra.constrained(values[None])[0]
        centers[:, known] = generator.normal(values[known], widths[known], (size, known.sum()))
    return Data(compiled.coarse, spectra, templates, nuisances, centers)


def _statistics(shared: _Shared, batch: _Batch) -> tuple[Array, int]:
    """Returns q̃ of the toys for each tested r, and how many fits have not converged."""
    like, truth = shared.likelihood, shared.truths[batch.truth]
    generator = np.random.default_rng([shared.seed, batch.truth, batch.number])
    data = draw(shared.compiled, truth, batch.size, generator)
    start = np.repeat(truth[None], batch.size, axis=0)
    free = minimize(like, data, start, tolerance=_TOLERANCE)
    fixed = np.zeros(like.size, bool)
    fixed[0] = True
    found = np.full((len(batch.tested), batch.size), np.nan)
    failures = 0
    for row, r in enumerate(batch.tested):
        at = free.parameters.copy()
        at[:, 0] = r
        held = minimize(like, data, at, fixed=fixed, tolerance=_TOLERANCE)
        q = np.where(free.parameters[:, 0] <= r, 2 * (held.value - free.value), 0.0)
        sound = held.converged & free.converged
        failures += int((~sound).sum())
        found[row] = np.where(sound, np.maximum(q, 0.0), np.nan)
    return found, failures


def check_toys(number: int) -> None:
    """Checks that toys can give a limit.

    Args:
        number: How many there are.

    Raises:
        InputError: There are too few.
    """
    if number < 20:
        message = f"{number} toys are too few for a limit; expected 20 or more"
        raise InputError(message, code="limits.too-few-toys", path="toys")


def toy_limits(
    compiled: Compiled,
    asymptotic: Asymptotic,
    number: int,
    *,
    error: float | None = None,
    seed: int = 1,
    points: Sequence[float] = (),
    workers: int = 1,
    client: Client | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> ToyLimits:
    """Returns limits by toys; the numbers depend on the seed, not on the workers.

    Args:
        compiled: The model.
        asymptotic: Its asymptotic limits, which say where r is tested.
        number: Toys with signal, and toys without, for each tested r.
        error: Of the median, over it: more toys are made until it is below, at most a hundred
            times the number. The toys are those that a larger number would give.
        seed: Of the random numbers.
        points: The tested values of r in place of five about the asymptotic limits.
        workers: Processes of this machine.
        client: Of a Dask cluster, which then does the work.
        progress: Is called with the number of further toys that are done, and that of all.

    Raises:
        InputError: There are too few toys.
        RunError: A fit of the data does not converge, or a worker died.
    """
    check_toys(number)
    like = compiled.likelihood
    r = np.array(sorted(points)) if len(points) else _tested(asymptotic)
    truths, observed_q = _truths(compiled, r)
    shared = _Shared(like, compiled, truths, seed)
    bins = sum(
        len(one) for one in (compiled.coarse.counts if compiled.coarse else (),
                             compiled.asimov(like.start).templates[0])
    )  # fmt: skip
    size = max(1, min(200, _BINS_AT_ONCE // max(1, bins)))
    found: dict[_Batch, tuple[Array, int]] = {}
    done, wanted = 0, number
    while True:
        batches = [
            _Batch(truth, at, min(size, wanted - first), tested)
            for truth, tested in enumerate([tuple(r), *((one,) for one in r)])
            for at, first in enumerate(range(0, wanted, size))
        ]
        new = [one for one in batches if one not in found]
        further = sum(one.size for one in new)
        made = run_tasks(
            _statistics, shared, new, workers=workers, client=client,
            on_result=partial(_count, progress, further),
        )  # fmt: skip
        found |= dict(zip(new, made, strict=True))
        done = wanted
        limits = _of_batches(asymptotic, r, batches, found, observed_q, done, seed)
        if error is None:
            return limits
        if limits.relative_error <= error or done >= _MOST_TOYS * number:
            return replace(limits, stop=error)
        # Of whole batches, so that those which are there are used again.
        growth = (limits.relative_error / error) ** 2
        growth = max(1.1 * growth, 1.5) if np.isfinite(growth) else 2.0
        wanted = int(min(growth * done, _MOST_TOYS * number))
        wanted = size * -(-wanted // size)


def _count(progress: Callable[[int, int], None], further: int, result: tuple[Array, int]) -> None:
    progress(result[0].shape[1], further)


def _of_batches(
    asymptotic: Asymptotic, r: Array, batches: Sequence[_Batch],
    found: Mapping[_Batch, tuple[Array, int]], observed_q: Array | None, number: int, seed: int,
) -> ToyLimits:  # fmt: skip
    """Returns limits by the toys of batches."""
    failures = sum(found[one][1] for one in batches)
    background = np.concatenate([found[one][0] for one in batches if one.truth == 0], axis=1)
    with_signal = [
        np.concatenate([found[one][0][0] for one in batches if one.truth == 1 + row])
        for row in range(len(r))
    ]
    return _limits(asymptotic, r, background, with_signal, observed_q, number, failures, seed)


def _tested(asymptotic: Asymptotic) -> Array:
    """Returns the asymptotic limits: where those by toys are near, little is interpolated."""
    r = list(asymptotic.expected.values())
    if (observed := asymptotic.observed) is not None and all(
        abs(np.log(observed / one)) > _NEXT for one in r
    ):
        r.append(observed)
    return np.sort(r)


def _truths(compiled: Compiled, r: Array) -> tuple[Array, Array | None]:
    """Returns the true parameters without signal and for each r, and q̃ of the data."""
    like, data = compiled.likelihood, compiled.observed
    truths = np.repeat(like.start[None], 1 + len(r), axis=0)
    truths[:, 0] = [0.0, *r]
    if data is None:
        return truths, None
    fits = profile(like, data, truths[:, 0], like.start)
    best = minimize(like, data, fits.parameters[:1])
    if not best.converged.all():
        message = "the fit of the data has not converged"
        raise RunError(message, code="limits.not-converged")
    q = 2 * (fits.value[1:] - best.value[0])
    return fits.parameters, np.where(best.parameters[0, 0] <= r, np.maximum(q, 0.0), 0.0)


def _limits(
    asymptotic: Asymptotic, r: Array, background: Array, with_signal: Sequence[Array],
    observed_q: Array | None, number: int, failures: int, seed: int,
) -> ToyLimits:  # fmt: skip
    """Returns where CLs falls to 1 − CL."""
    names = [*(str(one) for one in QUANTILES), *(["observed"] if observed_q is not None else [])]
    cls = {name: np.zeros(len(r)) for name in names}
    errors = {name: np.zeros(len(r)) for name in names}
    for row in range(len(r)):
        without = np.sort(background[row][np.isfinite(background[row])])
        signal = np.sort(with_signal[row][np.isfinite(with_signal[row])])
        ratio, error = _cls(without, signal, without)
        order = np.argsort(ratio, kind="stable")
        for one in QUANTILES:
            # Of background that fluctuates up by n σ, CLs is larger than of Φ(n) of all.
            at = order[min(len(order) - 1, int(np.ceil(norm.cdf(one) * len(order))) - 1)]
            cls[str(one)][row], errors[str(one)][row] = ratio[at], error[at]
        if observed_q is not None:
            value, spread = _cls(without, signal, observed_q[row : row + 1])
            cls["observed"][row], errors["observed"][row] = value[0], spread[0]
    limits = {
        name: _crossing(r, cls[name], errors[name], asymptotic.cls(name), 1 - asymptotic.cl)
        for name in names
    }
    return ToyLimits(
        asymptotic.cl, {one: limits[str(one)] for one in QUANTILES}, limits.get("observed"), r,
        cls, number, failures, seed,
    )  # fmt: skip


def _cls(without: Array, signal: Array, q: Array) -> tuple[Array, Array]:
    """Returns CLs of values of q̃ and its statistical error; the toys are sorted."""
    both = len(signal) - np.searchsorted(signal, q - _TIE)
    alone = len(without) - np.searchsorted(without, q - _TIE)
    p, b = both / len(signal), np.maximum(alone, 1) / len(without)
    p_safe = np.maximum(both, 1) / len(signal)
    relative = np.sqrt((1 - p) / (p_safe * len(signal)) + (1 - b) / (b * len(without)))
    return p / b, np.maximum(p, p_safe) / b * relative


def _crossing(
    r: Array, cls: Array, errors: Array, asymptotic: Callable[[float], float], alpha: float
) -> tuple[float, float]:
    """Returns where CLs falls to α and the statistical error of that.

    What is interpolated is the logarithm of CLs over that of the asymptotic formula, which varies
    slowly: by a straight line through the points near the limit.
    """
    formula = np.array([asymptotic(one) for one in r])
    known = (cls > 0) & (cls < 1) & (formula > 0)
    if not known.any():
        return float("nan"), float("nan")
    far = np.abs(np.log(np.where(known, cls, 1.0) / alpha))
    far[~known] = np.inf
    near = np.argsort(far)[: min(_NEAR, known.sum())]
    ratio, spread = np.log(cls[near] / formula[near]), errors[near] / cls[near]
    middle = np.average(r[near], weights=spread**-2)
    order = 1 if len(near) > 1 else 0
    terms = np.vander(r[near] - middle, order + 1) / spread[:, None]
    covariance = np.linalg.pinv(terms.T @ terms)
    line = covariance @ terms.T @ (ratio / spread)

    def excess(at: float) -> float:
        return float(np.log(asymptotic(at) / alpha) + np.polyval(line, at - middle))

    low, high = r[0] / _OUTSIDE, r[-1] * _OUTSIDE
    if not excess(low) > 0 > excess(high):
        return float("nan"), float("nan")
    limit = float(brentq(excess, low, high))
    slope = (excess(1.001 * limit) - excess(0.999 * limit)) / (0.002 * limit)
    powers = (limit - middle) ** np.arange(order, -1, -1)
    return limit, float(np.sqrt(powers @ covariance @ powers) / abs(slope))
