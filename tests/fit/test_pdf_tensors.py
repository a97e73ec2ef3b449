"""The formulas with TensorFlow: the same numbers as with NumPy, and gradients."""

from __future__ import annotations

import numpy as np
import pytest
from test_pdf_catalogue import POINTS

from tau3mu.fit.pdfs import PDFS, density


def _flat(values):
    return np.concatenate([np.ravel(value) for value in values])


def _grouped(vector, values):
    """Puts the elements of a vector in the place of the values, lists as lists."""
    from tau3mu.fit.backend import tf

    elements = iter(tf.unstack(vector) if tf.is_tensor(vector) else vector)
    return [[next(elements) for _ in v] if isinstance(v, list) else next(elements) for v in values]


def _gradient(name, x, values, span, weights):
    from tau3mu.fit.backend import tf, znp

    vector = tf.Variable(_flat(values), dtype=tf.float64)
    with tf.GradientTape() as tape:
        grouped = _grouped(tf.convert_to_tensor(vector), values)
        total = tf.reduce_sum(weights * density(PDFS[name], tf.constant(x), grouped, span, znp))
    zero = tf.UnconnectedGradients.ZERO
    return tape.gradient(total, vector, unconnected_gradients=zero).numpy()


@pytest.mark.parametrize(("name", "span", "values"), POINTS)
def test_tensors_give_the_same_numbers(name, span, values):
    from tau3mu.fit.backend import tf, znp

    x = np.linspace(*span, 47)
    expected = density(PDFS[name], x, values, span)
    found = density(PDFS[name], tf.constant(x), values, span, znp)
    assert found.dtype == tf.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12 * expected.max())


@pytest.mark.parametrize(("name", "span", "values"), [p for p in POINTS if p[0] != "Uniform"])
def test_gradients_are_those_of_finite_differences(name, span, values):
    x = np.linspace(*span, 38)[1:-1]
    weights = np.linspace(1, 2, len(x))
    point = _flat(values)

    def total(vector):
        return float(weights @ density(PDFS[name], x, _grouped(vector, values), span))

    steps = np.diag(1e-6 * np.maximum(np.abs(point), 1e-3))
    differences = [(total(point + s) - total(point - s)) / (2 * s.sum()) for s in steps]
    scale = np.abs(differences).max() + 1e-12
    found = _gradient(name, x, values, span, weights)
    np.testing.assert_allclose(found, differences, rtol=2e-4, atol=1e-5 * scale)


@pytest.mark.parametrize(("name", "span", "values"), POINTS)
def test_gradients_are_finite_at_special_values_and_far_out(name, span, values):
    """Both branches of a choice are differentiated, so one that is not chosen must be finite."""
    location, width = values[:2] if len(values) > 1 else (3.1, 0.1)
    numbers = [v for v in _flat(values) if abs(v) < 1e3]
    special = [location, *numbers, *(location + n * width for n in numbers),
               *(location - n * width for n in numbers)]  # fmt: skip
    x = np.array([*special, 0.0, -1.0, span[0] - 100, span[1] + 100, *span])
    assert np.isfinite(density(PDFS[name], x, values, span)).all()
    assert np.isfinite(_gradient(name, x, values, span, np.ones(len(x)))).all()


@pytest.mark.parametrize(
    ("sigma", "gamma", "tolerance"),
    [(0.05, 0.05, 1e-12), (0.05, 0.002, 1e-11), (0.05, 1e-5, 1e-8), (0.005, 0.5, 1e-12)],
)
def test_voigt_is_right_in_its_wings(sigma, gamma, tolerance):
    from tau3mu.fit.backend import tf, znp

    x = np.linspace(2, 5, 301)
    expected = PDFS["Voigt"].formula(x, 3.1, sigma, gamma, xp=np)
    found = PDFS["Voigt"].formula(tf.constant(x), 3.1, sigma, gamma, xp=znp)
    np.testing.assert_allclose(found, expected, rtol=tolerance)
