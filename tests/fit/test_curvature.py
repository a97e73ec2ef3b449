"""The covariance, held to a slow reference: second derivatives of several steps, extrapolated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from double_crystal_ball import DOCUMENT, ROOFIT, counts, entries, tails

from tau3mu.fit import fit
from tau3mu.fit.fitting.curvature import inverse_curvature
from tau3mu.fit.language import model_of
from tau3mu.fit.likelihood import Objective
from tau3mu.fit.studies import scan


def _second_derivatives(function, point, steps):
    """Central differences along the parameters themselves."""
    size = len(point)
    result = np.empty((size, size))
    shifts = np.diag(steps)
    for i in range(size):
        for j in range(size):
            signs = ((1, 1), (1, -1), (-1, 1), (-1, -1))
            ends = [s * t * function(point + s * shifts[i] + t * shifts[j]) for s, t in signs]
            result[i, j] = sum(ends) / (4 * steps[i] * steps[j])
    return result


def reference(result):
    """The uncertainties from Richardson's extrapolation, and how far two of them are apart."""
    objective = Objective(result.model, result.data)
    names = objective.parameters.free
    point = objective.parameters.point(result.values)
    errors = np.array([result.parameters[name].error for name in names])
    found = []
    for step in (0.01, 0.02):
        fine, coarse = (_second_derivatives(objective, point, f * step * errors) for f in (1, 2))
        found.append(np.sqrt(np.diag(np.linalg.inv((4 * fine - coarse) / 3))))
    return dict(zip(names, found[0], strict=True)), np.max(np.abs(found[1] / found[0] - 1))


@pytest.mark.parametrize("engine", ["numpy", pytest.param("zfit", marks=pytest.mark.integration)])
def test_errors_of_free_tails_are_those_of_the_second_derivatives(engine):
    result = fit(tails(engine=engine), counts())
    expected, spread = reference(result)
    assert result.valid
    assert spread < 1e-3
    for name, error in expected.items():
        assert result.parameters[name].error == pytest.approx(error, rel=5e-3), name


@pytest.mark.parametrize("factor", [5, 50])
def test_errors_of_many_entries(factor):
    result = fit(tails(), counts(factor))
    expected, _ = reference(result)
    for name, error in expected.items():
        assert result.parameters[name].error == pytest.approx(error, rel=2e-3), name


def test_errors_of_other_free_tails():
    """A Gaussian with exponential tails and two widths."""
    signal = {
        **DOCUMENT["components"]["signal"],
        "pdf": "GeneralizedGaussExpTail",
        "parameters": {
            "mu": "mean", "sigmal": "sigma", "alphal": "alphal", "sigmar": "sigmar",
            "alphar": "alphar",
        },
    }  # fmt: skip
    parameters = {k: v for k, v in DOCUMENT["parameters"].items() if k not in {"nl", "nr"}}
    document = {
        **DOCUMENT,
        "parameters": {**parameters, "sigmar": parameters["sigma"]},
        "components": {**DOCUMENT["components"], "signal": signal},
        "method": {"engine": "numpy"},
    }
    result = fit(model_of(document, "exp.json", "."), counts(5))
    expected, spread = reference(result)
    assert spread < 1e-3
    for name, error in expected.items():
        assert result.parameters[name].error == pytest.approx(error, rel=2e-3), name


@pytest.mark.parametrize("name", ["alphal", "alphar", "nS"])
def test_errors_are_those_of_the_profile_close_to_the_minimum(name):
    result = fit(tails(), counts(5))
    error = result.parameters[name].error
    _, rise = scan(result, name, points=3, width=0.3)
    assert rise[[0, 2]].mean() == pytest.approx(0.5 * 0.3**2, rel=0.02)
    assert rise[1] == pytest.approx(0, abs=1e-5)
    assert error > 0


def test_roofit_finds_the_same_values_and_the_same_profile():
    """The third derivative drops out of the mean of both sides; Minuit's Hesse is 3 to 10 % off."""
    result = fit(tails(), counts())
    for name, value in ROOFIT["values"].items():
        assert abs(result.parameters[name].value - value) < 0.05 * result.parameters[name].error
    for name in ("mean", "sigma", "alphal", "alphar"):
        down, up = ROOFIT["minos"][name]
        assert result.parameters[name].error == pytest.approx((up - down) / 2, rel=0.01), name


def test_errors_of_single_entries():
    """Their density has kinks in its second derivative, at which the steps must not matter."""
    result = fit(tails(), entries(8000, 2000))
    expected, _ = reference(result)
    for name, error in expected.items():
        assert result.parameters[name].error == pytest.approx(error, rel=0.03), name


MATRIX = np.array([[4.0, 1.99, 0.0], [1.99, 1.0, 0.0], [0.0, 0.0, 1e-6]])
WIDE = np.array([[-100.0] * 3, [100.0] * 3])


def _parabola(seen=None):
    inverse = np.linalg.inv(MATRIX)

    def loss(x):
        if seen is not None:
            seen.append(np.array(x))
        return float(0.5 * x @ inverse @ x)

    return loss


@pytest.mark.parametrize("rough", [MATRIX, np.diag(np.diag(MATRIX)), 30 * MATRIX])
def test_the_rough_covariance_does_not_matter(rough):
    found = inverse_curvature(_parabola(), np.zeros(3), rough, WIDE)
    assert found == pytest.approx(MATRIX, rel=1e-4, abs=1e-9)


def test_limits_are_not_crossed():
    seen = []
    limits = np.array([[-0.01, -100, -100], [100, 100, 1e-5]])
    found = inverse_curvature(_parabola(seen), np.zeros(3), MATRIX, limits)
    assert found == pytest.approx(MATRIX, rel=1e-3, abs=1e-9)
    assert np.all(seen >= limits[0])
    assert np.all(seen <= limits[1])


@pytest.mark.parametrize("curvature", [-1e-3, 0.0, 1e-9, math.nan])
def test_there_is_no_covariance_where_the_function_is_flat(curvature):
    def loss(x):
        return float(0.5 * (x[0] ** 2 + curvature * x[1] ** 2))

    assert inverse_curvature(loss, np.zeros(2), np.eye(2), WIDE[:, :2]) is None
