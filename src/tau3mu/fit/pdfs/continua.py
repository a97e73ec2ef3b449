"""Backgrounds and other spectra without a peak; polynomials are in `polynomials`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.pdfs.antiderivatives import exponential
from tau3mu.fit.pdfs.pdf import Pdf
from tau3mu.fit.pdfs.special import erfc_exp

if TYPE_CHECKING:
    from tau3mu.fit.pdfs.pdf import Array

__all__ = ["CONTINUA", "falling", "falling_integral"]


def falling(x: Array, slope: Array, *, xp: Any) -> Array:
    """Returns exp(slope * x), which falls for a negative slope."""
    return xp.exp(slope * x)


def falling_integral(edges: np.ndarray, slope: float) -> Array:
    """Returns the integrals of `falling` between the edges."""
    return exponential(edges, slope)


def _uniform(x: Array, low: Array, high: Array, *, xp: Any) -> Array:
    return xp.where((x >= low) & (x <= high), 1.0, 0.0)


def _uniform_integral(edges: np.ndarray, low: float, high: float) -> Array:
    return np.diff(np.clip(edges, low, high))


def _log_normal(x: Array, mu: Array, sigma: Array, *, xp: Any) -> Array:
    inside = x > 0
    logarithm = xp.log(xp.where(inside, x, 1.0))
    t = (logarithm - mu) / sigma
    return xp.where(inside, xp.exp(-t * t / 2 - logarithm), 0.0)


def _gamma(x: Array, gamma: Array, beta: Array, mu: Array, *, xp: Any) -> Array:
    t = (x - mu) / beta
    inside = t > 0
    t = xp.where(inside, t, 1.0)
    return xp.where(inside, xp.exp((gamma - 1) * xp.log(t) - t), 0.0)


def _gamma_integral(edges: np.ndarray, gamma: float, beta: float, mu: float) -> Array:
    from scipy.special import gamma as gamma_function
    from scipy.special import gammainc, gammaincc

    t = np.maximum((edges - mu) / beta, 0)
    below, above = np.diff(gammainc(gamma, t)), -np.diff(gammaincc(gamma, t))
    # The difference of the smaller of the two probabilities cancels less.
    return beta * gamma_function(gamma) * np.where(t[:-1] < gamma, below, above)


def _chi_squared(x: Array, ndof: Array, *, xp: Any) -> Array:
    return _gamma(x, ndof / 2, 2.0, 0.0, xp=xp)


def _chi_squared_integral(edges: np.ndarray, ndof: float) -> Array:
    return _gamma_integral(edges, ndof / 2, 2.0, 0.0)


def _argus(x: Array, m0: Array, c: Array, p: Array, *, xp: Any) -> Array:
    ratio = x / m0
    rest = (1 - ratio) * (1 + ratio)
    inside = (rest > 0) & (x > 0)
    rest = xp.where(inside, rest, 1.0)
    return xp.where(inside, ratio * xp.exp(p * xp.log(rest) + c * rest), 0.0)


def _argus_kinks(m0: Array, *_: Array) -> tuple[Array, ...]:
    return (0 * m0, m0)


def _cms_shape(x: Array, m: Array, beta: Array, gamma: Array, *, xp: Any) -> Array:
    return erfc_exp(-beta * (x - m), -gamma * (x - m), xp)


def _erf_exp(x: Array, mu: Array, beta: Array, gamma: Array, n: Array, *, xp: Any) -> Array:
    inside = x > 0
    growth = xp.exp(n * xp.log(xp.where(inside, x, mu))) - xp.exp(n * xp.log(mu))
    return xp.where(inside, erfc_exp(beta * (x - mu), gamma * growth, xp), 0.0)


def _tsallis(x: Array, m: Array, t: Array, n: Array, *, xp: Any) -> Array:
    kinetic = xp.sqrt(x * x + m * m) - m
    return xp.maximum(x, 0.0) * xp.exp(-n * xp.log1p(kinetic / (n * t)))


CONTINUA = (
    Pdf(
        name="Exponential",
        parameters=("slope",),
        formula=falling,
        description="exp(slope x): it falls for a negative slope, and is flat for slope 0.",
        centered=True,
        integral=falling_integral,
        # zfit's class has no integral at slope 0, where many fits start.
    ),
    Pdf(
        name="Uniform",
        parameters=("low", "high"),
        formula=_uniform,
        description="Constant between low and high, 0 elsewhere; a fit cannot find these edges, so "
        "fix them.",
        integral=_uniform_integral,
        zfit_name="Uniform",
    ),
    Pdf(
        name="LogNormal",
        parameters=("mu", "sigma"),
        formula=_log_normal,
        description="exp(-t^2/2) / x with t = (log x - mu) / sigma, for x > 0.",
        positive=("sigma",),
        zfit_name="LogNormal",
    ),
    Pdf(
        name="Gamma",
        parameters=("gamma", "beta", "mu"),
        formula=_gamma,
        description="t^(gamma - 1) exp(-t) with t = (x - mu) / beta, for x > mu.",
        positive=("gamma", "beta"),
        integral=_gamma_integral,
        zfit_name="Gamma",
    ),
    Pdf(
        name="ChiSquared",
        parameters=("ndof",),
        formula=_chi_squared,
        description="x^(ndof / 2 - 1) exp(-x / 2), for x > 0.",
        positive=("ndof",),
        integral=_chi_squared_integral,
        zfit_name="ChiSquared",
    ),
    Pdf(
        name="Argus",
        parameters=("m0", "c", "p"),
        formula=_argus,
        description="x u^p exp(c u) with u = 1 - (x / m0)^2, 0 above the endpoint m0; ARGUS "
        "(PL B 241 (1990) 278) has p = 0.5.",
        positive=("m0", "p"),
        kinks=_argus_kinks,
    ),
    Pdf(
        name="CMSShape",
        parameters=("m", "beta", "gamma"),
        formula=_cms_shape,
        description="erfc(-beta (x - m)) exp(-gamma (x - m)): a turn-on at m with the steepness "
        "beta, on a falling exponential.",
    ),
    Pdf(
        name="ErfExp",
        parameters=("mu", "beta", "gamma", "n"),
        formula=_erf_exp,
        description="erfc(beta (x - mu)) exp(gamma (x^n - mu^n)), for positive x and mu.",
        positive=("mu",),
    ),
    Pdf(
        name="Tsallis",
        parameters=("m", "t", "n"),
        formula=_tsallis,
        description="x (1 + (sqrt(x^2 + m^2) - m) / (n t))^-n: transverse momenta x of particles "
        "of mass m at the temperature t (JHEP 02 (2010) 041).",
        positive=("m", "t", "n"),
    ),
)
