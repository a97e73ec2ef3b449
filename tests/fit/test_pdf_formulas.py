"""The formulas against those of SciPy, and against what is known of them otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import erf

from tau3mu.fit.pdfs import PDFS, bin_integrals, density
from tau3mu.fit.pdfs.special import sinh_ratio

SPAN = (2.0, 5.0)
X = np.linspace(2.05, 4.95, 30)

REFERENCES = {
    "Gauss": ([3.1, 0.3], stats.norm(3.1, 0.3)),
    "Cauchy": ([3.1, 0.3], stats.cauchy(3.1, 0.3)),
    "StudentT": ([3.5, 3.1, 0.3], stats.t(3.5, 3.1, 0.3)),
    "JohnsonSU": ([3.1, 0.5, 0.4, 1.3], stats.johnsonsu(0.4, 1.3, 3.1, 0.5)),
    "GeneralizedGauss": ([3.1, 0.4, 1.4], stats.gennorm(1.4, 3.1, 0.4)),
    "CrystalBall": ([3.4, 0.3, 1.2, 2.5], stats.crystalball(1.2, 2.5, 3.4, 0.3)),
    "ExpModGauss": ([2.8, 0.2, 2.5], stats.exponnorm(1 / (0.2 * 2.5), 2.8, 0.2)),
    "LogNormal": ([1.1, 0.3], stats.lognorm(0.3, scale=np.exp(1.1))),
    "Gamma": ([2.5, 0.8, 1.5], stats.gamma(2.5, 1.5, 0.8)),
    "ChiSquared": ([5.0], stats.chi2(5)),
    "Argus": ([4.8, -(1.3**2) / 2, 0.5], stats.argus(1.3, 0, 4.8)),
    "Exponential": ([-0.7], stats.expon(2, 1 / 0.7)),
    "Uniform": ([2.5, 4.0], stats.uniform(2.5, 1.5)),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_scipy_has_the_same_density(name):
    values, reference = REFERENCES[name]
    whole = bin_integrals(PDFS[name], np.linspace(*SPAN, 31), values, SPAN).sum()
    expected = reference.pdf(X) / (reference.cdf(SPAN[1]) - reference.cdf(SPAN[0]))
    tolerance = 1e-6 if name == "Argus" else 1e-11  # its slope is infinite at the endpoint
    np.testing.assert_allclose(density(PDFS[name], X, values, SPAN) / whole, expected, tolerance)


def _values(name, *values, x=X):
    return PDFS[name].formula(np.asarray(x), *values, xp=np)


def test_voigt_is_a_convolution():
    def product(t, x):
        gauss = math.exp(-(((x - t) / 0.2) ** 2) / 2) / (0.2 * math.sqrt(2 * math.pi))
        return gauss / (1 + ((t - 3.1) / 0.1) ** 2) / (0.1 * math.pi)

    def convolved(x):
        return quad(product, x - 2, x + 2, args=(x,), points=[x, 3.1])[0]

    found = _values("Voigt", 3.1, 0.2, 0.1)
    np.testing.assert_allclose(found, [convolved(x) for x in X], rtol=1e-8)


@pytest.mark.parametrize("sign", [1, -1])
def test_double_tails_have_the_tails_of_single_ones(sign):
    left = _values("CB", 3.4, 0.2, sign * 0.9, 2.5)
    right = _values("CB", 3.4, 0.2, -sign * 1.4, 4.0)
    on_left = (X < 3.4) == (sign > 0)
    expected = np.where(on_left, left, right)
    np.testing.assert_allclose(_values("CB2", 3.4, 0.2, sign * 0.9, 2.5, 1.4, 4.0), expected)
    if sign > 0:
        np.testing.assert_allclose(_values("DoubleCB", 3.4, 0.2, 0.9, 2.5, 1.4, 4.0), expected)


def test_a_negative_alpha_mirrors():
    mirrored = 2 * 3.4 - X
    for name, values in {"CB": (0.9, 2.5), "GaussExpTail": (0.9,)}.items():
        alpha, *others = values
        expected = _values(name, 3.4, 0.2, alpha, *others, x=mirrored)
        np.testing.assert_allclose(_values(name, 3.4, 0.2, -alpha, *others), expected, rtol=1e-10)
        asymmetric = _values(name, 3.4, 0.2, alpha, *others)
        assert asymmetric[0] > 1e3 * expected[0]


def test_generalized_tails_with_equal_widths_are_the_plain_ones():
    both = _values("GeneralizedCB", 3.4, 0.2, 0.9, 2.5, 0.2, 1.4, 4.0)
    np.testing.assert_allclose(both, _values("DoubleCB", 3.4, 0.2, 0.9, 2.5, 1.4, 4.0))
    exponential = _values("GeneralizedGaussExpTail", 3.4, 0.2, 0.9, 0.2, 50.0)
    np.testing.assert_allclose(exponential, _values("GaussExpTail", 3.4, 0.2, 0.9))


def test_an_exponential_tail_begins_with_the_value_and_slope_of_the_core():
    kink, below = 3.4 - 0.9 * 0.2, 3.4 - 0.9 * 0.2 - 0.5
    found = _values("GaussExpTail", 3.4, 0.2, 0.9, x=[kink, below])
    assert found[0] == pytest.approx(np.exp(-(0.9**2) / 2), rel=1e-12)
    assert found[1] == pytest.approx(found[0] * np.exp(-0.9 / 0.2 * 0.5), rel=1e-12)


def test_a_tail_that_begins_at_the_mean_is_constant():
    found = _values("CrystalBall", 3.4, 0.2, 0.0, 3.0, x=[2.0, 3.0, 3.4, 3.6])
    np.testing.assert_allclose(found, [1, 1, 1, np.exp(-0.5)])
    edges = np.array([2.0, 3.0, 3.4])
    integral = bin_integrals(PDFS["CrystalBall"], edges, [3.4, 0.2, 0.0, 3.0], SPAN)
    np.testing.assert_allclose(integral, [1.0, 0.4], rtol=1e-8)


def test_novosibirsk_is_a_gaussian_without_tail_and_has_its_full_width():
    np.testing.assert_allclose(
        _values("Novosibirsk", 3.1, 0.3, 0.0), _values("Gauss", 3.1, 0.3), rtol=1e-12
    )
    beside = _values("Novosibirsk", 3.1, 0.3, 1.0001e-4)
    np.testing.assert_allclose(beside, _values("Novosibirsk", 3.1, 0.3, 0.9999e-4), rtol=1e-4)
    # The full width at half maximum is 2 sqrt(log 4) sigma for any tail.
    fine = np.linspace(2, 5, 300_001)
    curve = _values("Novosibirsk", 3.1, 0.3, 0.5, x=fine)
    above = fine[curve > curve.max() / 2]
    assert above[-1] - above[0] == pytest.approx(2 * np.sqrt(np.log(4)) * 0.3, abs=3e-5)
    endpoint = 3.1 - 0.3 * np.sqrt(np.log(4)) / np.sinh(0.5 * np.sqrt(np.log(4)))
    assert _values("Novosibirsk", 3.1, 0.3, 0.5, x=[endpoint - 1e-9]) == [0]


def test_a_ratio_that_is_one_at_zero():
    y = np.array([-2.0, -9.9e-3, 5e-3, 1.1e-2, 3.0])
    np.testing.assert_allclose(sinh_ratio(y, np), np.sinh(y) / y, rtol=1e-11)
    assert sinh_ratio(np.array(0.0), np) == 1


def test_cruijff():
    found = _values("Cruijff", 3.1, 0.2, 0.0, 0.3, 0.4, x=[2.7, 3.1, 3.7])
    expected = [np.exp(-0.16 / 0.08), 1, np.exp(-0.36 / (0.18 + 0.4 * 0.36))]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_relativistic_breit_wigner():
    masses = np.array([0.95, 1.0195, 1.05])
    found = _values("RelativisticBreitWigner", 1.0195, 0.00425, x=masses)
    expected = 1 / ((masses**2 - 1.0195**2) ** 2 + 1.0195**2 * 0.00425**2)
    np.testing.assert_allclose(found / found[1], expected / expected[1], rtol=1e-12)


def test_shapes_with_an_error_function_do_not_overflow():
    x = np.array([60.0, 75.0, 110.0])
    expected = (1 + erf(0.05 * (x - 75))) * np.exp(-0.03 * (x - 75))
    np.testing.assert_allclose(_values("CMSShape", 75.0, 0.05, 0.03, x=x), expected, rtol=1e-12)
    x = np.array([2.2, 3.0, 3.4])
    expected = (1 - erf(4 * (x - 3))) * np.exp(-0.2 * (x**1.5 - 3**1.5))
    found = _values("ErfExp", 3.0, 4.0, -0.2, 1.5, x=x)
    np.testing.assert_allclose(found, expected, rtol=1e-11)
    # erfc(100) is 1e-4346: only with its exponential is it a number.
    steep = _values("CMSShape", 75.0, 10.0, 1000.0, x=[65.0])
    assert steep == pytest.approx([1 / (100 * np.sqrt(np.pi))], rel=1e-3)


def test_tsallis_has_its_known_integral():
    """The integral over all x is t n (t n + m (n - 2)) / ((n - 1) (n - 2)), times n - 1 in full."""
    m, t, n = 1.97, 0.3, 6.0
    whole = quad(lambda x: float(_values("Tsallis", m, t, n, x=x)), 0, np.inf)[0]
    assert whole == pytest.approx(n * t * (n * t + (n - 2) * m) / ((n - 1) * (n - 2)), rel=1e-8)


def test_polynomials_are_those_of_numpy():
    u = (2 * X - 7) / 3
    c = [0.3, -0.2, 0.1]
    polynomial = np.polynomial
    for name, series in {
        "Chebyshev": polynomial.Chebyshev,
        "Legendre": polynomial.Legendre,
        "Hermite": polynomial.Hermite,
        "Laguerre": polynomial.Laguerre,
    }.items():
        found = density(PDFS[name], X, [c], SPAN)
        np.testing.assert_allclose(found, series([1, *c])(u), rtol=1e-12, err_msg=name)
    # The derivative of T(n+1) is (n+1) U(n).
    second = polynomial.Chebyshev([0, 1, *(c[n] / (n + 2) for n in range(3))]).deriv()
    np.testing.assert_allclose(density(PDFS["Chebyshev2"], X, [c], SPAN), second(u), rtol=1e-12)


def test_bernstein():
    c = [1.0, 0.4, 0.9, 0.3]
    basis = [stats.binom(3, (X - 2) / 3).pmf(k) for k in range(4)]
    expected = np.sum([a * b for a, b in zip(c, basis, strict=True)], axis=0)
    np.testing.assert_allclose(density(PDFS["Bernstein"], X, [c], SPAN), expected, rtol=1e-12)


def test_power_tails_are_continuous_where_res_jumps():
    around = [0.5 - 1e-9, 0.5 + 1e-9, -0.5 - 1e-9, 1.0]
    np.testing.assert_allclose(
        _values("PowerTails", 0.5, 3.0, x=around), [1, 1, 1, 1 / 8], rtol=1e-7
    )
    inside, outside, _, far = _values("Res", 0.5, 3.0, x=around)
    assert outside / inside == pytest.approx(0.5**-2, rel=1e-7)
    assert far / outside == pytest.approx(1 / 8, rel=1e-7)
    assert _values("Res", 0.5, 3.0, x=[0.5]) == [0]  # as in dq_fitter
