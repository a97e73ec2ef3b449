"""The integrals over bins against quadrature of the textbook formulas."""

from __future__ import annotations

import numpy as np
import pytest
from independent_fit import EDGES, crystal_ball, integrate

from tau3mu.fit.backend import tf
from tau3mu.fit.integrals import INTEGRALS
from tau3mu.fit.shapes import SHAPES


def _integrals(shape, edges, **values):
    tensors = {name: tf.constant(value, tf.float64) for name, value in values.items()}
    return INTEGRALS[shape](tf.constant(edges), **tensors).numpy()


@pytest.mark.parametrize(
    ("alpha", "n"),
    [(1.5, 3.0), (0.5, 3.0), (5.0, 3.0), (-1.2, 4.0), (2.0, 1.0), (2.0, 1 + 1e-9), (1.0, 0.1),
     (0.7, 25.0), (-9.0, 0.5)],
)  # fmt: skip
def test_crystal_ball(alpha, n):
    mu, sigma = 1.968, 0.0137
    kink = mu - np.sign(alpha) * abs(alpha) * sigma
    expected = integrate(lambda x: crystal_ball(x, mu, sigma, alpha, n), EDGES, [kink])
    found = _integrals("CrystalBall", EDGES, mu=mu, sigma=sigma, alpha=alpha, n=n)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-15 * expected.sum())


@pytest.mark.parametrize("slope", [-10.0, -0.36, -1e-3, -1e-9, 0.0, 1e-5, 5.0])
def test_exponential(slope):
    expected = integrate(lambda x: np.exp(slope * (x - 1.83)), EDGES)
    np.testing.assert_allclose(_integrals("Exponential", EDGES, slope=slope), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("shape", "values"),
    [
        ("CrystalBall", {"mu": 1.968, "sigma": 0.0137, "alpha": 1.5, "n": 3.0}),
        ("CrystalBall", {"mu": 1.968, "sigma": 0.0137, "alpha": -1.5, "n": 1.0}),
        ("Exponential", {"slope": -0.36}),
        ("Exponential", {"slope": 0.0}),
    ],
)
def test_gradients_are_those_of_finite_differences(shape, values):
    names = list(values)
    bins = tf.constant(np.linspace(-1, 1, 62))  # a sum with weights, since the plain one is 1
    point = tf.Variable([values[name] for name in names], dtype=tf.float64)

    def weighted():
        parameters = dict(zip(names, tf.unstack(point), strict=True))
        integrals = INTEGRALS[shape](tf.constant(EDGES), **parameters)
        return tf.reduce_sum(bins * integrals / tf.reduce_sum(integrals))

    with tf.GradientTape() as tape:
        value = weighted()
    gradient = tape.gradient(value, point).numpy()
    for i, name in enumerate(names):
        step = 1e-5 * max(abs(values[name]), 0.01)
        sides = []
        for sign in (1, -1):
            point.assign([values[n] + sign * step * (n == name) for n in names])
            sides.append(float(weighted()))
        assert gradient[i] == pytest.approx((sides[0] - sides[1]) / (2 * step), rel=1e-4), name


def test_every_shape_of_the_language_can_be_integrated():
    assert set(INTEGRALS) == set(SHAPES)
