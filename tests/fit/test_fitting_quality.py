"""The goodness of a fit: χ², and the p-value from toys."""

from __future__ import annotations

import hist
import numpy as np
import pytest
from both_engines import component, counted, described, drawn, made
from independent_dimuons import cumulated

from tau3mu.fit import fit

PARAMETERS = {
    "mean": {"value": 3.1, "limits": [3.0, 3.2]},
    "width": {"value": 0.07, "fixed": True},
    "slope": {"value": -0.5, "limits": [-3, 3]},
}
BACKGROUND = component("B", "Exponential", slope="slope")
DOCUMENT = described(
    {"S": component("S", "Gauss", mu="mean", sigma="width"), "B": BACKGROUND}, PARAMETERS
)
WITHOUT_PEAK = described({"B": BACKGROUND}, {"slope": PARAMETERS["slope"]})
EDGES = np.linspace(2.2, 4.8, 53)


def _data(seed):
    return drawn(made(DOCUMENT), {"S": 100.0, "B": 400.0}, seed)


def _p_value(document, data, toys=50, **method):
    gof = {"toys": toys, "seed": 3}
    return fit(made(document, engine="numpy", goodness_of_fit=gof, **method), data).goodness_of_fit


@pytest.mark.integration
@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_p_values_of_the_true_model_are_flat(binned):
    number = 12
    found = []
    for seed in range(number):
        values = _data(seed)
        quality = _p_value(DOCUMENT, counted(values) if binned else values)
        assert quality.failed <= 2
        found.append(quality.p_value)
    assert abs(np.mean(found) - 0.5) < 4 / np.sqrt(12 * number)
    assert np.std(found) == pytest.approx(1 / np.sqrt(12), abs=0.12)


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_the_p_value_of_a_wrong_model_is_low(binned):
    values = _data(1)
    quality = _p_value(WITHOUT_PEAK, counted(values) if binned else values)
    assert quality.p_value == 0
    assert quality.toys == 50


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_the_statistic_is_that_of_baker_and_cousins(binned):
    values = _data(2)
    gof = {"toys": 1}
    model = made(DOCUMENT, engine="numpy", goodness_of_fit=gof)
    result = fit(model, counted(values) if binned else values)
    found = result.values
    given = (found["S"], 0.0, found["B"], found["mean"], found["width"], found["slope"])
    expected = np.diff(cumulated(EDGES, *given))
    contents = np.histogram(values, EDGES)[0]
    filled = contents > 0
    statistic = 2 * np.sum(expected - contents)
    statistic += 2 * np.sum(contents[filled] * np.log(contents[filled] / expected[filled]))
    assert result.goodness_of_fit.statistic == pytest.approx(statistic, rel=1e-5)
    assert result.chi2 == pytest.approx(np.sum((contents - expected) ** 2 / expected), rel=1e-5)
    assert result.ndf == 52 - 4


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_toys_of_weighted_data_fluctuate_like_them(binned):
    """Entries that count two each fluctuate more than their sum says."""
    found = []
    for seed in range(6):
        values = _data(seed)
        data = counted(values, weight=2.0) if binned else (values, np.full(len(values), 2.0))
        found.append(_p_value(DOCUMENT, data, toys=40).p_value)
    assert 0.2 < np.mean(found) < 0.8


def test_the_same_seed_gives_the_same_p_value():
    data = counted(_data(3))
    assert _p_value(DOCUMENT, data, toys=20) == _p_value(DOCUMENT, data, toys=20)


def _gaps():
    """Counts of which some are zero, beside each other and alone."""
    counts = np.full(52, 100.0)
    counts[[0, 1, 30]] = 0
    return counts


@pytest.mark.parametrize("engine", ["numpy", "zfit"])
def test_least_squares_say_which_bins_they_skip(engine):
    histogram = hist.Hist(hist.axis.Variable(EDGES), data=_gaps())
    result = fit(made(WITHOUT_PEAK, engine=engine, loss="chi2"), histogram)
    spectrum = result.spectra["dimuon"]
    skipped = ((EDGES[0], EDGES[1]), (EDGES[1], EDGES[2]), (EDGES[30], EDGES[31]))
    assert spectrum.skipped_bins == pytest.approx(np.array(skipped))
    assert (spectrum.bins, result.ndf) == (49, 47)
    assert result.to_dict()["spectra"]["dimuon"]["skipped_bins"][2] == pytest.approx([3.7, 3.75])
    (said,) = [m for m in result.messages if "2.2 to 2.3, 3.7 to 3.75" in m]
    assert "3 of 52" in said
    (bias,) = [m for m in result.messages if "draws yields" in m]
    # The yield is that of the bins with entries, 5200, and not the mean of all.
    expected = result.expected(EDGES).sum(axis=0)
    filled = np.delete(expected, [0, 1, 30]).sum()
    assert result.values["B"] == pytest.approx(5200, rel=1e-3)
    assert f"{filled:.1f} of 4900.0 entries" in bias


def test_least_squares_say_which_entries_without_a_variance_they_skip():
    histogram = hist.Hist(hist.axis.Variable(EDGES), storage="Weight")
    histogram.view().value = histogram.view().variance = np.full(52, 100.0)
    histogram.view().variance[7] = 0
    result = fit(made(WITHOUT_PEAK, engine="numpy", loss="chi2"), histogram)
    assert len(result.spectra["dimuon"].skipped_bins) == 1
    assert any("1 of 52" in m and "100 entries" in m for m in result.messages)


def test_nothing_is_skipped_where_all_bins_have_entries():
    histogram = hist.Hist(hist.axis.Variable(EDGES), data=np.full(52, 100.0))
    for loss in ("chi2", "likelihood"):
        result = fit(made(WITHOUT_PEAK, engine="numpy", loss=loss), histogram)
        assert result.spectra["dimuon"].skipped_bins == ()
        assert not any("skips" in message for message in result.messages)


def test_likelihoods_keep_empty_bins():
    histogram = hist.Hist(hist.axis.Variable(EDGES), data=_gaps())
    result = fit(made(WITHOUT_PEAK, engine="numpy"), histogram)
    assert result.values["B"] == pytest.approx(4900, rel=1e-6)
    assert (result.spectra["dimuon"].bins, result.spectra["dimuon"].skipped_bins) == (52, ())
