"""The profile likelihood of the signal strength, with and without systematic uncertainties."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

from tau3mu.errors import RunError
from tau3mu.limits.diagnostics.impacts import measured
from tau3mu.limits.engine.minimize import minimize

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.diagnostics.fitted import Fitted

    Array = npt.NDArray[np.float64]
    Ends = tuple[float | None, float | None]

__all__ = ["LikelihoodScan", "scan_of"]

_POINTS: Final = 16  # on each side
_REACH: Final = 9.0  # 2 Δ(−ln L) at the ends
_MOST_DOUBLINGS: Final = 40


@dataclass(frozen=True)
class LikelihoodScan:
    """2 Δ(−ln L) against r.

    Attributes:
        r: The points, ascending.
        total: With all parameters fitted.
        statistical: With nuisances fixed at their best fit.
        best: The best fit of r.
        intervals: Where `total` is 1 and 4, by 1 and 2 σ; None where that is below the lowest r.
    """

    r: Array
    total: Array
    statistical: Array
    best: float
    intervals: dict[int, Ends]

    def to_dict(self) -> dict[str, Any]:
        """Returns the content for JSON."""
        return {
            "r": self.r.tolist(),
            "total": self.total.tolist(),
            "statistical": self.statistical.tolist(),
            "best": self.best,
            "intervals": {str(n): list(ends) for n, ends in self.intervals.items()},
        }


def scan_of(fit: Fitted) -> LikelihoodScan:
    """Returns a scan of r over about three standard deviations to both sides.

    Args:
        fit: With free r.

    Raises:
        RunError: A fit does not converge.
    """
    best = float(fit.parameters[0])
    sigma = float(fit.errors[0]) or fit.compiled.model.strength.start
    low = max(float(fit.low[0]), best - _far(fit, sigma, -1))
    high = best + _far(fit, sigma, 1)
    below = np.linspace(low, best, _POINTS) if low < best else np.array([best])
    r = np.concatenate([below, np.linspace(best, high, _POINTS)[1:]])
    total, statistical = _at(fit, r, []), _at(fit, r, list(measured(fit)))
    # Where nothing is left of the background, a negative r has no fit.
    first = int(np.nonzero(~(np.isfinite(total) & np.isfinite(statistical)))[0].max(initial=-1)) + 1
    r, total, statistical = r[first:], total[first:], statistical[first:]
    intervals = {n: _interval(r, total, best, n) for n in (1, 2)}
    return LikelihoodScan(r, total, statistical, best, intervals)


def _far(fit: Fitted, sigma: float, side: int) -> float:
    """Returns how far from the best fit 2 Δ(−ln L) is about 9."""
    best, step = float(fit.parameters[0]), 3 * sigma
    for _ in range(_MOST_DOUBLINGS):
        if best + side * step <= fit.low[0]:
            return step
        q = float(_at(fit, np.array([best + side * step]), [])[0])
        if not np.isfinite(q):
            return step
        if 0.8 * _REACH <= q <= 1.5 * _REACH:
            return step
        step *= float(np.clip(np.sqrt(1.1 * _REACH / max(q, 1e-6)), 0.4, 2.0))
    return step


def _at(fit: Fitted, r: Array, held: list[int]) -> Array:
    """Returns 2 Δ(−ln L) with fixed r, and with other parameters held at their best fit.

    It is not finite where r is below 0 and has no fit.
    """
    like = fit.compiled.likelihood
    fixed = np.zeros(like.size, bool)
    fixed[[0, *held]] = True
    sets = np.repeat(fit.parameters[None], len(r), axis=0)
    if (variance := fit.covariance[0, 0]) > 0:  # where the others go to first order
        moves = (r - fit.parameters[0])[:, None] * fit.covariance[0] / variance
        sets += np.where(np.isin(np.arange(like.size), held), 0.0, moves)
    sets = np.clip(sets, fit.low, like.high)
    sets[:, 0] = r
    found = minimize(like, fit.data.repeated(len(r)), sets, fixed=fixed, low=fit.low)
    failed = ~found.converged & ((r >= 0) | (r >= fit.parameters[0]))
    if failed.any():
        message = f"the fit with r = {r[failed][0]:g} has not converged"
        raise RunError(message, code="limits.not-converged")
    return np.where(found.converged, np.maximum(2 * (found.value - fit.value), 0.0), np.nan)


def _interval(r: Array, q: Array, best: float, n: int) -> Ends:
    root = PchipInterpolator(r, np.sqrt(q) * np.where(r < best, -1.0, 1.0))

    def end(side: int) -> float | None:
        edge = float(r[0] if side < 0 else r[-1])
        if side * (float(root(edge)) - side * n) < 0:
            return None
        return float(brentq(lambda x: float(root(x)) - side * n, min(best, edge), max(best, edge)))

    return end(-1), end(1)
