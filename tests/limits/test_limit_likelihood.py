"""The likelihood against slow integrals, and its derivatives against differences."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from limit_models import counting, model, spectrum
from scipy.integrate import quad
from scipy.optimize import minimize as scipy_minimize

from tau3mu.limits.compiled import compiled
from tau3mu.limits.engine.backgrounds import FAMILIES, Backgrounds
from tau3mu.limits.engine.effects import Effects
from tau3mu.limits.engine.likelihood import Data
from tau3mu.limits.engine.minimize import covariance, minimize
from tau3mu.limits.engine.peaks import Peaks
from tau3mu.limits.engine.points import bin_points, mass_points, side_by_side
from tau3mu.limits.observations import observe

PEAK = {"yield": 5.0, "mean": 1.777, "sigma": 0.012, "alpha": 1.2, "power": 2.5, "fraction": 0.7,
        "gauss": 0.02}  # fmt: skip
NUISANCES = {
    "eff": {"yield": {"*": 1.1}},
    "acc": {"yield": {"b": [0.8, 1.1]}},
    "scale": {"mean": {"?": 0.0009}},
    "resolution": {"width": {"a": 0.02, "c": 0.05}},
}


def numbers(one, *, observed=False, families=None):
    found = {
        name: observe(name, channel, observed=observed, folder=Path())
        for name, channel in one.channels.items()
        if hasattr(channel, "range")
    }
    return compiled(one, found, observed=observed, families=families)


@pytest.fixture(scope="module")
def three():
    """Three spectra with nuisances of all kinds."""
    return model(
        {"a": spectrum(signal=PEAK), "b": spectrum(), "c": spectrum(signal=PEAK)}, NUISANCES
    )


@pytest.mark.parametrize(("alpha", "power"), [(1.2, 2.5), (0.5, 126.7), (3.4, 2.7e-5), (2.0, 1.0)])
def test_peaks_are_normalized_on_their_range(alpha, power):
    one = [np.array([x]) for x in (1.62, 2.0, 1.777, 0.02, alpha, power, 0.6, 0.015)]
    peaks = Peaks(*one)

    def density(x, shift=0.0, scale=0.0):
        found = peaks.densities(
            np.array([x]), np.zeros(1, int), np.array([[shift]]), np.array([[scale]])
        )
        return [float(part[0, 0]) for part in found]

    whole = quad(lambda x: density(x, 0.002, 0.1)[0], 1.62, 2.0, points=[1.74, 1.78], limit=200)[0]
    assert whole == pytest.approx(1, abs=1e-9)
    for x in (1.65, 1.76, 1.79):
        step = 1e-6
        by_shift = (density(x, step)[0] - density(x, -step)[0]) / (2 * step)
        by_scale = (density(x, 0, step)[0] - density(x, 0, -step)[0]) / (2 * step)
        assert density(x)[1:] == pytest.approx([by_shift, by_scale], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_backgrounds_are_normalized_on_their_range(family):
    shapes = Backgrounds([family], np.array([1.62]), np.array([2.0]))
    parameters = np.array([[1.5], [-0.7], [0.4]])[: shapes.size][None]

    def density(x):
        return float(shapes.densities(np.array([x]), np.zeros(1, int), parameters)[0][0, 0])

    assert quad(density, 1.62, 2.0)[0] == pytest.approx(1, abs=1e-10)
    assert min(map(density, np.linspace(1.62, 2.0, 20))) > 0


def test_a_power_law_beside_a_range_below_zero():
    """Channels of several families are evaluated together."""
    below = spectrum(range=[-1.0, 2.0])
    power = spectrum(background={"family": "power", "events": {"start": 40}})
    both = numbers(model({"a": power, "b": below}))
    alone = [numbers(model({"a": one})) for one in (power, below)]
    expected = [made.asimov(made.likelihood.start).spectra[0] for made in (both, *alone)]
    np.testing.assert_allclose(expected[0], np.concatenate(expected[1:]), rtol=1e-12)


def gradient(like, parameters, data):
    found = like.curvature(parameters, data)
    return np.concatenate([found.by_globals, found.by_locals.reshape(len(parameters), -1)], axis=1)


def check_derivatives(like, data, parameters):
    """Compares the gradient with differences of the value, and Hessians with those of it."""
    step = 1e-5 * np.maximum(1, np.abs(parameters))
    sets = parameters + np.concatenate([np.diag(step), -np.diag(step)])
    values = like.value(sets, data.repeated(len(sets)))
    slopes = (values[: len(step)] - values[len(step) :]) / (2 * step)
    one = like.curvature(parameters[None], data)
    assert one.value[0, 0] == pytest.approx(like.value(parameters[None], data)[0], rel=1e-12)
    np.testing.assert_allclose(gradient(like, parameters[None], data)[0], slopes, atol=2e-5)
    gradients = gradient(like, sets, data.repeated(len(sets)))
    second = (gradients[: len(step)] - gradients[len(step) :]) / (2 * step)[:, None]
    size, channels = like.n_globals, like.n_spectra
    for a in range(like.n_locals):
        for b in range(like.n_locals):
            for c in range(channels):
                expected = second[size + a * channels + c, size + b * channels + c]
                assert one.locals[0, a, b, c] == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert one.globals[0, 0, 0] == pytest.approx(second[0, 0], rel=1e-5)
    np.testing.assert_allclose(one.mixed[0, 0].ravel(), second[0, size:], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "families", [{}, {"a": "power"}, {"a": "bernstein3", "b": "flat", "c": "bernstein1"}]
)
@pytest.mark.parametrize("kind", ["bins", "wide bins", "masses", "sidebands"])
def test_derivatives_are_those_of_the_value(three, families, kind):
    made = numbers(three, families=families)
    like, generator = made.likelihood, np.random.default_rng(3)
    edges = np.linspace(1.62, 2.0, 20)
    counts = generator.poisson(4, (3, 19)).astype(float)
    if kind == "masses":
        parts = [mass_points(generator.uniform(1.62, 2.0, 17), 1.8) for _ in range(3)]
    else:
        narrowest = 1.0 if kind == "bins" else 0.012
        parts = [bin_points(edges, counts[one], narrowest) for one in range(3)]
    points = replace(side_by_side(parts), partial=kind == "sidebands")
    assert (points.bins is None) == (kind in {"bins", "masses"})
    data = Data(points, points.counts[None], np.zeros((1, 0)), generator.normal(size=(1, 4)),
                made.centers(1))  # fmt: skip
    parameters = like.start.copy()
    parameters[:5] = [0.4, 0.3, -0.7, 1.2, -0.4]
    parameters[like.n_globals + 3 :] = generator.normal(size=like.size - like.n_globals - 3)
    check_derivatives(like, data, parameters)


def test_derivatives_of_templates():
    bins = {"down": [3, 5, 2], "up": [2, 6, 4]}
    made = numbers(
        model(
            {"a": counting([1, 2, 1], [2.5, 5, 3]), "b": counting([2.0], [7.0], free=True)},
            {
                "rate": {"yield": {"a": 1.2, "a/bkg": [0.8, 1.3]}},
                "shape": {"template": {"a/bkg": bins}, "yield": {"b/bkg": 1.1}},
            },
        )
    )
    like = made.likelihood
    data = Data(None, np.zeros((1, 0)), np.array([[3.0, 8, 1, 12]]), np.array([[0.3, -0.2]]),
                made.centers(1))  # fmt: skip
    for theta in (0.3, -0.8, 2.2):
        check_derivatives(like, data, np.array([0.5, 0.7, theta, 1.3]))


def test_one_template_moves_as_stated():
    """At θ = ±1, templates are what the file says; between, rates are log-normal."""
    made = numbers(model({"a": counting([1, 1], [4, 6])}, {
        "shape": {"template": {"a/bkg": {"down": [2, 5], "up": [6, 9]}}},
    }))  # fmt: skip
    expected = [made.likelihood.templates.expected(np.array([[0.0, t]]))[0] for t in (-1, 0, 1)]
    np.testing.assert_allclose(expected, [[2, 5], [4, 6], [6, 9]])
    effects = Effects(np.array([[np.log(1.3)]]), np.array([[-np.log(0.8)]]))
    assert np.exp(effects.logs(np.array([[1.0], [-1.0], [2.0]]))).ravel() == pytest.approx(
        [1.3, 0.8, 1.3**2]
    )


def test_the_minimum_is_that_of_a_slow_fit(three):
    made = numbers(three)
    like = made.likelihood
    truth = like.start.copy()
    truth[0] = 1.0
    generator = np.random.default_rng(5)
    data = made.asimov(truth)
    data = replace(data, spectra=generator.poisson(data.spectra).astype(float),
                   nuisances=generator.normal(size=(1, 4)))  # fmt: skip
    found = minimize(like, data, like.start[None])
    assert found.converged.all()
    slow = scipy_minimize(
        lambda x: like.value(x[None], data)[0], found.parameters[0] + 0.01,
        jac=lambda x: gradient(like, x[None], data)[0], method="L-BFGS-B",
        bounds=list(zip(like.low, like.high, strict=True)),
        options={"maxiter": 5000, "ftol": 1e-15, "gtol": 1e-7},
    )  # fmt: skip
    assert found.value[0] <= slow.fun + 1e-6
    assert found.value[0] == pytest.approx(slow.fun, abs=1e-4)
    spread = np.sqrt(covariance(like, data, found.parameters)[0, 0, 0])
    assert abs(found.parameters[0, 0] - 1) < 4 * spread


def test_fits_of_many_sets_are_those_of_each(three):
    made = numbers(three)
    like = made.likelihood
    data = made.asimov(like.start)
    generator = np.random.default_rng(7)
    toys = replace(
        data.repeated(6),
        spectra=generator.poisson(data.spectra[0], (6, data.spectra.shape[1])).astype(float),
    )
    start = np.repeat(like.start[None], 6, axis=0)
    together = minimize(like, toys, start)
    for one in range(6):
        alone = minimize(like, toys[one : one + 1], start[:1])
        assert alone.value[0] == pytest.approx(together.value[one], abs=1e-9)
    assert together.converged.all()
