"""The pdfs as objects of zfit: the same density, normalised, alone and in models and fits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from test_pdf_catalogue import POINTS

from tau3mu.fit.pdfs import PDFS, Pdf, bin_integrals, density, histogram_template, kde_template

_numbers = itertools.count()


def _parameter(value, *limits):
    """A parameter with a name of its own, as the names of a model have to be."""
    from tau3mu.fit.backend import zfit

    return zfit.Parameter(f"pdf_test_{next(_numbers)}", value, *limits)


def _parameters(pdf, values):
    return {
        role: [_parameter(v) for v in value] if isinstance(value, list) else _parameter(value)
        for role, value in zip(pdf.parameters, values, strict=True)
    }


def _space(span, name="mass"):
    from tau3mu.fit.backend import zfit

    return zfit.Space(name, *span)


def _number(tensor):
    return float(np.ravel(tensor)[0])


@pytest.mark.parametrize(("name", "span", "values"), POINTS)
def test_the_normalised_density_is_that_of_numpy(name, span, values):
    """For most pdfs of zfit, this compares its own class with our formula and integral."""
    from tau3mu.fit.pdfs.zfit_pdfs import FormulaPdf, zfit_pdf

    pdf = PDFS[name]
    made = zfit_pdf(pdf, _space(span), _parameters(pdf, values))
    assert isinstance(made, FormulaPdf) == (pdf.zfit_name is None)
    x = np.linspace(*span, 41)[1:-1]
    whole = bin_integrals(pdf, np.linspace(*span, 31), values, span).sum()
    expected = density(pdf, x, values, span) / whole
    np.testing.assert_allclose(made.pdf(x), expected, rtol=1e-8, atol=1e-8 * expected.max())


@pytest.mark.parametrize("name", [n for n, pdf in PDFS.items() if pdf.zfit_name is None])
def test_parts_of_the_range_add_up_to_one(name):
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    span, values = next((s, v) for n, s, v in POINTS if n == name)
    pdf = PDFS[name]
    made = zfit_pdf(pdf, _space(span), _parameters(pdf, values))
    edges = np.linspace(*span, 4)
    parts = [_number(made.integrate(_space(p))) for p in itertools.pairwise(edges)]
    expected = bin_integrals(pdf, edges, values, span)
    np.testing.assert_allclose(parts, expected / expected.sum(), rtol=1e-6, atol=1e-9)
    assert sum(parts) == pytest.approx(1, rel=1e-7)


@pytest.mark.parametrize(
    ("name", "values"),
    [("CB", [3.1, 0.07, 1.2, 2.5]), ("VWG", [2.04, 0.36, 0.45]), ("Exponential", [-0.7])],
)
def test_the_gradient_of_the_normalisation_is_that_of_finite_differences(name, values):
    from tau3mu.fit.backend import tf
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    pdf = PDFS[name]
    parameters = _parameters(pdf, values)
    made = zfit_pdf(pdf, _space((2.0, 5.0)), parameters)
    part = _space((2.5, 3.2))
    with tf.GradientTape() as tape:
        fraction = made.integrate(part)
    gradient = [float(g) for g in tape.gradient(fraction, list(parameters.values()))]
    for parameter, value, found in zip(parameters.values(), values, gradient, strict=True):
        sides = []
        for sign in (1, -1):
            parameter.set_value(value * (1 + sign * 1e-5))
            sides.append(_number(made.integrate(part)))
        parameter.set_value(value)
        assert found == pytest.approx((sides[0] - sides[1]) / (2e-5 * value), rel=1e-4)


def test_exponential_starts_flat():
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    made = zfit_pdf(PDFS["Exponential"], _space((2.0, 5.0)), {"slope": _parameter(0.0, -9, 9)})
    np.testing.assert_allclose(made.pdf([2.5, 4.5]), [1 / 3, 1 / 3], rtol=1e-12)


def test_coefficients_in_the_order_given_with_a_formula_of_ours():
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    plain = PDFS["Chebyshev"]
    own = Pdf("Own", plain.parameters, plain.formula, "", scaled=True)
    coefficients = {"coefficients": [_parameter(-0.3), _parameter(0.2), _parameter(0.05)]}
    x = np.linspace(2.1, 4.9, 9)
    of_zfit, of_ours = (zfit_pdf(p, _space((2.0, 5.0)), coefficients).pdf(x) for p in (plain, own))
    assert len(zfit_pdf(own, _space((2.0, 5.0)), coefficients).get_params()) == 3
    np.testing.assert_allclose(of_ours, of_zfit, rtol=1e-12)


def test_a_density_without_norm_in_a_graph():
    """In a graph, the parameters are read when it runs."""
    from tau3mu.fit.backend import tf
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    mean = _parameter(3.1)
    parameters = {"mean": mean, "width": _parameter(0.1)}
    made = zfit_pdf(PDFS["Gaus"], _space((2.0, 5.0)), parameters)

    @tf.function(autograph=False)  # as zfit's own graphs
    def values():
        return made.pdf(np.array([3.1, 3.2]), norm=False)

    np.testing.assert_allclose(values(), [1, np.exp(-0.5)], rtol=1e-12)
    mean.set_value(3.2)
    np.testing.assert_allclose(values(), [np.exp(-0.5), 1], rtol=1e-12)


def test_truncated_to_sidebands():
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    parameters = {"mean": _parameter(2.0), "width": _parameter(0.4), "slope": _parameter(0.45)}
    span, sidebands = (2.0, 5.0), [(2.0, 2.9), (3.3, 5.0)]
    yield_ = _parameter(1000.0, 0, 1e6)
    pdf = PDFS["VWG"]
    whole = zfit_pdf(pdf, _space(span), parameters, extended=yield_)
    truncated = whole.to_truncated(limits=[_space(s) for s in sidebands])
    values = [2.0, 0.4, 0.45]
    parts = [bin_integrals(pdf, np.array(s), values, span)[0] for s in sidebands]
    x = np.array([2.5, 3.1, 4.0])
    expected = density(pdf, x, values, span) / sum(parts) * np.array([1, 0, 1])
    np.testing.assert_allclose(truncated.pdf(x), expected, rtol=1e-8)
    total = bin_integrals(pdf, np.array(span), values, span)[0]
    assert _number(truncated.get_yield().value()) == pytest.approx(
        1000 * sum(parts) / total, rel=1e-8
    )


def test_templates_are_pdfs_too():
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    rng = np.random.default_rng(5)
    edges, span = np.array([0.0, 1.0, 1.5, 3.0]), (0.0, 3.0)
    histogram = zfit_pdf(histogram_template(edges, np.array([2.0, 5.0, 3.0])), _space(span), {})
    np.testing.assert_allclose(histogram.pdf([0.5, 1.2, 2.9]), [0.2, 1.0, 0.2], rtol=1e-12)
    events = rng.normal(1.5, 0.3, 2000)
    kde = kde_template(events, None, span)
    smooth = zfit_pdf(kde, _space(span), {})
    x = np.linspace(0.1, 2.9, 7)
    np.testing.assert_allclose(smooth.pdf(x), density(kde, x, [], span), rtol=1e-6)


def test_two_components_share_a_parameter_in_an_extended_fit():
    """The fit of 4000 events finds what they were made with, and what NumPy's likelihood finds."""
    from tau3mu.fit.backend import Minuit, zfit
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    rng = np.random.default_rng(11)
    span = (2.0, 5.0)
    inside = [
        rng.normal(3.1, 0.08, 1000),
        rng.normal(3.68, 0.08, 300),
        2 + rng.exponential(1.2, 4000),
    ]
    events = np.concatenate(inside)
    events = events[(events > span[0]) & (events < span[1])]
    space = _space(span)
    mean, width = _parameter(3.08, 3.0, 3.2), _parameter(0.1, 0.02, 0.3)
    slope = _parameter(-0.5, -5, 5)
    shifted = zfit.ComposedParameter("pdf_test_shifted", lambda m: m + 0.58, params=[mean])
    yields = [_parameter(v, 0, 1e5) for v in (800.0, 500.0, 3000.0)]
    components = [
        zfit_pdf(PDFS["Gaus"], space, {"mean": mean, "width": width}, extended=yields[0]),
        zfit_pdf(PDFS["Gaus"], space, {"mean": shifted, "width": width}, extended=yields[1]),
        zfit_pdf(PDFS["Exp"], space, {"slope": slope}, extended=yields[2]),
    ]
    model = zfit.pdf.SumPDF(components)
    loss = zfit.loss.ExtendedUnbinnedNLL(model, zfit.Data.from_numpy(space, events))
    result = zfit.minimize.Minuit(tol=1e-5).minimize(loss)
    assert result.valid

    def nll(m, w, s, *counts):
        shapes = [(PDFS["Gaus"], [m, w]), (PDFS["Gaus"], [m + 0.58, w]), (PDFS["Exp"], [s])]
        rate = 0.0
        for (pdf, values), count in zip(shapes, counts, strict=True):
            whole = bin_integrals(pdf, np.array(span), values, span)
            rate = rate + count * density(pdf, events, values, span) / whole
        return sum(counts) - np.log(rate).sum()

    start = {"m": 3.08, "w": 0.1, "s": -0.5, "n1": 800, "n2": 500, "n3": 3000}
    reference = Minuit(nll, *start.values(), name=list(start))
    reference.errordef, reference.tol = 0.5, 1e-4
    reference.migrad()
    found = np.array([float(p.value()) for p in (mean, width, slope, *yields)])
    errors = np.array(reference.errors)
    np.testing.assert_array_less(np.abs(found - np.array(reference.values)) / errors, 0.02)
    truth = np.array([3.1, 0.08, -1 / 1.2, 1000, 300, len(events) - 1300])
    np.testing.assert_array_less(np.abs(found - truth) / errors, 4)


def test_numbers_are_drawn_from_a_formula():
    from tau3mu.fit.backend import zfit
    from tau3mu.fit.pdfs.zfit_pdfs import zfit_pdf

    values = [3.1, 0.1, -0.6, 0.2, 1.5, 0.05, 2.0, 0.3, 1.3, 0.06]
    span, pdf = (2.0, 5.0), PDFS["NA60"]
    zfit.settings.set_seed(3)
    sample = zfit_pdf(pdf, _space(span), _parameters(pdf, values)).sample(5000).numpy()[:, 0]
    edges = np.linspace(*span, 16)
    expected = bin_integrals(pdf, edges, values, span)
    counts = np.histogram(sample, edges)[0]
    assert stats.chisquare(counts, 5000 * expected / expected.sum()).pvalue > 1e-3
