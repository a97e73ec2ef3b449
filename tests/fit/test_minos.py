"""Asymmetric errors: of parameters and of what follows from them, at several levels."""

from __future__ import annotations

import importlib
import json

import hist
import numpy as np
import pytest
from double_crystal_ball import ROOFIT, counts, entries, tails
from iminuit import Minuit
from peak_models import PEAK, document, parameters, peak, spectrum

from tau3mu.errors import InputError
from tau3mu.fit import fit
from tau3mu.fit.__main__ import main
from tau3mu.fit.commands import fit as command
from tau3mu.fit.data.source import Source
from tau3mu.fit.likelihood import Objective

# The package's `fit` is the function of this name.
fit_module = importlib.import_module("tau3mu.fit.fitting.fit")

FREE = ("mean", "slope", "nSignal", "nBackground")
FIXED = parameters(half={"expression": "width / 2"}, twice={"expression": "2 * mean"})
USED = {"a": "half + mean", "b": "twice + mean", "size": "width * 3", "none": "0 * nSignal"}


def minos(*names, levels=(68,), **method):
    return {
        "engine": "numpy",
        "minos": {"parameters": list(names) or "all", "levels": list(levels)},
        **method,
    }


def sides(item, level):
    return item.minos if level == 68 else item.minos_levels[str(level)]


@pytest.fixture(scope="module")
def result():
    return fit(peak(method=minos(levels=(95, 68, 90))), spectrum())


@pytest.fixture(scope="module")
def minuit(result):
    """Minuit's own Minos on the same likelihood."""
    objective = Objective(result.model, result.data)
    free = objective.parameters.free
    made = Minuit(objective, objective.parameters.point(result.values), name=free)
    for name in free:
        made.limits[name] = objective.limits[name]
    made.errordef, made.strategy = 0.5, 2
    made.migrad()
    return made


@pytest.mark.parametrize("level", [68, 90, 95])
def test_levels_are_those_of_minuit(result, minuit, level):
    minuit.minos(*FREE, cl=1 if level == 68 else level / 100)
    for name in FREE:
        expected = minuit.merrors[name].lower, minuit.merrors[name].upper
        assert sides(result.parameters[name], level) == pytest.approx(expected, rel=5e-3), name


def test_what_is_not_asked_for_is_not_there():
    result = fit(peak(method={"engine": "numpy", "minos": ["mean"]}), spectrum())
    assert [n for n, p in result.parameters.items() if p.minos] == ["mean"]
    assert result.parameters["mean"].minos_levels == {}
    assert result.derived["ratio"].minos is None
    only = fit(peak(method=minos("mean", levels=[90])), spectrum()).parameters["mean"]
    assert only.minos is None
    assert list(only.minos_levels) == ["90"]


@pytest.mark.parametrize("level", [68, 95])
def test_a_derived_quantity_is_like_a_parameter_in_its_place(level):
    given = peak(method=minos("ratio", levels=(68, 95)))
    other = peak(
        method=minos("share", levels=(68, 95)),
        parameters=parameters(
            share={"value": 0.4, "limits": [0.01, 2]}, nSignal={"expression": "share*nBackground"}
        ),
    )
    derived = fit(given, spectrum()).derived["ratio"]
    parameter = fit(other, spectrum()).parameters["share"]
    assert derived.value == pytest.approx(parameter.value, rel=1e-3)
    assert sides(derived, level) == pytest.approx(sides(parameter, level), rel=5e-3)
    assert sides(derived, 68) == pytest.approx([-derived.error, derived.error], rel=0.1)
    down, up = sides(derived, level)
    assert up > -1.02 * down  # a ratio has its longer tail above


def test_a_ratio_of_few_entries():
    """The numbers are of SciPy's Nelder-Mead along the profile, which uses no slopes."""
    generator = np.random.default_rng(12)
    few = np.concatenate([generator.normal(5, 0.5, 25), 10 * generator.random(80)])
    free = parameters(width={"value": 0.5, "limits": [0.1, 2]}, mean={"value": 5, "limits": [3, 7]})
    histogram = hist.Hist(hist.axis.Regular(50, 0, 10, name="m")).fill(few)
    observable = {**PEAK["observable"], "bins": 50}
    ratio = fit(
        peak(parameters=free, observable=observable, method=minos("ratio", levels=(68, 90))),
        histogram,
    ).derived["ratio"]
    assert ratio.minos == pytest.approx([-0.08413, 0.10376], rel=3e-3)
    assert sides(ratio, 90) == pytest.approx([-0.12956, 0.18316], rel=3e-3)


def test_a_parameter_with_an_expression():
    changed = document(parameters=parameters(
        mean=None, half={"value": 2.5, "limits": [2, 3]}, mean2={"expression": "half**2 - 1"},
    ), method=minos("half", "mean2"))  # fmt: skip
    changed["components"]["signal"]["parameters"]["mu"] = "mean2"
    result = fit(peak(**changed), spectrum())
    half, square = result.parameters["half"], result.parameters["mean2"]
    for down_or_up, shift in zip(square.minos, half.minos, strict=True):
        expected = (half.value + shift) ** 2 - half.value**2
        assert down_or_up == pytest.approx(expected, rel=5e-3)


def test_roofit_finds_the_same():
    result = fit(tails(minos="all"), counts())
    for name, expected in ROOFIT["minos"].items():
        assert result.parameters[name].minos == pytest.approx(expected, rel=0.01), name
    assert result.messages == ()


def test_single_entries_of_a_double_crystal_ball():
    """Minuit's Minos finds none of these."""
    names = ["mean", "sigma", "alphal"]
    result = fit(tails(minos=names), entries())
    assert result.valid
    for name in names:
        parameter = result.parameters[name]
        for shift in parameter.minos:
            assert 0.7 < abs(shift) / parameter.error < 1.4
            held = {name: {"value": parameter.value + shift, "fixed": True}}
            fixed = fit(tails(held), entries(), start=result.values)
            assert fixed.nll - result.nll == pytest.approx(0.5, abs=0.02), name


def _small(seed=0):
    """Some 25 entries of a peak at 5 on 300 of a background."""
    generator = np.random.default_rng(seed)
    drawn = [generator.normal(5, 0.5, 25), generator.exponential(5, 300)]
    return hist.Hist(hist.axis.Regular(40, 0, 10, name="m")).fill(np.concatenate(drawn))


ASIDE = parameters(mean={"value": 3, "limits": [1, 9]})


def test_a_lower_minimum_is_taken():
    method = minos("mean", levels=(68, 95))
    first = fit(peak(parameters=ASIDE, method=method), _small(), minos=False)
    result = fit(peak(parameters=ASIDE, method=method), _small())
    best = fit(
        peak(parameters=ASIDE, method={"engine": "numpy", "starts": {"number": 20}}), _small()
    )
    assert first.status == result.status == "ok"
    assert first.values["mean"] == pytest.approx(2.94, abs=0.01)
    assert result.nll == pytest.approx(best.nll, abs=1e-3)
    assert result.values["mean"] == pytest.approx(best.values["mean"], abs=1e-3)
    assert result.nll < first.nll - 5
    assert any("Minos" in text and "5.37" in text for text in result.messages)
    assert result.minima[1].delta_nll == pytest.approx(5.37, abs=0.01)
    assert sides(result.parameters["mean"], 68) is not None


def test_a_side_that_ends_at_a_limit_is_not_known():
    model = peak(
        parameters=parameters(
            mean={"value": 5, "fixed": True}, nSignal={"value": 9, "limits": [0, 99]}
        ),
        method=minos("nSignal", levels=(68, 95)),
    )  # fmt: skip
    flat = hist.Hist(hist.axis.Regular(40, 0, 10, name="m"))
    flat.view()[:] = 10
    flat.view()[20] = 13
    result = fit(model, flat)
    down, up = result.parameters["nSignal"].minos_levels["95"]
    assert result.valid
    assert down is None
    assert up > 10
    assert any("nSignal" in text and "95 %" in text for text in result.messages)


def test_what_minos_does_not_find_leaves_the_fit_as_it_is():
    model = peak(derived=USED, parameters=FIXED, method=minos("none", "mean"))
    result = fit(model, spectrum())
    assert result.status == "ok"
    assert result.derived["none"].minos is None
    assert result.parameters["mean"].minos is not None
    assert any("none" in text for text in result.messages)


def test_weighted_entries_have_none():
    values = np.concatenate([np.full(50, 5.1), np.linspace(0.1, 9.9, 200)])
    weighted = hist.Hist(hist.axis.Regular(40, 0, 10, name="m"), storage=hist.storage.Weight())
    weighted.fill(values, weight=np.linspace(0.5, 1.5, 250))
    result = fit(peak(method=minos("mean", "ratio")), weighted)
    assert result.parameters["mean"].minos is None
    assert any("Minos" in text for text in result.messages)


@pytest.mark.parametrize(
    ("names", "place", "name"),
    [
        ({"minos": ["width"]}, "method.minos", "width"),
        ({"minos": {"parameters": ["mean", "width"]}}, "method.minos", "width"),
        ({"minos": ["half"]}, "method.minos", "half"),
        ({"minos": ["size"]}, "method.minos", "size"),
        ({"minos": ["maen"]}, "method.minos", "'mean'"),
        ({"minos": {"parameters": ["ratoi"]}}, "method.minos", "ratoi"),
        ({"minos": {"levels": [80]}}, "method.minos", "80"),
        ({"minos": {"levels": []}}, "method.minos", "levels"),
        ({"scans": ["width"]}, "outputs.scans", "width"),
        ({"scans": ["mean", "twice"]}, "outputs.scans", "twice"),
        ({"scans": ["size"]}, "outputs.scans", "size"),
        ({"scans": ["maen"]}, "outputs.scans", "'mean'"),
    ],
)
def test_what_has_no_profile_is_found_by_check(names, place, name, tmp_path, capsys):
    key = "outputs" if "scans" in names else "method"
    file = tmp_path / "peak.json"
    file.write_text(json.dumps(document(derived=USED, parameters=FIXED, **{key: names})))
    assert main(["--check", str(file)]) == 1
    error = capsys.readouterr().err
    assert str(file) in error
    assert f": {place}: " in error
    assert name in error


def test_what_follows_from_free_parameters_is_accepted():
    peak(derived=USED, parameters=FIXED, method=minos("a", "b", "twice", "mean", "nSignal"))
    with pytest.raises(InputError, match="half"):
        peak(derived=USED, parameters=FIXED, method=minos("a", "half"))


def _saved(folder, data=None, **changes):
    source = Source(spectrum() if data is None else data)
    return command.fit_and_save(peak(**changes), {"peak": source}, folder)


def _document(folder):
    return json.loads((folder / "fit.json").read_text("utf-8"))


def test_a_saved_fit_has_minos_and_scans(tmp_path):
    result = _saved(tmp_path, method=minos("ratio", levels=(90,)), outputs={"scans": ["mean"]})
    found = _document(tmp_path)
    assert found["derived"]["ratio"]["minos_levels"]["90"] == pytest.approx(
        result.derived["ratio"].minos_levels["90"]
    )
    assert len(found["scans"]["mean"]["values"]) == 30
    assert {"scans.png", "mass_fit.png"} <= {path.name for path in tmp_path.iterdir()}


def test_a_fit_is_saved_before_what_takes_long(tmp_path, monkeypatch):
    def interrupted(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit_module, "with_minos", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _saved(tmp_path, method=minos("mean"), outputs={"scans": ["mean"]})
    found = _document(tmp_path)
    assert found["status"] == "ok"
    assert found["parameters"]["mean"]["minos"] is None
    assert (tmp_path / "fit.root").exists()
    assert (tmp_path / "mass_fit.png").exists()


def test_a_scan_that_meets_a_lower_minimum_starts_the_fit_again(tmp_path):
    result = _saved(tmp_path, _small(), parameters=ASIDE, outputs={"scans": ["mean"]})
    found = _document(tmp_path)
    assert result.status == found["status"] == "ok"
    assert found["parameters"]["mean"]["value"] == pytest.approx(4.963, abs=0.01)
    assert any("mean" in text and "5.37" in text for text in found["messages"])
    assert min(found["scans"]["mean"]["delta_nll"]) > -1e-3


def test_a_lower_minimum_without_a_fit_makes_it_invalid():
    result = fit(peak(), spectrum())
    again = fit_module.restart(result, result.values, "Minos")
    assert not again.valid
    assert again.status == "not the lowest minimum"
    assert again.values == result.values
