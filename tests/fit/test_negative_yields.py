"""Yields below zero, as a search needs them: fits, toys, and what they may not be."""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest
import uproot
from both_engines import assert_same, both, component, described, made
from scipy import optimize, stats

from tau3mu.errors import InputError
from tau3mu.fit import fit
from tau3mu.fit.__main__ import main
from tau3mu.fit.likelihood.sampling import entries_of
from tau3mu.fit.studies import generate, run_toys

RANGE = (1.65, 2.01)
EDGES = np.linspace(*RANGE, 73)
MASS = {"name": "mass", "label": "m", "unit": "GeV", "range": [*RANGE], "bins": 72}
SIGNAL = {"value": 5, "limits": [-200, 500]}
FLAT = {"nS": 0.0, "nB": 300.0, "slope": 0.0}


def search(signal=SIGNAL, **more):
    """A narrow peak at a known place on an exponential."""
    parameters = {
        "mu": {"value": 1.968, "fixed": True},
        "sigma": {"value": 0.012, "fixed": True},
        "slope": {"value": -1, "limits": [-20, 20]},
    }
    return {
        **described(
            {
                "s": component("nS", "Gauss", mu="mu", sigma="sigma"),
                "b": component("nB", "Exponential", slope="slope"),
            },
            parameters | ({"nS": signal} if signal else {}),
        ),
        "observable": MASS,
        **more,
    }


def background():
    return np.random.default_rng(1).uniform(*RANGE, 300)


def counts(values):
    return hist.Hist(hist.axis.Variable(EDGES, name="mass")).fill(values)


def _best(terms):
    """The minimum of a loss of (nS, nB, slope), by SciPy alone."""
    return optimize.minimize(
        terms, [-5, 300, 0.1], method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-8}
    ).x


def _shapes(edges, slope):
    signal = np.diff(stats.norm.cdf(edges, 1.968, 0.012))
    tail = np.diff(np.exp(slope * (edges - 1.8))) / slope
    return signal, tail


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_both_engines_find_a_negative_yield(binned):
    values = background()
    content = np.histogram(values, EDGES)[0]
    x = values

    def loss(point):
        signal, tail = _shapes(EDGES, point[2])
        if binned:
            mean = point[0] * signal / signal.sum() + point[1] * tail / tail.sum()
            return np.sum(mean - content * np.log(mean)) if mean.min() > 0 else 1e9
        of_x = point[0] * stats.norm.pdf(x, 1.968, 0.012) / signal.sum()
        of_x = of_x + point[1] * np.exp(point[2] * (x - 1.8)) / tail.sum()
        return point[0] + point[1] - np.sum(np.log(of_x)) if of_x.min() > 0 else 1e9

    expected = _best(loss)
    one, other = both(search(), counts(values) if binned else values)
    assert_same(one, other)
    assert other.valid
    signal = other.parameters["nS"]
    assert signal.value == pytest.approx(expected[0], abs=0.01 * signal.error)
    assert signal.value < -5
    if binned:
        assert (signal.value, signal.error) == (
            pytest.approx(-10.4, abs=0.1),
            pytest.approx(6.6, abs=0.1),
        )


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_fewer_than_none_are_expected_where_nothing_is(binned):
    """With no entry at the peak, only those beside it keep the density above zero."""
    values = background()
    values = values[np.abs(values - 1.968) > 0.009]
    one, other = both(search(), counts(values) if binned else values)
    assert_same(one, other)
    assert other.values["nS"] < -30
    assert other.expected(EDGES).sum(axis=0).min() < 0
    assert other.status == "ok"


def test_bins_in_which_fewer_than_none_are_expected_are_not_in_chi2():
    values = background()
    values = values[np.abs(values - 1.968) > 0.009]
    result = fit(made(search(), engine="numpy", goodness_of_fit={"toys": 5}), counts(values))
    skipped = result.spectra["dimuon"].skipped_bins
    total = result.expected(EDGES).sum(axis=0)
    assert len(skipped) == np.sum(total <= 0) > 0
    assert result.ndf == 72 - len(skipped) - 3
    # Nor are there toys of such a fit.
    assert result.goodness_of_fit is None
    assert any("entries are expected" in message for message in result.messages)


def test_a_signal_strength_below_zero_makes_the_yield_negative():
    document = search(signal=None)
    document["parameters"]["nS"] = {"expression": "50 * strength"}
    document["parameters"]["strength"] = {"value": 0.1, "limits": [-4, 10]}
    model = made(document)
    assert model.negative_yields == ("nS",)
    one, other = both(document, counts(background()))
    assert_same(one, other)
    assert other.parameters["nS"].value == pytest.approx(-10.4, abs=0.1)
    assert other.parameters["nS"].error == pytest.approx(6.6, abs=0.1)


def test_a_bound_at_zero_is_still_a_bound():
    result = fit(made(search(signal=None), engine="numpy"), counts(background()))
    assert (result.valid, result.status) == (False, "parameter at limit")
    assert made(search(signal=None)).negative_yields == ()


def test_limits_that_are_negative_on_both_sides():
    document = search(signal={"value": -50, "limits": [-200, -5]})
    result = fit(made(document, engine="numpy"), counts(background()))
    assert result.valid
    assert result.values["nS"] == pytest.approx(-10.4, abs=0.1)


@pytest.fixture(scope="module")
def free():
    return run_toys(made(search()), 200, values=FLAT)


@pytest.fixture(scope="module")
def bounded():
    return run_toys(made(search(signal=None)), 60, values=FLAT)


def test_all_toys_without_a_signal_are_valid(free):
    assert free.statuses == {"ok": 200}
    found = free.summary["nS"]
    assert abs(found.pull_mean) < 3 * found.pull_mean_error
    assert found.pull_width == pytest.approx(1, abs=0.15)
    assert (found.at_lower_limit, found.at_upper_limit) == (0, 0)
    assert found.pull_median == pytest.approx(np.median(free.pulls("nS")))
    assert free.warnings == ()
    assert (free.table["nS"] < 0).sum() > 60


def test_what_toys_at_a_limit_do_to_the_pulls_is_said(bounded):
    found = bounded.summary["nS"]
    stopped = 60 - bounded.statuses["ok"]
    assert stopped > 15
    assert (found.at_lower_limit, found.at_upper_limit) == (stopped, 0)
    assert found.pull_mean > 0.4
    assert found.pull_median < found.pull_mean
    every, signal = bounded.warnings
    assert str(stopped) in every
    assert signal.startswith("nS")
    assert "biased upwards" in signal
    document = bounded.to_dict()
    assert document["warnings"] == bounded.warnings
    assert document["summary"]["nS"]["at_lower_limit"] == stopped


def test_an_upper_limit_biases_downwards():
    document = search(signal={"value": 5, "limits": [-200, 5]})
    study = run_toys(made(document), 20, values=FLAT | {"nS": 4.0})
    found = study.summary["nS"]
    assert found.at_upper_limit > 2
    assert found.pull_median > np.median(study.pulls("nS"))
    assert "biased downwards" in study.warnings[-1]


def test_the_median_counts_toys_at_limits_on_their_side(free, bounded):
    below = bounded.summary["nS"].at_lower_limit
    pulls = np.sort(bounded.pulls("nS"))
    ordered = np.concatenate([np.full(below, -np.inf), pulls])
    assert bounded.summary["nS"].pull_median == np.median(ordered)


def test_the_command_warns(tmp_path, capsys):
    path = tmp_path / "search.json"
    path.write_text(json.dumps(search(signal={"value": 0, "limits": [0, 500]})), "utf-8")
    values = tmp_path / "fit.json"
    values.write_text(json.dumps({"parameters": {n: {"value": v} for n, v in FLAT.items()}}))
    output = tmp_path / "toys"
    arguments = [str(path), "--number", "20", "--values", str(values), "--output", str(output)]
    assert main(["toys", *arguments]) == 0
    assert "warning: nS is at its lower limit" in capsys.readouterr().err
    assert json.loads((output / "toys.json").read_text())["warnings"]


@pytest.mark.parametrize("truth", [{"nS": -15.0}, {"nS": 0.0}, {"nS": -15.0, "nB": 400.0}])
@pytest.mark.parametrize("column", [None, "mass"], ids=["counts", "entries"])
def test_toys_of_a_negative_truth(truth, column):
    more = {"input": {"column": column}} if column else {}
    study = run_toys(made(search(**more)), 40, values=FLAT | truth)
    assert study.statuses["ok"] >= 38
    found = study.summary["nS"]
    assert abs(found.bias) < 4 * found.bias_error


def test_entries_of_a_negative_yield_are_missing_at_its_place():
    part = made(search()).parts["dimuon"]
    values = {"mu": 1.968, "sigma": 0.012, "slope": 0.0, "nS": -500.0, "nB": 10000.0}
    drawn = entries_of(part, values, np.random.default_rng(2))
    assert len(drawn) == pytest.approx(9500, abs=400)
    near = np.sum(np.abs(drawn - 1.968) < 0.012)
    assert near == pytest.approx(10000 * 0.024 / 0.36 - 500 * 0.6827, abs=80)


@pytest.mark.parametrize("column", [None, "mass"], ids=["counts", "entries"])
def test_a_truth_with_less_than_nothing_somewhere(column, tmp_path):
    more = {"input": {"column": column}} if column else {}
    model = made(search(**more))
    truth = FLAT | {"nS": -100.0}
    with pytest.raises(InputError, match=r"nS = -100, nB = 300: from 1\.9"):
        run_toys(model, 5, values=truth)
    with pytest.raises(InputError, match="nS = -100"):
        generate(model, tmp_path / "toy.root", values=truth)
    assert not (tmp_path / "toy.root").exists()


def test_a_toy_of_a_negative_truth_as_a_file(tmp_path):
    generate(made(search()), tmp_path / "toy.root", values=FLAT | {"nS": -100.0, "nB": 3e5})
    with uproot.open(tmp_path / "toy.root") as file:
        assert file["mass"].values().sum() == pytest.approx(299900, abs=3000)


def test_an_undeclared_yield_has_no_negative_truth():
    with pytest.raises(InputError, match=r"nS.*'limits'"):
        run_toys(made(search(signal=None)), 1, values=FLAT | {"nS": -1.0})
