"""Peaks with a Gaussian core and tails: Crystal Ball shapes and those with exponential tails.

A tail begins where the distance to the mean is `alpha` widths, and continues the core with the same
value and slope. For one tail, the sign of alpha tells its side: positive is left, where energy is
lost. Power laws are evaluated as exp(-n log(...)): they do not overflow, and alpha = 0 is no
special case.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.pdfs.antiderivatives import exponential, gauss, power_law
from tau3mu.fit.pdfs.pdf import Pdf

if TYPE_CHECKING:
    from tau3mu.fit.pdfs.pdf import Array

__all__ = [
    "TAILS",
    "crystal_ball",
    "crystal_ball_integral",
    "double_crystal_ball",
    "double_crystal_ball_integral",
]

_SMALLEST_ALPHA = 1e-10  # below it, a tail has the same integral as a constant


def crystal_ball(x: Array, mu: Array, sigma: Array, alpha: Array, n: Array, *, xp: Any) -> Array:
    """Returns a Gaussian with a power law on one side, 1 at the mean."""
    t = (x - mu) / sigma * xp.where(alpha < 0, -1.0, 1.0)
    return xp.exp(_half(t, xp.abs(alpha), n, xp))


def crystal_ball_integral(
    edges: np.ndarray, mu: float, sigma: float, alpha: float, n: float
) -> Array:
    """Returns the integrals of `crystal_ball` between the edges."""
    t = (edges - mu) / sigma * (-1 if alpha < 0 else 1)
    start = -abs(alpha)
    return sigma * (gauss(np.maximum(t, start)) + _power_tail(start - t, -start, n))


def double_crystal_ball(
    x: Array,
    mu: Array,
    sigma: Array,
    alphal: Array,
    nl: Array,
    alphar: Array,
    nr: Array,
    *,
    xp: Any,
) -> Array:
    """Returns a Gaussian with a power law on both sides, 1 at the mean."""
    return _generalized_crystal_ball(x, mu, sigma, alphal, nl, sigma, alphar, nr, xp=xp)


def double_crystal_ball_integral(
    edges: np.ndarray, mu: float, sigma: float, alphal: float, nl: float, alphar: float, nr: float
) -> Array:
    """Returns the integrals of `double_crystal_ball` between the edges."""
    t = (edges - mu) / sigma
    core = gauss(np.clip(t, -alphal, alphar))
    return sigma * (
        core + _power_tail(-alphal - t, alphal, nl) + _power_tail(t - alphar, alphar, nr)
    )


def _generalized_crystal_ball(
    x: Array, mu: Array, sigmal: Array, alphal: Array, nl: Array,
    sigmar: Array, alphar: Array, nr: Array, *, xp: Any,
) -> Array:  # fmt: skip
    left = _half((x - mu) / sigmal, alphal, nl, xp)
    right = _half((mu - x) / sigmar, alphar, nr, xp)
    return xp.exp(xp.where(x < mu, left, right))


def _generalized_crystal_ball_integral(
    edges: np.ndarray, mu: float, sigmal: float, alphal: float, nl: float,
    sigmar: float, alphar: float, nr: float,
) -> Array:  # fmt: skip
    left, right = (edges - mu) / sigmal, (edges - mu) / sigmar
    tail_left = _power_tail(-alphal - left, alphal, nl)
    tail_right = _power_tail(right - alphar, alphar, nr)
    return sigmal * (gauss(np.clip(left, -alphal, 0)) + tail_left) + sigmar * (
        gauss(np.clip(right, 0, alphar)) + tail_right
    )


def _half(t: Array, alpha: Array, n: Array, xp: Any) -> Array:
    """Returns the logarithm of a Gaussian of which the left tail is a power law."""
    tail = t < -alpha
    core = xp.where(tail, -alpha, t)
    depth = xp.where(tail, -alpha - t, 0.0)
    return -core * core / 2 - n * xp.log1p(depth * alpha / n)


def _power_tail(depth: np.ndarray, alpha: float, n: float) -> Array:
    """Returns integrals of a power law over the depth in a tail, which is negative outside."""
    alpha = max(alpha, _SMALLEST_ALPHA)
    distance = np.log1p(np.maximum(depth, 0) * alpha / n)
    return np.exp(-alpha * alpha / 2) * n / alpha * power_law(distance, n)


def _gauss_exp_tail(x: Array, mu: Array, sigma: Array, alpha: Array, *, xp: Any) -> Array:
    t = (x - mu) / sigma * xp.where(alpha < 0, -1.0, 1.0)
    return xp.exp(_exp_half(t, xp.abs(alpha), xp))


def _gauss_exp_tail_integral(edges: np.ndarray, mu: float, sigma: float, alpha: float) -> Array:
    t = (edges - mu) / sigma * (-1 if alpha < 0 else 1)
    start = -abs(alpha)
    return sigma * (gauss(np.maximum(t, start)) + _exp_tail(start - t, -start))


def _generalized_gauss_exp_tail(
    x: Array, mu: Array, sigmal: Array, alphal: Array, sigmar: Array, alphar: Array, *, xp: Any
) -> Array:
    left = _exp_half((x - mu) / sigmal, alphal, xp)
    right = _exp_half((mu - x) / sigmar, alphar, xp)
    return xp.exp(xp.where(x < mu, left, right))


def _generalized_gauss_exp_tail_integral(
    edges: np.ndarray, mu: float, sigmal: float, alphal: float, sigmar: float, alphar: float
) -> Array:
    left, right = (edges - mu) / sigmal, (edges - mu) / sigmar
    return sigmal * (
        gauss(np.clip(left, -alphal, 0)) + _exp_tail(-alphal - left, alphal)
    ) + sigmar * (gauss(np.clip(right, 0, alphar)) + _exp_tail(right - alphar, alphar))


def _exp_half(t: Array, alpha: Array, xp: Any) -> Array:
    """Returns the logarithm of a Gaussian of which the left tail is exponential."""
    tail = t < -alpha
    core = xp.where(tail, -alpha, t)
    return -core * core / 2 - alpha * xp.where(tail, -alpha - t, 0.0)


def _exp_tail(depth: np.ndarray, alpha: float) -> Array:
    return np.exp(-alpha * alpha / 2) * exponential(np.maximum(depth, 0), -alpha)


TAILS = (
    Pdf(
        name="CrystalBall",
        parameters=("mu", "sigma", "alpha", "n"),
        formula=crystal_ball,
        description="A Gaussian that goes over into a power law (1 + ...)^-n at alpha widths from "
        "the mean: on the left for a positive, on the right for a negative alpha.",
        positive=("sigma", "n"),
        peaks=True,
        integral=crystal_ball_integral,
        zfit_name="CrystalBall",
    ),
    Pdf(
        name="DoubleCB",
        parameters=("mu", "sigma", "alphal", "nl", "alphar", "nr"),
        formula=double_crystal_ball,
        description="A Gaussian that goes over into a power law on the left at alphal widths from "
        "the mean, with power nl, and on the right at alphar widths, with power nr.",
        positive=("sigma", "alphal", "nl", "alphar", "nr"),
        peaks=True,
        integral=double_crystal_ball_integral,
        zfit_name="DoubleCB",
    ),
    Pdf(
        name="GeneralizedCB",
        parameters=("mu", "sigmal", "alphal", "nl", "sigmar", "alphar", "nr"),
        formula=_generalized_crystal_ball,
        description="DoubleCB with its own width on either side of the mean, sigmal and sigmar.",
        positive=("sigmal", "alphal", "nl", "sigmar", "alphar", "nr"),
        peaks=True,
        integral=_generalized_crystal_ball_integral,
        zfit_name="GeneralizedCB",
    ),
    Pdf(
        name="GaussExpTail",
        parameters=("mu", "sigma", "alpha"),
        formula=_gauss_exp_tail,
        description="A Gaussian that goes over into an exponential at alpha widths from the mean: "
        "on the left for a positive, on the right for a negative alpha.",
        positive=("sigma",),
        peaks=True,
        integral=_gauss_exp_tail_integral,
        zfit_name="GaussExpTail",
    ),
    Pdf(
        name="GeneralizedGaussExpTail",
        parameters=("mu", "sigmal", "alphal", "sigmar", "alphar"),
        formula=_generalized_gauss_exp_tail,
        description="A Gaussian with the widths sigmal and sigmar left and right of the mean, that "
        "goes over into exponentials at alphal and alphar of these widths.",
        positive=("sigmal", "alphal", "sigmar", "alphar"),
        peaks=True,
        integral=_generalized_gauss_exp_tail_integral,
        zfit_name="GeneralizedGaussExpTail",
    ),
)
