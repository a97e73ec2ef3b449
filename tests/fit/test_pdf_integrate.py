"""Integrals over bins against SciPy's adaptive quadrature, bin by bin."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad
from test_pdf_catalogue import POINTS

from tau3mu.fit.pdfs import PDFS, Pdf, bin_integrals, density
from tau3mu.fit.pdfs.integrate import PANELS


def _reference(pdf, edges, values, span):
    """The integrals by quadrature that is told of the peak and of the kinks."""
    special = [*(pdf.kinks(*values) if pdf.kinks else ()), *(v for v in values if np.isscalar(v))]

    def integral(lower, upper):
        points = [p for p in special if lower < p < upper] or None
        return quad(
            lambda x: float(density(pdf, np.array(x), values, span)),
            lower, upper, points=points, epsabs=0, epsrel=1e-10, limit=500,
        )[0]  # fmt: skip

    return np.array([integral(a, b) for a, b in pairwise(edges)])


@pytest.mark.parametrize(("name", "span", "values"), POINTS)
def test_bins_have_their_integrals(name, span, values):
    pdf = PDFS[name]
    edges = np.linspace(*span, 13)
    found = bin_integrals(pdf, edges, values, span)
    expected = _reference(pdf, edges, values, span)
    # The density of ARGUS has an infinite slope at its endpoint.
    np.testing.assert_allclose(
        found, expected, rtol=1e-5 if name == "Argus" else 1e-6, atol=1e-12 * expected.sum()
    )


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("Gauss", [3.1, 0.003]),
        ("CrystalBall", [3.1, 0.003, 1.5, 3.0]),
        ("NA60", [3.1, 0.003, -0.6, 0.2, 1.5, 0.05, 2.0, 0.3, 1.3, 0.06]),
        ("Cruijff", [3.1, 0.003, 0.05, 0.004, 0.1]),
        ("Novosibirsk", [3.1, 0.003, 0.2]),
        ("ExpModGauss", [3.1, 0.003, 40.0]),
        ("Voigt", [3.1, 0.003, 0.006]),
        ("RelativisticBreitWigner", [3.1, 0.012]),
    ],
)
def test_a_peak_far_narrower_than_a_bin_is_right(name, values):
    span = (2.0, 5.0)
    edges = np.array([2.0, 3.0, 3.5, 5.0])
    found = bin_integrals(PDFS[name], edges, values, span)
    reference = _reference(PDFS[name], np.linspace(2, 5, 61), values, span)
    expected = [reference[:20].sum(), reference[20:30].sum(), reference[30:].sum()]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9 * sum(expected))


def test_quadrature_agrees_with_every_exact_integral():
    for name, span, values in POINTS:
        pdf = PDFS[name]
        if pdf.integral is None or name in {"Uniform", "GeneralizedGauss"}:  # jumps and cusps
            continue
        plain = Pdf(
            pdf.name, pdf.parameters, pdf.formula, "",
            scaled=pdf.scaled, centered=pdf.centered, kinks=pdf.kinks,
        )  # fmt: skip
        edges = np.linspace(*span, 40)
        exact, quadrature = (bin_integrals(p, edges, values, span) for p in (pdf, plain))
        assert np.abs(exact - quadrature).max() < 3e-5 * exact.sum(), name


def test_bins_may_be_unequal_and_cover_a_part_of_the_range():
    span = (2.0, 5.0)
    whole = np.linspace(*span, 301)
    for name in ("NA60", "Voigt", "Chebyshev", "Exponential", "DoubleCB"):
        values = next(v for n, _, v in POINTS if n == name)
        fine = bin_integrals(PDFS[name], whole, values, span)
        found = bin_integrals(PDFS[name], whole[[20, 21, 110, 290]], values, span)
        expected = [fine[20], fine[21:110].sum(), fine[110:290].sum()]
        np.testing.assert_allclose(found, expected, rtol=1e-7, err_msg=name)


def test_tails_keep_their_relative_precision():
    """Far out, differences of an antiderivative near its limit would cancel to nothing."""
    edges = np.array([3.0, 3.1, 3.2])
    found = bin_integrals(PDFS["Gauss"], edges, [2.0, 0.05], (2, 5))
    np.testing.assert_allclose(found, _reference(PDFS["Gauss"], edges, [2.0, 0.05], (2, 5)), 1e-9)
    assert 0 < found[1] < found[0] < 1e-80


def test_a_steep_exponential_in_one_bin_does_not_overflow():
    for slope in (500.0, -500.0):
        found = bin_integrals(PDFS["Exponential"], np.array([0.0, 2.0]), [slope], (0, 2))
        assert found == pytest.approx([2 * np.sinh(500) / 500], rel=1e-12)


@pytest.mark.parametrize("n", [1.0, 1 + 1e-12, 1 + 1e-6, 0.999])
def test_a_power_of_one_is_no_special_case(n):
    span, edges = (2.0, 5.0), np.linspace(2, 5, 7)
    values = [3.5, 0.1, 1.0, n]
    expected = _reference(PDFS["CrystalBall"], edges, values, span)
    found = bin_integrals(PDFS["CrystalBall"], edges, values, span)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_panel_is_no_wider_than_promised(monkeypatch):
    """The formula is evaluated in all of the panels of a single bin, and not in more."""
    seen = []

    def formula(x, xp):
        seen.append(x)
        return xp.ones_like(x)

    pdf = Pdf("flat", (), formula, "A constant.")
    assert bin_integrals(pdf, np.array([0.0, 2.0]), [], (0, 2)) == pytest.approx([2.0], rel=1e-14)
    assert seen[0].shape == (PANELS, 6)
    assert np.diff(seen[0][:, 0]).max() == pytest.approx(2 / PANELS)
