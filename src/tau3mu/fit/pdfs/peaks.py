"""Peaks without a special tail; those with a Gaussian core and power-law tails are in `tails`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.pdfs.antiderivatives import gauss, symmetric
from tau3mu.fit.pdfs.pdf import Pdf
from tau3mu.fit.pdfs.special import erfc_exp, sinh_ratio, voigt

if TYPE_CHECKING:
    from tau3mu.fit.pdfs.pdf import Array

__all__ = ["PEAKS", "normal", "normal_integral"]


def normal(x: Array, mu: Array, sigma: Array, *, xp: Any) -> Array:
    """Returns exp(-t^2/2) with t the distance to the mean in widths."""
    t = (x - mu) / sigma
    return xp.exp(-t * t / 2)


def normal_integral(edges: np.ndarray, mu: float, sigma: float) -> Array:
    """Returns the integrals of `normal` between the edges."""
    return sigma * gauss((edges - mu) / sigma)


def _bifurcated(x: Array, mu: Array, sigmal: Array, sigmar: Array, *, xp: Any) -> Array:
    t = (x - mu) / xp.where(x < mu, sigmal, sigmar)
    return xp.exp(-t * t / 2)


def _bifurcated_integral(edges: np.ndarray, mu: float, sigmal: float, sigmar: float) -> Array:
    left, right = np.minimum(edges - mu, 0) / sigmal, np.maximum(edges - mu, 0) / sigmar
    return sigmal * gauss(left) + sigmar * gauss(right)


def _generalized(x: Array, mu: Array, sigma: Array, beta: Array, *, xp: Any) -> Array:
    u = xp.abs(x - mu) / sigma
    apart = u > 0
    # The power has no derivative at zero for all beta.
    return xp.where(apart, xp.exp(-xp.power(xp.where(apart, u, 1.0), beta)), 1.0)


def _generalized_integral(edges: np.ndarray, mu: float, sigma: float, beta: float) -> Array:
    from scipy.special import gamma, gammaincc

    def tail(u: np.ndarray) -> Array:
        return gammaincc(1 / beta, u**beta) / 2

    return 2 * sigma * gamma(1 + 1 / beta) * symmetric((edges - mu) / sigma, tail)


def _cauchy(x: Array, m: Array, gamma: Array, *, xp: Any) -> Array:  # noqa: ARG001
    t = (x - m) / gamma
    return 1 / (1 + t * t)


def _cauchy_integral(edges: np.ndarray, m: float, gamma: float) -> Array:
    t = (edges - m) / gamma
    return np.pi * gamma * symmetric(t, lambda distance: np.arctan2(1.0, distance) / np.pi)


def _voigt(x: Array, m: Array, sigma: Array, gamma: Array, *, xp: Any) -> Array:
    return voigt(x - m, sigma, gamma, xp)


def _student(x: Array, ndof: Array, mu: Array, sigma: Array, *, xp: Any) -> Array:
    t = (x - mu) / sigma
    return xp.exp(-(ndof + 1) / 2 * xp.log1p(t * t / ndof))


def _student_integral(edges: np.ndarray, ndof: float, mu: float, sigma: float) -> Array:
    from scipy.special import beta, stdtr

    scale = sigma * np.sqrt(ndof) * beta(0.5, ndof / 2)
    return scale * symmetric((edges - mu) / sigma, lambda t: stdtr(ndof, -t))


def _johnson(x: Array, mu: Array, lambd: Array, gamma: Array, delta: Array, *, xp: Any) -> Array:
    u = (x - mu) / lambd
    t = gamma + delta * xp.arcsinh(u)
    return xp.exp(-t * t / 2) / xp.sqrt(1 + u * u)


def _johnson_integral(
    edges: np.ndarray, mu: float, lambd: float, gamma: float, delta: float
) -> Array:
    return lambd / delta * gauss(gamma + delta * np.arcsinh((edges - mu) / lambd))


def _exp_modified(x: Array, mu: Array, sigma: Array, lambd: Array, *, xp: Any) -> Array:
    t = (x - mu) / sigma
    rate = lambd * sigma
    return erfc_exp((rate - t) / np.sqrt(2), rate * (rate / 2 - t), xp)


def _breit_wigner(x: Array, m: Array, gamma: Array, *, xp: Any) -> Array:  # noqa: ARG001
    distance = (x - m) * (x + m) / (m * gamma)
    return 1 / (1 + distance * distance)


def _cruijff(
    x: Array, mu: Array, sigmal: Array, alphal: Array, sigmar: Array, alphar: Array, *, xp: Any
) -> Array:
    left = x < mu
    sigma, alpha = xp.where(left, sigmal, sigmar), xp.where(left, alphal, alphar)
    square = (x - mu) * (x - mu)
    return xp.exp(-square / (2 * sigma * sigma + alpha * square))


def _cruijff_kinks(mu: Array, *_: Array) -> tuple[Array, ...]:
    return (mu,)


def _novosibirsk(x: Array, mu: Array, sigma: Array, lambd: Array, *, xp: Any) -> Array:
    t = (x - mu) / sigma * sinh_ratio(lambd * np.sqrt(np.log(4)), xp)
    z = lambd * t
    inside = z > -1
    z = xp.where(inside, z, 0.0)
    small = xp.abs(lambd) < 1e-4
    # log(1 + z) / lambd, which is t at zero
    series = t * (1 - z / 2 + z * z / 3)
    ratio = xp.where(small, series, xp.log1p(z) / xp.where(small, 1.0, lambd))
    return xp.where(inside, xp.exp(-(ratio * ratio + lambd * lambd) / 2), 0.0)


PEAKS = (
    Pdf(
        name="Gauss",
        parameters=("mu", "sigma"),
        formula=normal,
        description="exp(-t^2/2) with t = (x - mu) / sigma.",
        positive=("sigma",),
        peaks=True,
        integral=normal_integral,
        zfit_name="Gauss",
    ),
    Pdf(
        name="BifurGauss",
        parameters=("mu", "sigmal", "sigmar"),
        formula=_bifurcated,
        description="A Gaussian with the width sigmal left and sigmar right of mu.",
        positive=("sigmal", "sigmar"),
        peaks=True,
        integral=_bifurcated_integral,
        zfit_name="BifurGauss",
    ),
    Pdf(
        name="GeneralizedGauss",
        parameters=("mu", "sigma", "beta"),
        formula=_generalized,
        description="exp(-|(x - mu) / sigma|^beta): beta = 2 is a Gaussian with the width "
        "sigma / sqrt(2), beta = 1 has a cusp.",
        positive=("sigma", "beta"),
        peaks=True,
        integral=_generalized_integral,
        zfit_name="GeneralizedGauss",
    ),
    Pdf(
        name="Cauchy",
        parameters=("m", "gamma"),
        formula=_cauchy,
        description="1 / (1 + t^2) with t = (x - m) / gamma, the non-relativistic Breit-Wigner: "
        "gamma is half of the full width at half maximum.",
        positive=("gamma",),
        peaks=True,
        integral=_cauchy_integral,
        zfit_name="Cauchy",
    ),
    Pdf(
        name="Voigt",
        parameters=("m", "sigma", "gamma"),
        formula=_voigt,
        description="Cauchy (gamma) convolved with a Gaussian (sigma), around m.",
        positive=("sigma", "gamma"),
        peaks=True,
    ),
    Pdf(
        name="StudentT",
        parameters=("ndof", "mu", "sigma"),
        formula=_student,
        description="(1 + t^2 / ndof)^-((ndof + 1) / 2) with t = (x - mu) / sigma.",
        positive=("ndof", "sigma"),
        peaks=True,
        integral=_student_integral,
        zfit_name="StudentT",
    ),
    Pdf(
        name="JohnsonSU",
        parameters=("mu", "lambd", "gamma", "delta"),
        formula=_johnson,
        description="exp(-t^2/2) / sqrt(1 + u^2) with u = (x - mu) / lambd and "
        "t = gamma + delta asinh(u): a peak with two tails; gamma > 0 leans to the left.",
        positive=("lambd", "delta"),
        peaks=True,
        integral=_johnson_integral,
        zfit_name="JohnsonSU",
    ),
    Pdf(
        name="ExpModGauss",
        parameters=("mu", "sigma", "lambd"),
        formula=_exp_modified,
        description="A Gaussian (mu, sigma) convolved with exp(-lambd x) for x > 0.",
        positive=("sigma", "lambd"),
        peaks=True,
        zfit_name="ExpModGauss",
    ),
    Pdf(
        name="RelativisticBreitWigner",
        parameters=("m", "gamma"),
        formula=_breit_wigner,
        description="1 / ((x^2 - m^2)^2 + m^2 gamma^2), with a constant width gamma.",
        positive=("m", "gamma"),
        peaks=True,
    ),
    Pdf(
        name="Cruijff",
        parameters=("mu", "sigmal", "alphal", "sigmar", "alphar"),
        formula=_cruijff,
        description="exp(-d^2 / (2 sigma^2 + alpha d^2)) with d = x - mu, and sigmal and alphal on "
        "the left, sigmar and alphar on the right; no alpha is below 0.",
        positive=("sigmal", "sigmar"),
        peaks=True,
        kinks=_cruijff_kinks,
    ),
    Pdf(
        name="Novosibirsk",
        parameters=("mu", "sigma", "lambd"),
        formula=_novosibirsk,
        description="exp(-(log(q)^2 / lambd^2 + lambd^2) / 2) with q = 1 + lambd t sinh(y) / y, "
        "t = (x - mu) / sigma, y = lambd sqrt(log 4), and 0 where q is not positive: a Gaussian "
        "for lambd = 0, with a tail on the right for lambd > 0 (NIM A 441 (2000) 401).",
        positive=("sigma",),
        peaks=True,
    ),
)
