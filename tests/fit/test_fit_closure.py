"""Toys drawn from a fitted spectrum come back with pulls of mean 0 and width 1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from independent_fit import expected

from tau3mu.errors import InputError, RunError
from tau3mu.fit import fit
from tau3mu.fit.language import model_of

TOYS = 60
ONE_START = {"number": 1}


def _with_parameters(model, starts, **parameters):
    document = model.to_dict()
    document["parameters"].update(parameters)
    document["method"]["starts"]["number"] = starts
    return model_of(document, "test", Path())


@pytest.mark.integration
def test_pulls(truth, toy, dsphipi, with_method):
    model = with_method(dsphipi, starts=ONE_START, engine="numpy")
    pulls = {name: [] for name in ("nDs", "nDplus", "nBkg", "mean_Ds", "mean_Dplus", "sigma_Ds")}
    valid = 0
    for _ in range(TOYS):
        result = fit(model, toy(expected(truth)))
        valid += result.valid
        for name, values in pulls.items():
            found = result.parameters[name]
            values.append((found.value - truth[name]) / found.error)
    assert valid == TOYS
    for name, values in pulls.items():
        # Four standard deviations of the mean and of the width.
        assert abs(np.mean(values)) < 4 / np.sqrt(TOYS), name
        assert np.std(values) == pytest.approx(1, abs=4 / np.sqrt(2 * TOYS)), name


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_expected_counts_come_back_exactly(truth, histogram_of, dsphipi, with_method, engine):
    model = with_method(dsphipi, starts=ONE_START, engine=engine)
    result = fit(model, histogram_of(expected(truth)))
    assert result.valid
    assert result.chi2 < 1e-3
    for name, parameter in result.parameters.items():
        assert parameter.value == pytest.approx(truth[name], rel=2e-3), name


def test_no_signal(histogram_of, dsphipi, with_method):
    background = dict.fromkeys(("nDs", "nDplus"), 0.0)
    values = {
        "mean_Ds": 1.968, "sigma_Ds": 0.014, "alpha_Ds": 1.5, "power_Ds": 3.0,
        "mean_Dplus": 1.869, "sigma_Dplus": 0.014, "alpha_Dplus": 1.5, "power_Dplus": 3.0,
        "slope": -2.0, "nBkg": 6000.0, **background,
    }  # fmt: skip
    model = with_method(dsphipi, starts=ONE_START)
    result = fit(model, histogram_of(np.round(expected(values))))
    for name in ("nDs", "nDplus"):
        assert result.values[name] < result.parameters[name].error
    total = sum(result.values[name] for name in result.yields)
    assert total == pytest.approx(result.entries, rel=1e-3)
    assert any("the data do not determine mean_Ds" in text for text in result.messages)


@pytest.mark.parametrize("entries", [1, 12])
def test_few_entries_give_a_result_that_says_so(histogram_of, dsphipi, with_method, entries):
    contents = np.zeros(62)
    contents[np.linspace(50, 58, entries).astype(int)] = 1
    result = fit(with_method(dsphipi, starts=ONE_START), histogram_of(contents))
    assert not result.valid
    assert result.messages
    assert result.entries == contents.sum()


def test_a_likelihood_that_is_nowhere_a_number(truth, histogram_of, dsphipi):
    with pytest.raises(InputError, match=r"parameters\.sigma_Ds\.expression"):
        _with_parameters(dsphipi, 2, sigma_Ds={"expression": "sqrt(slope - 20)"})
    # What depends on the yields of the data is not known before.
    model = _with_parameters(dsphipi, 2, sigma_Ds={"expression": "sqrt(-1 - nDs)"})
    message = "fit dsphipi: the likelihood is a number at none of 2 starts"
    with pytest.raises(RunError, match=message):
        fit(model, histogram_of(expected(truth)))


def test_fixed_yield_stays(truth, histogram_of, dsphipi):
    model = _with_parameters(
        dsphipi,
        1,
        nDplus={"value": truth["nDplus"], "fixed": True},
        nBkg={"value": 100.0, "limits": [0.0, 5000.0]},
    )
    result = fit(model, histogram_of(expected(truth)))
    assert result.valid
    assert result.parameters["nDplus"].fixed
    assert result.values["nDplus"] == truth["nDplus"]
    assert result.parameters["nBkg"].limits == (0.0, 5000.0)
    assert result.values["nBkg"] == pytest.approx(truth["nBkg"], rel=1e-3)
    assert result.ndf == 62 - 9
