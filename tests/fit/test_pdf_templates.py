"""Templates from histograms and from events."""

from __future__ import annotations

import pickle
from itertools import pairwise

import cloudpickle
import numpy as np
import pytest
from errors import raises
from scipy import stats
from scipy.integrate import quad

from tau3mu.errors import InputError
from tau3mu.fit.pdfs import PDFS, bin_integrals, density, histogram_template, kde_template

EDGES = np.array([1.0, 2.0, 2.5, 4.5])
CONTENTS = np.array([3.0, 0.0, 7.0])
SPAN = (0.0, 4.0)


@pytest.fixture(scope="module")
def events():
    return np.random.default_rng(2).normal(1.0, 0.8, 3000)


@pytest.fixture(scope="module")
def kde(events):
    return kde_template(events, None, SPAN)


def test_a_histogram_is_its_density():
    from tau3mu.fit.backend import tf, znp

    pdf = histogram_template(EDGES, CONTENTS)
    x = np.array([[0.9, 1.0, 1.9], [2.2, 2.5, 4.6]])
    expected = [[0, 0.3, 0.3], [0, 0.35, 0]]
    np.testing.assert_allclose(density(pdf, x, [], SPAN), expected)
    np.testing.assert_allclose(density(pdf, tf.constant(x), [], SPAN, znp), expected)


def test_the_integrals_of_a_histogram_are_exact_in_other_bins():
    found = bin_integrals(histogram_template(EDGES, CONTENTS), np.array([0, 1.5, 3, 5]), [], SPAN)
    np.testing.assert_allclose(found, [0.15, 0.15 + 0.35 / 2, 0.35 * 1.5], rtol=1e-14)


@pytest.mark.parametrize(
    ("edges", "contents", "code", "mentions"),
    [
        ([1, 2, 2, 3], [1, 1, 1], "fit.wrong-template", "4 edges"),
        ([1, 2, 3], [1, 1, 1], "fit.wrong-template", "3 edges and 3 contents"),
        ([1, 2, 3], [1, -2], "fit.no-density", ("-2", "bin 1", "2 to 3")),
        ([1, 2, 3], [np.nan, 2], "fit.no-density", ("nan", "bin 0", "1 to 2")),
        ([1, 2, 3], [0, 0], "fit.empty-template", "1 to 3"),
    ],
)
def test_a_histogram_that_is_no_density(edges, contents, code, mentions):
    with raises(code, InputError, path="template", mentions=mentions):
        histogram_template(np.array(edges), np.array(contents))


def test_events_give_the_kernel_estimate_away_from_the_ends(events, kde):
    inside = events[(events >= 0) & (events <= 4)]
    estimate = stats.gaussian_kde(inside)
    x = np.linspace(1, 3, 101)  # the bandwidth is 0.12
    np.testing.assert_allclose(density(kde, x, [], SPAN), estimate(x), rtol=0.01, atol=1e-3)


def test_the_estimate_does_not_fall_off_at_the_ends(kde):
    """It is mirrored there: without that it would be half of the density."""
    truth = stats.norm(1.0, 0.8)
    density_at_end = truth.pdf(0) / (truth.cdf(4) - truth.cdf(0))
    assert density(kde, np.array([0.0]), [], SPAN)[0] == pytest.approx(density_at_end, rel=0.2)
    assert density(kde, np.array([-0.01, 4.01]), [], SPAN).tolist() == [0, 0]


def test_the_estimate_is_normalised_and_integrates_exactly(kde):
    edges = np.array([-1.0, 0.3, 0.31, 2.0, 4.0, 5.0])
    found = bin_integrals(kde, edges, [], SPAN)
    grid = kde.formula.keywords["grid"]
    expected = [
        quad(
            lambda x: float(density(kde, np.array(x), [], SPAN)),
            a, b, points=grid[(grid > a) & (grid < b)], limit=2000,
        )[0]
        for a, b in pairwise(edges)
    ]  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-15)
    assert found.sum() == pytest.approx(1, rel=1e-12)


def test_the_table_follows_a_narrow_estimate():
    events = np.random.default_rng(3).normal(50.0, 0.5, 4000)
    pdf = kde_template(events, None, (0.0, 100.0))
    x = np.linspace(48, 52, 60)
    np.testing.assert_allclose(
        density(pdf, x, [], (0, 100)), stats.gaussian_kde(events)(x), rtol=0.02, atol=1e-3
    )


def test_a_weight_counts_like_so_many_events(events):
    inside = events[(events > 0) & (events < 4)][:500]
    number = np.tile([1, 2, 3, 4], 125)
    weighted = kde_template(inside, number.astype(float), SPAN)
    x = np.linspace(0.5, 3, 20)
    estimate = stats.gaussian_kde(inside, weights=number)
    bandwidth = np.sqrt(estimate.covariance[0, 0])
    direct = np.sum(number[:, None] * stats.norm(inside[:, None], bandwidth).pdf(x), axis=0)
    mirrored = np.sum(number[:, None] * stats.norm(-inside[:, None], bandwidth).pdf(x), axis=0)
    expected = (direct + mirrored) / number.sum()
    np.testing.assert_allclose(density(weighted, x, [], SPAN), expected, rtol=0.02)


def test_tensors_give_the_same_numbers(kde):
    from tau3mu.fit.backend import tf, znp

    x = np.linspace(-1, 5, 301).reshape(7, 43)
    for pdf in (kde, histogram_template(EDGES, CONTENTS)):
        found = density(pdf, tf.constant(x), [], SPAN, znp)
        np.testing.assert_allclose(found, density(pdf, x, [], SPAN), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    ("values", "weights", "code", "mentions"),
    [
        ([1.0, 2.0], [1.0], "fit.weights-differ", ("2 events", "not 1")),
        ([1.0, np.nan], None, "fit.not-finite", ()),
        ([1.0, 2.0], [1.0, np.inf], "fit.not-finite", ()),
        ([1.0, 1.0], None, "fit.empty-template", ("0 to 4", "2 events")),
        ([1.0, 9.0], None, "fit.empty-template", "1 events"),
        ([1.0, 2.0], [1.0, 0.0], "fit.empty-template", "1 events"),
        ([1.0, 2.0], [1.0, -0.5], "fit.no-density", "-0.5"),
    ],
)
def test_events_that_give_no_density(values, weights, code, mentions):
    weights = None if weights is None else np.array(weights)
    with raises(code, InputError, mentions=mentions):
        kde_template(np.array(values), weights, SPAN)


def test_every_pdf_is_pickled(kde):
    x = np.linspace(1, 3, 5)
    for pdf in (kde, histogram_template(EDGES, CONTENTS)):
        copy = pickle.loads(cloudpickle.dumps(pdf))
        np.testing.assert_array_equal(density(copy, x, [], SPAN), density(pdf, x, [], SPAN))
    for pdf in PDFS.values():
        assert pickle.loads(pickle.dumps(pdf)) == pdf
