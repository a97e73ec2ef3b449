"""What the fits find, against RooFit and against an independent likelihood."""

from __future__ import annotations

import json

import numpy as np
import pytest
from both_engines import assert_same
from independent_fit import EDGES, ROOFIT_NAMES, expected, negative_log_likelihood, refit

from tau3mu.fit import fit


def _roofit(oracle, name):
    parameters = json.loads((oracle / f"roofit_dsphipi_{name}.json").read_text())["params"]
    return {ours: parameters.get(theirs, (3.0, 0.0)) for ours, theirs in ROOFIT_NAMES.items()}


PEAKS = ("nDs", "nDplus", "mean_Ds", "mean_Dplus", "sigma_Ds", "sigma_Dplus")


@pytest.mark.parametrize(
    ("name", "error_tolerance", "others"),
    [("demo", 0.08, ("nBkg", "slope")), ("1M", 0.03, ("nBkg", "slope", "alpha_Ds", "alpha_Dplus"))],
)
def test_dsphipi_agrees_with_roofit(fits, oracle, name, error_tolerance, others):
    reference = _roofit(oracle, f"{name}_wellposed")
    for parameter in (*PEAKS, *others):
        found = fits[name].parameters[parameter]
        value, error = reference[parameter]
        assert abs(found.value - value) < 0.05 * error, parameter
        assert found.error == pytest.approx(error, rel=error_tolerance), parameter


@pytest.mark.parametrize("name", ["demo", "1M"])
def test_numpy_agrees_with_zfit(fits, spectra, dsphipi, with_method, name):
    found = fit(with_method(dsphipi, engine="numpy"), spectra[name])
    assert_same(found, fits[name], error=0.02)  # of alpha, far from a parabola
    for parameter in (*PEAKS, "nBkg", "slope"):
        one, other = (result.parameters[parameter] for result in (found, fits[name]))
        assert one.error == pytest.approx(other.error, rel=0.01), parameter


@pytest.mark.parametrize("name", ["demo", "1M"])
def test_dsphipi_is_valid(fits, name):
    fit = fits[name]
    assert (fit.valid, fit.status, fit.converged, fit.covariance_quality) == (True, "ok", True, 3)
    assert fit.edm < 1e-5
    assert not any(parameter.at_limit for parameter in fit.parameters.values())


@pytest.mark.parametrize("name", ["demo", "1M"])
def test_dsphipi_agrees_with_an_independent_refit(fits, spectra, name):
    fit = fits[name]
    free = [key for key, parameter in fit.parameters.items() if not parameter.fixed]
    limits = {key: fit.parameters[key].limits for key in free}
    start = fit.values | {"alpha_Ds": 2.0, "alpha_Dplus": 1.5, "nDs": 0.8 * fit.values["nDs"]}
    minuit = refit(start, free, limits, spectra[name].values())
    assert fit.nll == pytest.approx(minuit.fval, abs=1e-4)
    for key in free:
        if key == "alpha_Ds" and name == "demo":  # the demo does not determine it
            continue
        found = fit.parameters[key]
        assert abs(found.value - minuit.values[key]) < 0.02 * found.error, key
        tolerance = 0.04 if "alpha" in key else 0.01  # far from a parabola, Hesse is less exact
        assert found.error == pytest.approx(minuit.errors[key], rel=tolerance), key


@pytest.mark.parametrize("name", ["demo", "1M"])
def test_notebook_finds_no_worse_minimum_than_roofit(notebook_fits, spectra, oracle, name):
    theirs = {key: value for key, (value, _) in _roofit(oracle, name).items()}
    contents = spectra[name].values()
    assert notebook_fits[name].nll < negative_log_likelihood(theirs, contents) - 0.3


@pytest.mark.parametrize("name", ["demo", "1M"])
def test_notebook_finds_no_worse_minimum_than_many_starts(
    notebook_fits, spectra, notebook, with_method, name
):
    starts = {"number": 40, "seed": 9}
    found = fit(with_method(notebook, engine="numpy", starts=starts), spectra[name])
    assert notebook_fits[name].nll < found.nll + 0.01


@pytest.mark.parametrize("name", ["demo", "1M"])
def test_likelihood_and_chi2_are_those_of_the_values(fits, notebook_fits, spectra, name):
    contents = spectra[name].values()
    for result, free in ((fits[name], 10), (notebook_fits[name], 12)):
        counts = expected(result.values)
        assert result.nll == pytest.approx(
            negative_log_likelihood(result.values, contents), abs=1e-6
        )
        assert result.chi2 == pytest.approx(np.sum((contents - counts) ** 2 / counts), rel=1e-6)
        assert result.ndf == 62 - free
        assert result.entries == contents.sum()


def test_expected_counts_are_integrals_at_any_binning(fits):
    fine = np.linspace(1.65, 2.01, 62 * 4 + 1)
    coarse = fits["demo"].expected(EDGES)
    np.testing.assert_allclose(fits["demo"].expected(fine).reshape(3, 62, 4).sum(axis=2), coarse)
    np.testing.assert_allclose(coarse.sum(axis=0), expected(fits["demo"].values))
    yields = [fits["demo"].values[name] for name in ("nDs", "nDplus", "nBkg")]
    np.testing.assert_allclose(coarse.sum(axis=1), yields)


def test_the_better_of_two_close_minima_is_chosen(fits):
    best, second = fits["demo"].minima
    assert (best.delta_nll, best.starts + second.starts) == (0, 10)
    assert second.delta_nll == pytest.approx(0.26, abs=0.01)
    assert best.values["alpha_Dplus"] == pytest.approx(2.10, abs=0.02)
    assert second.values["alpha_Dplus"] > 3.3  # from there on there is no tail, up to the limit
    assert fits["demo"].values["alpha_Dplus"] == pytest.approx(2.10, abs=0.01)
    assert any("another minimum, 0.26 higher" in text for text in fits["demo"].messages)


def test_notebook_names_its_minima_and_limits(notebook_fits):
    fit = notebook_fits["demo"]
    assert (fit.valid, fit.status, fit.converged) == (False, "parameter at limit", True)
    assert fit.parameters["power_Dplus"].at_limit
    assert fit.parameters["power_Dplus"].error is None
    assert fit.parameters["nDs"].error > 25
    assert "power_Dplus is at its upper limit 25" in fit.messages[0]
    assert len(fit.minima) >= 3
    assert sum(minimum.starts for minimum in fit.minima) + fit.failed_starts == 16
    distances = [minimum.delta_nll for minimum in fit.minima]
    assert distances == sorted(distances)
    assert distances[0] == 0
    slope = notebook_fits["1M"].parameters["slope"]
    assert slope.at_limit
    assert slope.value == pytest.approx(-2, abs=1e-4)
    assert not notebook_fits["1M"].valid


def test_covariance_belongs_to_the_errors(fits):
    fit = fits["1M"]
    matrix, correlation = np.array(fit.covariance), np.array(fit.correlation)
    errors = [fit.parameters[name].error for name in fit.covariance_parameters]
    assert len(errors) == 10
    np.testing.assert_allclose(np.sqrt(np.diag(matrix)), errors)
    np.testing.assert_allclose(correlation * np.outer(errors, errors), matrix)
    assert np.linalg.eigvalsh(correlation).min() > 0
