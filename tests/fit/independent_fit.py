"""The same likelihood in numpy, scipy and iminuit: no code of the package, no TensorFlow."""

from __future__ import annotations

import itertools

import numpy as np
from iminuit import Minuit
from scipy.integrate import quad
from scipy.special import erf, gammaln
from scipy.stats import poisson

EDGES = np.linspace(1.65, 2.01, 63)
ROOFIT_NAMES = {
    "mean_Ds": "mean",
    "sigma_Ds": "sigma1",
    "alpha_Ds": "alpha1",
    "power_Ds": "n1",
    "mean_Dplus": "mean2",
    "sigma_Dplus": "sigma2",
    "alpha_Dplus": "alpha2",
    "power_Dplus": "n2",
    "slope": "gamma",
    "nDs": "nDs",
    "nDplus": "nDplus",
    "nBkg": "nBkg",
}


def crystal_ball(x, mu, sigma, alpha, n):
    """The density, unnormalised, as in the textbook."""
    t = (x - mu) / sigma * np.sign(alpha)
    a = abs(alpha)
    if t > -a:
        return np.exp(-0.5 * t * t)
    return (n / a) ** n * np.exp(-0.5 * a * a) * (n / a - a - t) ** -n


def integrate(density, edges, kinks=()):
    """The integrals over bins by adaptive quadrature, split where the density has a kink."""
    integrals = []
    for lower, upper in itertools.pairwise(edges):
        cuts = [lower, *(k for k in kinks if lower < k < upper), upper]
        parts = itertools.pairwise(cuts)
        integrals.append(sum(quad(density, a, b, epsabs=1e-14, epsrel=1e-12)[0] for a, b in parts))
    return np.array(integrals)


def _crystal_ball_bins(mu, sigma, alpha, n):
    a = abs(alpha)
    t = np.sort((EDGES - mu) / sigma * np.sign(alpha))
    core = np.sqrt(np.pi / 2) * (erf(np.maximum(t, -a) / np.sqrt(2)) + erf(a / np.sqrt(2)))
    base = n / a - a - np.minimum(t, -a)
    scale = (n / a) ** n * np.exp(-0.5 * a * a) / (n - 1)
    bins = np.diff(core + scale * (base ** (1 - n) - (n / a) ** (1 - n)))
    return (bins if alpha > 0 else bins[::-1]) / bins.sum()


def _exponential_bins(slope):
    bins = np.diff(np.exp(slope * (EDGES - 1.83))) / slope
    return bins / bins.sum()


def expected(values):
    """The expected counts of all components together, for both shipped fits."""
    return (
        values["nDs"]
        * _crystal_ball_bins(*(values[f"{k}_Ds"] for k in ("mean", "sigma", "alpha", "power")))
        + values["nDplus"]
        * _crystal_ball_bins(*(values[f"{k}_Dplus"] for k in ("mean", "sigma", "alpha", "power")))
        + values["nBkg"] * _exponential_bins(values["slope"])
    )


def negative_log_likelihood(values, contents):
    return -poisson.logpmf(contents, expected(values)).sum()


def refit(start, free, limits, contents):
    """Minuit at the minimum next to `start`, after Hesse."""

    def nll(point):
        counts = expected(start | dict(zip(free, point, strict=True)))
        return float(np.sum(counts - contents * np.log(counts) + gammaln(contents + 1)))

    minuit = Minuit(nll, [start[name] for name in free], name=free)
    minuit.errordef = 0.5
    minuit.tol = 0.001
    for name in free:
        minuit.limits[name] = limits[name]
    minuit.migrad()
    minuit.strategy = 2
    minuit.hesse()
    return minuit
