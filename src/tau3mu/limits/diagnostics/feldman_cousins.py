"""Intervals of Feldman and Cousins for a Poisson signal over a known background.

Phys. Rev. D 57 (1998) 3873: counts enter the acceptance of μ in the order of their likelihood over
that of the best physical μ. As there, the upper end never rises with the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.stats import poisson

from tau3mu.errors import InputError
from tau3mu.limits.language.model import Counting
from tau3mu.limits.limiting import prepared

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from tau3mu.limits.language.model import LimitModel

    Array = npt.NDArray[np.float64]

__all__ = ["UnifiedInterval", "feldman_cousins", "unified_interval"]

_STEP: Final = 0.005  # in μ, as in the tables of the article, before an end is refined
_REFINED: Final = 1e-6
_REACH: Final = 1.0  # of the background, within which an upper end may rise again
_NEGLIGIBLE: Final = 1e-4


def feldman_cousins(n: int, b: float, cl: float = 0.9) -> tuple[float, float]:
    """Returns the interval of the mean number of signal events.

    Args:
        n: The number of events that were observed.
        b: The expected background.
        cl: The confidence level.

    Raises:
        InputError: n is no count, b is negative, or the level is not between 0 and 1.
    """
    if n < 0 or n != int(n):
        message = f"expected a number of events, got {n:g}"
        raise InputError(message, code="limits.wrong-count", path="n")
    if not 0 <= b < np.inf:
        message = f"expected a background of 0 or more, got {b:g}"
        raise InputError(message, code="limits.wrong-background", path="b")
    if not 0 < cl < 1:
        message = f"expected a confidence level between 0 and 1, such as 0.9, got {cl:g}"
        raise InputError(message, code="limits.wrong-level", path="cl")
    low, high = _ends(int(n), b, cl)
    return low, _not_rising(high, int(n), b, cl)


def _ends(n: int, b: float, cl: float) -> tuple[float, float]:
    """Returns the lowest and the highest μ that accept n."""
    highest = max(n - b, 0) + 5 * np.sqrt(n + 1) + 10 - 3 * np.log1p(-cl)
    mu = np.arange(0, highest + _STEP, _STEP)
    inside = np.nonzero(_accepted(mu, n, b, cl))[0]
    if not len(inside):  # another background accepts some
        return 0.0, 0.0
    low, high = float(mu[inside[0]]), float(mu[inside[-1]])
    return (_edge(low - _STEP, low, n, b, cl) if low > 0 else 0.0), _edge(high + _STEP, high, n, b,
                                                                         cl)  # fmt: skip


def _not_rising(high: float, n: int, b: float, cl: float) -> float:
    """Returns the highest upper end of this background and of those that are somewhat larger."""
    further = b + _STEP * np.arange(1, round(_REACH / _STEP))
    above = high + _STEP * np.arange(1, round(_REACH / _STEP))
    mu, more = (one.ravel() for one in np.meshgrid(above, further, indexing="ij"))
    inside = np.nonzero(_accepted(mu, n, more, cl))[0]
    if not len(inside):
        return high
    at, background = float(mu[inside[-1]]), float(more[inside[-1]])
    return _edge(at + _STEP, at, n, background, cl)


def _edge(outside: float, within: float, n: int, b: float, cl: float) -> float:
    while abs(outside - within) > _REFINED:
        middle = (outside + within) / 2
        if _accepted(np.array([middle]), n, b, cl)[0]:
            within = middle
        else:
            outside = middle
    return within


def _accepted(mu: Array, n: int, b: Array | float, cl: float) -> npt.NDArray[np.bool_]:
    """Returns whether each μ accepts n: the counts that rank before it have less than the level."""
    mean, b = mu + b, np.broadcast_to(b, mu.shape)
    most = int(max(n, poisson.isf(1e-12, mean.max()))) + 2
    # P(k|μ+b) / P(k|max(k, b)), in logarithms; the factorials cancel.
    with np.errstate(divide="ignore"):
        log_mean, log_b = np.log(mean), np.log(b)
    before, log_p = np.zeros_like(mean), -mean

    def ratio(k: int) -> Array:
        best = np.maximum(float(k), b)
        log_best = np.where(best > k, log_b, np.log(k) if k else -np.inf)
        return (k * (log_mean - log_best) if k else 0.0) - mean + best

    own = ratio(n) + 1e-12
    for k in range(most + 1):
        before += np.where(ratio(k) > own, np.exp(log_p), 0.0)
        log_p = log_p + log_mean - np.log(k + 1)
    found: npt.NDArray[np.bool_] = before < cl
    return found


@dataclass(frozen=True)
class UnifiedInterval:
    """An interval of Feldman and Cousins for a counting channel.

    Attributes:
        channel: Its name.
        cl: The confidence level.
        signal: The signal events for r = 1.
        background: The expected background.
        observed: The events that were observed, None while blind.
        sensitivity: The mean upper end of r without signal.
        intervals: Of r, for each number of events that is likely without signal or was observed.
        hash: Of the model.
        unblinded: Who read the observed events, if anybody did.
    """

    channel: str
    cl: float
    signal: float
    background: float
    observed: int | None
    sensitivity: float
    intervals: dict[int, tuple[float, float]]
    hash: str
    unblinded: dict[str, Any] | None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval of r of the observed events, None while blind."""
        return None if self.observed is None else self.intervals[self.observed]

    def to_dict(self) -> dict[str, Any]:
        """Returns the content for JSON."""
        return {
            "channel": self.channel,
            "cl": self.cl,
            "signal": self.signal,
            "background": self.background,
            "observed": self.observed,
            "interval": None if self.interval is None else list(self.interval),
            "sensitivity": self.sensitivity,
            "intervals": {str(n): list(ends) for n, ends in self.intervals.items()},
            "hash": self.hash,
            "unblinded": self.unblinded,
        }


def unified_interval(
    model: LimitModel | str | Path, *, cl: float = 0.9, channel: str = "", observed: bool = False
) -> UnifiedInterval:
    """Returns the interval of r for the counting channel of a model.

    Args:
        model: The model, or a file of it.
        cl: The confidence level.
        channel: The name of the channel; that of the model if it has only one.
        observed: Whether the observed events are read.

    Raises:
        InputError: It is not one channel with one bin, or something about it is uncertain.
    """
    numbers, digest, unblinded = prepared(
        model, channels=[channel] if channel else [], observed=observed
    )
    chosen = numbers.model
    name, one = next(iter(chosen.channels.items()))
    if len(chosen.channels) > 1:
        message = f"expected one counting channel, got {len(chosen.channels)}: choose one"
        raise InputError(message, code="limits.not-counting", path="channels")
    if not isinstance(one, Counting) or one.bins > 1:
        message = f"channel {name} is not a counting channel of one bin"
        raise InputError(message, code="limits.not-counting", path=f"channels.{name}")
    if chosen.nuisances or any(part.free for part in one.processes.values()):
        message = (
            "intervals of Feldman and Cousins are for a known background and efficiency: leave "
            "out nuisances and free normalizations, or set a limit by toys"
        )
        raise InputError(message, code="limits.uncertain-counting", path=f"channels.{name}")
    signal = sum(part.counts[0] for part in one.processes.values() if part.signal)
    background = sum(part.counts[0] for part in one.processes.values() if not part.signal)
    count = one.observed[0] if observed and one.observed is not None else None
    if count is not None and count != int(count):
        message = f"expected a number of events, got {count:g}"
        raise InputError(message, code="limits.wrong-count", path=f"channels.{name}.observed")
    likely = list(range(int(poisson.isf(_NEGLIGIBLE, background)) + 1))
    wanted = sorted({*likely, *([] if count is None else [int(count)])})
    intervals = {
        n: tuple(end / signal for end in feldman_cousins(n, background, cl)) for n in wanted
    }
    weights = poisson.pmf(likely, background)
    mean = float(np.average([intervals[n][1] for n in likely], weights=weights))
    return UnifiedInterval(
        name, cl, signal, background, None if count is None else int(count), mean,
        {n: (low, high) for n, (low, high) in intervals.items()}, digest, unblinded,
    )  # fmt: skip
