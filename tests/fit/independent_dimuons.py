"""A peak, a tied one and an exponential with SciPy and iminuit's own costs: no code of the package.

All functions take the parameters in the order of `NAMES`.
"""

from __future__ import annotations

import numpy as np
from iminuit import Minuit
from iminuit.cost import ExtendedBinnedNLL, ExtendedUnbinnedNLL
from scipy.special import ndtr

LOWER, UPPER = 2.2, 4.8
NAMES = ("nJpsi", "nPsi2s", "nBackground", "mean", "width", "slope")


def _parts(x, mean, width, slope, of):
    """Densities or cumulated ones of the three, normalised in the range."""
    peaks = [(mean, width), (mean + 0.584, 1.05 * width)]
    rows = []
    for centre, sigma in peaks:
        t, ends = (x - centre) / sigma, (np.array([LOWER, UPPER]) - centre) / sigma
        gauss = np.exp(-(t**2) / 2) / np.sqrt(2 * np.pi) / sigma if of == "pdf" else ndtr(t)
        rows.append(gauss / np.diff(ndtr(ends))[0])
    tail = np.exp(slope * x) / (np.exp(slope * UPPER) - np.exp(slope * LOWER))
    return [*rows, slope * tail if of == "pdf" else tail]


def density(x, n1, n2, n3, mean, width, slope):
    """Expected entries per unit of mass."""
    a, b, c = _parts(x, mean, width, slope, "pdf")
    return n1 * a + n2 * b + n3 * c


def cumulated(x, n1, n2, n3, mean, width, slope):
    """Expected entries below `x`, up to a constant."""
    a, b, c = _parts(x, mean, width, slope, "cdf")
    return n1 * a + n2 * b + n3 * c


def counts_between(lower, upper, *values):
    """Expected entries of the three between two edges."""
    parts = _parts(np.array([lower, upper]), *values[3:], "cdf")
    return [n * np.diff(part)[0] for n, part in zip(values[:3], parts, strict=True)]


def cost_of_counts(contents, edges, used=None):
    """iminuit's cost, twice the negative logarithm of the likelihood up to a constant."""
    cost = ExtendedBinnedNLL(contents, edges, cumulated, name=NAMES)
    cost.mask = used
    return cost


def cost_of_entries(values, intervals=((LOWER, UPPER),), names=NAMES):
    def expected(x, *given):
        inside = sum(np.diff(cumulated(np.array(ends), *given))[0] for ends in intervals)
        return inside, density(x, *given)

    return ExtendedUnbinnedNLL(values, expected, name=names)


def minimum(cost, **start):
    """Minuit at the minimum of a cost, after Hesse."""
    values = dict(zip(NAMES, (3000, 300, 50000, 3.1, 0.07, -0.5), strict=True))
    given = {name: (values | start)[name] for name in cost._parameters}
    minuit = Minuit(cost, **given)
    minuit.strategy = 2
    minuit.tol = 1e-4
    minuit.migrad()
    minuit.hesse()
    assert minuit.valid
    return minuit


def assert_found(result, minuit, names=NAMES, value=0.02, error=0.01):
    """Checks values and errors of a result against those of Minuit."""
    for name in names:
        found = result.parameters[name]
        assert abs(found.value - minuit.values[name]) < value * minuit.errors[name], name
        assert abs(found.error / minuit.errors[name] - 1) < error, name
