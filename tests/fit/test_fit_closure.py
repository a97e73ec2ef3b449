"""Toys drawn from a fitted spectrum come back with pulls of mean 0 and width 1."""

from __future__ import annotations

import json

import numpy as np
import pytest
from independent_fit import expected

from tau3mu.errors import RunError
from tau3mu.fit import fit_histogram

TOYS = 20


@pytest.mark.slow
def test_pulls(truth, toy, dsphipi, with_starts):
    model = with_starts(dsphipi, 1)
    pulls = {name: [] for name in ("nDs", "nDplus", "nBkg", "mean_Ds", "mean_Dplus", "sigma_Ds")}
    valid = 0
    for _ in range(TOYS):
        fit = fit_histogram(toy(expected(truth)), model)
        valid += fit.valid
        for name, values in pulls.items():
            found = fit.parameters[name]
            values.append((found.value - truth[name]) / found.error)
    assert valid == TOYS
    for name, values in pulls.items():
        # Four standard deviations of the mean and of the width.
        assert abs(np.mean(values)) < 4 / np.sqrt(TOYS), name
        assert np.std(values) == pytest.approx(1, abs=4 / np.sqrt(2 * TOYS)), name


def test_expected_counts_come_back_exactly(truth, histogram_of, dsphipi, with_starts):
    fit = fit_histogram(histogram_of(expected(truth)), with_starts(dsphipi, 1))
    assert fit.valid
    assert fit.chi2 < 1e-3
    for name, parameter in fit.parameters.items():
        assert parameter.value == pytest.approx(truth[name], rel=2e-3), name


def test_no_signal(histogram_of, dsphipi, with_starts):
    background = dict.fromkeys(("nDs", "nDplus"), 0.0)
    values = {
        "mean_Ds": 1.968, "sigma_Ds": 0.014, "alpha_Ds": 1.5, "power_Ds": 3.0,
        "mean_Dplus": 1.869, "sigma_Dplus": 0.014, "alpha_Dplus": 1.5, "power_Dplus": 3.0,
        "slope": -2.0, "nBkg": 6000.0, **background,
    }  # fmt: skip
    fit = fit_histogram(histogram_of(np.round(expected(values))), with_starts(dsphipi, 1))
    for name in ("nDs", "nDplus"):
        assert fit.values[name] < fit.parameters[name].error
    assert sum(fit.values[name] for name in fit.yields) == pytest.approx(fit.entries, rel=1e-3)
    assert any("the data do not determine mean_Ds" in text for text in fit.messages)


@pytest.mark.parametrize("entries", [1, 12])
def test_few_entries_give_a_result_that_says_so(histogram_of, dsphipi, with_starts, entries):
    contents = np.zeros(62)
    contents[np.linspace(50, 58, entries).astype(int)] = 1
    fit = fit_histogram(histogram_of(contents), with_starts(dsphipi, 1))
    assert not fit.valid
    assert fit.messages
    assert fit.entries == contents.sum()


def test_a_likelihood_that_is_nowhere_a_number(truth, histogram_of, dsphipi):
    document = dsphipi.model_dump(mode="json", by_alias=True)
    document["parameters"]["alpha_Ds"] = {"value": 0.0, "fixed": True}
    document["starts"]["number"] = 2
    model = type(dsphipi).model_validate_json(json.dumps(document))
    with pytest.raises(
        RunError, match="fit dsphipi: the likelihood is a number at none of 2 starts"
    ):
        fit_histogram(histogram_of(expected(truth)), model)


def test_fixed_yield_stays(truth, histogram_of, dsphipi):
    document = dsphipi.model_dump(mode="json", by_alias=True)
    document["parameters"]["nDplus"] = {"value": truth["nDplus"], "fixed": True}
    document["parameters"]["nBkg"] = {"value": 100.0, "limits": [0.0, 5000.0]}
    document["starts"]["number"] = 1
    model = type(dsphipi).model_validate_json(json.dumps(document))
    fit = fit_histogram(histogram_of(expected(truth)), model)
    assert fit.valid
    assert fit.parameters["nDplus"].fixed
    assert fit.values["nDplus"] == truth["nDplus"]
    assert fit.parameters["nBkg"].limits == (0.0, 5000.0)
    assert fit.values["nBkg"] == pytest.approx(truth["nBkg"], rel=1e-3)
    assert fit.ndf == 62 - 9
