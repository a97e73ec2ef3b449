"""Yields of fits by era, from what `fit.json` holds."""

from __future__ import annotations

import math

import pytest

from tau3mu.results.fitted_yields import fitted_yields
from tau3mu.results.manifest import DatasetFacts

FACTS = {
    "B": DatasetFacts(era="2017B", lumi=2.0),
    "C": DatasetFacts(era="2017C", lumi=4.0),
    "mc": DatasetFacts(is_mc=True, era="2017B"),
}


def parameter(value, error=None, *, at_limit=False):
    return {"value": value, "error": error, "at_limit": at_limit}


def spectrum(era, **yields):
    components = {name: {"yield": parameter} for name, parameter in yields.items()}
    return {"input": {"histogram": "mass", "era": era}, "components": components}


def fit_of(spectra, parameters, names=(), covariance=()):
    return {
        "valid": True, "configuration": {"spectra": spectra}, "parameters": parameters,
        "covariance_parameters": list(names), "covariance": [list(row) for row in covariance],
    }  # fmt: skip


def test_yields_of_an_era_have_the_covariance_of_the_fit():
    spectra = {"b1": spectrum("2017B", Ds="n1"), "b2": spectrum("2017B", Ds="n2"),
               "c": spectrum("2017C", Ds="n3")}  # fmt: skip
    parameters = {
        "n1": parameter(30.0, 3.0),
        "n2": parameter(10.0, 2.0),
        "n3": parameter(90.0, 5.0),
    }
    covariance = [(9.0, 2.0, 1.0), (2.0, 4.0, 0.5), (1.0, 0.5, 25.0)]
    found = fitted_yields(fit_of(spectra, parameters, ("n1", "n2", "n3"), covariance), FACTS)
    rows = found["Ds"].eras
    assert rows["2017B"].amount.value == 40
    assert rows["2017B"].amount.error == pytest.approx(math.sqrt(9 + 4 + 2 * 2))
    assert rows["2017B"].per_fb.value == 20
    assert (rows["2017B"].datasets, rows["2017B"].lumi) == (["B"], 2.0)
    assert found["Ds"].total.amount.error == pytest.approx(
        math.sqrt(9 + 4 + 25 + 2 * (2 + 1 + 0.5))
    )
    assert found["Ds"].total.per_fb.value == pytest.approx(130 / 6)
    # 20 and 22.5 per fb⁻¹; the variance of their difference has the covariance in it.
    variance = 17 / 4 + 25 / 16 - 2 * 1.5 / (2 * 4)
    assert rows["2017B"].compared.deviation == pytest.approx(-2.5 / math.sqrt(variance))
    assert found["Ds"].constancy.chi2 == pytest.approx(2.5**2 / variance)


def test_a_yield_at_its_limit_is_named_and_not_compared():
    spectra = {"b": spectrum("2017B", Ds="n1"), "c": spectrum("2017C", Ds="n2")}
    parameters = {"n1": parameter(0.0, at_limit=True), "n2": parameter(90.0, 5.0)}
    (table,) = fitted_yields(fit_of(spectra, parameters, ("n2",), [(25.0,)]), FACTS).values()
    assert table.eras["2017B"].at_limit
    assert table.eras["2017B"].amount.error is None
    assert table.eras["2017C"].amount.error == 5
    assert table.constancy is None
    assert table.total.amount.value == 90


def test_a_yield_that_is_an_expression_has_its_own_error():
    spectra = {"b": spectrum("2017B", Ds="n1"), "c": spectrum("2017C", Ds="n2")}
    parameters = {"n1": parameter(50.0, 4.0), "n2": parameter(90.0, 5.0)}
    (table,) = fitted_yields(fit_of(spectra, parameters, ("n2",), [(25.0,)]), FACTS).values()
    assert table.eras["2017B"].amount.error == 4
    assert table.constancy.chi2 == pytest.approx((25 - 22.5) ** 2 / (16 / 4 + 25 / 16))


def test_one_spectrum_is_of_all_data():
    model = {"components": {"Ds": {"yield": "n"}}, "input": {"histogram": "mass"}}
    fit = fit_of({}, {"n": parameter(60.0, 6.0)}, ("n",), [(36.0,)]) | {"configuration": model}
    (table,) = fitted_yields(fit, FACTS).values()
    assert (table.eras["all"].datasets, table.eras["all"].per_fb.value) == (["B", "C"], 10)
    assert table.total.amount.error == 6
    assert table.constancy is None
    only_mc = fitted_yields(fit, {"mc": FACTS["mc"]})["Ds"]
    assert only_mc.total is only_mc.eras["all"].per_fb is None
    assert fitted_yields({"parameters": {}}, FACTS) == {}
