"""Limits on a parameter of a fit file, against RooStats and hepstats, and what is refused."""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest
from errors import raises
from extra_peak import EDGES, ROOSTATS, WINDOW, counts, extra_peak, fit_with

from tau3mu.fit.likelihood import expected
from tau3mu.limits import fit_limit
from tau3mu.limits.__main__ import main

QUANTILES = ("-2", "-1", "0", "1", "2")


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("name", ["excess", "deficit"])
def test_limits_are_those_of_roostats(name, level):
    found = fit_limit(fit_with(), "nSig", counts(name), cl=level, observed=True)
    for kind in ("q_tilde", "q"):
        theirs = ROOSTATS["data"][name][f"{kind} {level}"]
        for one in QUANTILES:
            assert found.expected[int(one)] == pytest.approx(theirs["expected"][one], rel=0.01)
        assert found.observed == pytest.approx(theirs["observed"], rel=0.01)
    assert found.asymptotic.best == pytest.approx(theirs["best"], abs=0.3)


def test_where_the_best_fit_is_below_zero_zero_is_the_reference():
    """A yield that may not be negative gives the same limit, to the precision of the fits."""
    free = fit_limit(fit_with(), "nSig", counts("deficit"), observed=True)
    bound = {"nSig": {"value": 0, "limits": [0, 2000]}}
    held = fit_limit(fit_with(bound), "nSig", counts("deficit"), observed=True)
    assert free.asymptotic.best < 0
    assert free.observed == pytest.approx(held.observed, rel=1e-3)


def _crossing(values, cls, level):
    return float(np.exp(np.interp(np.log(level), np.log(cls[::-1]), np.log(values[::-1]))))


@pytest.mark.integration
@pytest.mark.parametrize(
    "binned",
    [pytest.param(True, id="counts"),
     pytest.param(False, id="entries", marks=pytest.mark.soak)],
)  # fmt: skip
def test_limits_are_those_of_hepstats(binned):
    from tau3mu.fit.backend import zfit  # first, since its warnings are errors  # isort: skip
    from hepstats.hypotests import UpperLimit
    from hepstats.hypotests.calculators import AsymptoticCalculator
    from hepstats.hypotests.parameters import POI, POIarray

    from tau3mu.fit import zfit_loss

    contents, edges = counts()
    model, data = fit_with(), (contents, edges)
    if not binned:
        generator = np.random.default_rng(1)
        data = generator.uniform(*(np.repeat(one, contents.astype(int))
                                   for one in (edges[:-1], edges[1:])))  # fmt: skip
        model = fit_with(input={"column": "mass"})
    found = fit_limit(model, "nSig", data, observed=True)
    loss = zfit_loss(model, data)
    parameter = next(one for one in loss.get_params() if one.name == "nSig")
    ours = [*found.expected.values(), found.observed]
    values = np.sort([near * one for one in ours for near in (0.96, 1.04)])
    calculator = AsymptoticCalculator(loss, zfit.minimize.Minuit(tol=1e-5))
    theirs = UpperLimit(calculator, POIarray(parameter, values), POI(parameter, 0)).pvalues(
        CLs=True
    )
    names = ("expected_m2", "expected_m1", "expected", "expected_p1", "expected_p2")
    for one, name in zip(QUANTILES, names, strict=True):
        limit = _crossing(values, np.asarray(theirs[name]), 0.1)
        assert found.expected[int(one)] == pytest.approx(limit, rel=0.01), name
    limit = _crossing(values, np.asarray(theirs["cls"]), 0.1)
    assert found.observed == pytest.approx(limit, rel=0.01)


def test_what_is_in_the_windows_changes_nothing_while_blind():
    model = fit_with(blind=[WINDOW])
    contents, edges = counts()
    other = contents.copy()
    other[19:25] += 500
    one, two = (fit_limit(model, "nSig", (each, edges)) for each in (contents, other))
    assert one.expected == two.expected
    assert one.hash == two.hash
    assert one.observed is one.unblinded is one.asymptotic.best is None
    assert one.background == {"dsphipi": "sidebands"}
    # a background from seven eighths of the data expects nearly the same
    whole = fit_limit(model, "nSig", (contents, edges), observed=True)
    assert one.expected[0] == pytest.approx(whole.expected[0], rel=0.05)
    assert whole.unblinded["channels"] == {"dsphipi": [WINDOW]}
    assert whole.observed == fit_limit(fit_with(), "nSig", counts(), observed=True).observed


def test_entries_and_fine_counts_agree():
    generator = np.random.default_rng(8)
    entries = np.concatenate(
        [generator.normal(1.968, 0.014, 600), generator.normal(1.869, 0.014, 300),
         generator.uniform(1.65, 2.01, 1500)]
    )  # fmt: skip
    entries = entries[(entries > 1.65) & (entries < 2.01)]
    fine = np.histogram(entries, np.linspace(1.65, 2.01, 721))
    observable = {"name": "mass", "label": "m", "range": [1.65, 2.01]}
    binned = fit_limit(fit_with(observable=observable), "nSig", fine, observed=True)
    single = fit_with(observable=observable, input={"column": "mass"})
    found = fit_limit(single, "nSig", entries, observed=True)
    assert found.expected[0] == pytest.approx(binned.expected[0], rel=2e-3)
    assert found.observed == pytest.approx(binned.observed, rel=5e-3)


def test_a_strength_with_a_constrained_efficiency():
    """Yields follow from r; a constraint of 30 % raises the limit, and Asimov data move it."""
    peak = extra_peak(
        {
            "nSig": {"expression": "20 * r * eff"},
            "r": {"value": 0, "limits": [0, 50]},
            "eff": {
                "value": 1, "limits": [0.1, 3],
                "constraint": {"pdf": "lognormal", "mean": 1, "sigma": 0.3},
            },
        }
    )  # fmt: skip
    found = fit_limit(fit_with(**peak), "r", counts(), observed=True)
    plain = fit_limit(fit_with(), "nSig", counts(), observed=True)
    assert found.strength.label == "r"
    assert 1.03 < 20 * found.expected[0] / plain.expected[0] < 1.3


def _two(**of_second):
    one = extra_peak()
    part = {key: one.pop(key) for key in ("observable", "components")}
    part["input"] = one.pop("input")
    del one["method"]
    second = json.loads(json.dumps(part))
    for key in ("Ds", "Dplus", "background"):
        second["components"][key]["yield"] += "_2"
    return {**one, "spectra": {"a": part, "b": {**second, **of_second}}}


def test_a_simultaneous_fit_of_two_equal_spectra():
    """Twice the data and the signal of each: the limit on the shared yield falls like 1 / √2."""
    from tau3mu.fit import load_model

    data = {"a": counts(), "b": counts()}
    both = fit_limit(load_model(_two()), "nSig", data, observed=True)
    one = fit_limit(fit_with(), "nSig", counts(), observed=True)
    assert both.expected[0] == pytest.approx(one.expected[0] / np.sqrt(2), rel=0.03)
    assert both.asymptotic.best == pytest.approx(one.asymptotic.best, abs=0.3)
    assert both.to_dict()["channels"] == ["a", "b"]


@pytest.fixture
def fit_file(tmp_path):
    """A fit file with a blinded window, and a file with its histogram."""
    file = tmp_path / "extra.json"
    histogram = hist.Hist(hist.axis.Variable(EDGES, name="mass"), data=counts()[0])
    import uproot

    with uproot.recreate(tmp_path / "data.root") as root:
        root["mass"] = histogram
    file.write_text(json.dumps(extra_peak(blind=[WINDOW])))
    return file


def test_the_command(fit_file, tmp_path, capsys):
    words = [str(fit_file), "--poi", "nSig", "--input", str(tmp_path / "data.root")]
    assert main([*words, "--output", str(tmp_path / "out")]) == 0
    content = json.loads((tmp_path / "out" / "limits.json").read_text())
    of_python = fit_limit(fit_file, "nSig", tmp_path / "data.root")
    assert content["expected"] == {str(n): value for n, value in of_python.expected.items()}
    assert (content["observed"], content["poi"], content["toys"]) == (None, "nSig", None)
    assert f"{of_python.expected[0]:.4g}" in capsys.readouterr().out
    again = json.loads((tmp_path / "out" / "model.json").read_text())
    assert again["components"] == extra_peak()["components"]
    assert main([*words, "--observed", "--output", str(tmp_path / "seen")]) == 0
    seen = json.loads((tmp_path / "seen" / "limits.json").read_text())
    assert seen["unblinded"]["channels"] == {"dsphipi": [WINDOW]}
    (record,) = tmp_path.glob("*.unblinded.jsonl")
    assert json.loads(record.read_text())["channels"] == {"dsphipi": [WINDOW]}
    assert seen["observed"] > 0


FREE = {"value": 1.777, "limits": [1.75, 1.80]}


@pytest.mark.parametrize(
    ("parameters", "more", "poi", "code", "path"),
    [
        ({}, {}, "nSgi", "limits.unknown-poi", "poi"),
        ({}, {}, "power_Ds", "limits.unknown-poi", "poi"),
        ({}, {}, "slope", "limits.unknown-poi", "poi"),
        ({"nSig": {"value": 5, "limits": [1, 9]}}, {}, "nSig", "limits.without-zero",
         "parameters.nSig.limits"),
        ({"mean_Sig": FREE}, {}, "nSig", "limits.free-signal", "parameters.mean_Sig"),
        ({}, {"method": {"loss": "chi2"}}, "nSig", "limits.chi2-fit", "method.loss"),
    ],
)  # fmt: skip
def test_parameters_without_a_limit(parameters, more, poi, code, path):
    with raises(code, path=path):
        fit_limit(fit_with(parameters, **more), poi, counts(), observed=True)


def test_data_without_a_limit():
    contents, edges = counts()
    with raises("limits.not-blind", path="blind"):
        fit_limit(fit_with(), "nSig", counts())
    with raises("limits.not-blind", path="spectra.a.blind"):
        from tau3mu.fit import load_model

        fit_limit(load_model(_two(blind=[WINDOW])), "nSig", {"a": counts(), "b": counts()})
    weighted = hist.Hist(hist.axis.Variable(edges, name="mass"), storage="weight")
    weighted[...] = np.stack([contents, 2 * contents], axis=-1)
    with raises("limits.weighted-data", path="dsphipi"):
        fit_limit(fit_with(), "nSig", weighted, observed=True)
    with raises("limits.wrong-level", path="cl"):
        fit_limit(fit_with(), "nSig", counts(), cl=90)


def test_words_that_do_not_fit_together(fit_file, tmp_path, capsys):
    model = tmp_path / "model.json"
    channel = {"processes": {"s": {"counts": [1], "signal": True}, "b": {"counts": [3]}}}
    model.write_text(json.dumps({"schema_version": 1, "channels": {"a": channel}}))
    for words in (
        [fit_file],
        [fit_file, "--poi", "nSig", "--channels", "a"],
        [model, "--poi", "nSig"],
        [model, "--input", "data.root"],
        ["dsphipi", "--poi", "nDs"],
    ):
        assert main([str(word) for word in words]) == 1, words
        assert "error" in capsys.readouterr().err


def test_expectation_of_asimov_data_is_the_background():
    found = fit_limit(fit_with(), "nSig", counts(), observed=True).compiled
    asimov = found.expected.objective.data["dsphipi"].contents
    model = found.expected.objective.model
    values = {**found.background, "nSig": 0.0}
    np.testing.assert_allclose(asimov, expected(model, "dsphipi", values, EDGES).sum(axis=0))
