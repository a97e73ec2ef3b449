"""The profile of the likelihood, held to Minos and to a slow loop over fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fitted_dimuons import document as dimuon
from fitted_dimuons import histogram
from peak_models import parameters, peak, spectrum

from tau3mu.errors import InputError
from tau3mu.fit import fit
from tau3mu.fit.language import model_of
from tau3mu.fit.studies import scan


@pytest.fixture(scope="module")
def result():
    return fit(peak(method={"engine": "numpy", "minos": "all"}), spectrum())


@pytest.mark.parametrize("name", ["mean", "slope", "nSignal", "nBackground"])
def test_the_profile_rises_by_a_half_at_the_errors_of_minos(result, name):
    parameter = result.parameters[name]
    values, rise = scan(result, name, points=41)
    assert values[0] == pytest.approx(parameter.value - 3 * parameter.error)
    assert values[-1] == pytest.approx(parameter.value + 3 * parameter.error)
    assert rise.min() >= -1e-6
    down, up = parameter.minos
    for error, side in ((down, values <= parameter.value), (up, values >= parameter.value)):
        order = np.argsort(rise[side])
        # Half of the square of standard deviations: the root of it is close to a straight line.
        crossing = np.interp(
            np.sqrt(0.5), np.sqrt(np.maximum(rise[side][order], 0)), values[side][order]
        )
        assert crossing - parameter.value == pytest.approx(error, rel=0.01)


def test_a_point_is_the_fit_with_the_parameter_fixed(result):
    values, rise = scan(result, "nSignal", points=4, width=2)
    for value, height in zip(values, rise, strict=True):
        fixed = peak(parameters=parameters(nSignal={"value": float(value), "fixed": True}))
        assert height == pytest.approx(fit(fixed, spectrum()).nll - result.nll, abs=1e-4)


def test_the_others_are_fitted_again():
    result = fit(model_of(dimuon(), "dimuon.json", Path()), histogram())
    error = result.parameters["nPsi2s"].error
    at = result.covariance_parameters.index("nPsi2s")
    values, rise = scan(result, "nPsi2s", points=3, width=1)
    conditional = 0.5 * error**2 * np.linalg.inv(result.covariance)[at, at]
    assert rise[[0, 2]] == pytest.approx(0.5, rel=0.05)
    assert conditional > 0.55  # how much higher it would be if the others were kept
    assert values[1] == pytest.approx(result.values["nPsi2s"])
    assert rise[1] == pytest.approx(0, abs=1e-4)


def test_limits_are_not_crossed():
    model = peak(parameters=parameters(mean={"value": 5, "limits": [4, 5.05]}))
    result = fit(model, spectrum())
    values, _ = scan(result, "mean", points=5)
    assert values[-1] == 5.05
    assert values[0] > 4.5


def test_a_parameter_without_an_error_is_scanned_between_its_limits():
    model = peak(parameters=parameters(mean={"value": 5.1, "limits": [5.1, 5.4]}))
    result = fit(model, spectrum())
    assert result.parameters["mean"].error is None
    values, rise = scan(result, "mean", points=4)
    assert values == pytest.approx([5.1, 5.2, 5.3, 5.4])
    assert np.all(np.diff(rise) > 0)


@pytest.mark.parametrize(
    ("name", "reason"),
    [("nSingal", " (did you mean 'nSignal'?)"), ("width", "")],
)
def test_only_free_parameters_are_scanned(result, name, reason):
    with pytest.raises(InputError) as error:
        scan(result, name)
    assert str(error.value) == (
        f"fit peak: {name!r} cannot be scanned{reason}; its free parameters are "
        "mean, slope, nSignal, nBackground"
    )
