"""Trials: each is a fit of its own, and the averages are those of the formulas."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace

import hist
import numpy as np
import pytest
from errors import raises
from peak_models import TRIALS, document, parameters, spectrum

from tau3mu.errors import InputError
from tau3mu.fit import fit
from tau3mu.fit.fitting.result import Quantity
from tau3mu.fit.studies import TrialStudy, load_trials, run_trials
from tau3mu.fit.studies.trial_summary import SummaryTexts, TrialResult
from tau3mu.fit.studies.trials_file import TrialsFile


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trials")
    (folder / "peak.json").write_text(json.dumps(document()))
    (folder / "trials.json").write_text(json.dumps(TRIALS))
    return load_trials(folder / "trials.json")


@pytest.fixture(scope="module")
def study(trials):
    return run_trials(trials, spectrum())


@pytest.fixture(scope="module")
def by_hand():
    """Four trials with simple numbers, of which one is not valid and one has no error."""
    file = TrialsFile.model_validate(
        {
            **TRIALS,
            "quantities": ("n",),
            "variations": {"pdf": {"a": {}, "b": {}}, "range": {"x": {}, "y": {}, "z": {}}},
        }
    )
    found = [
        ("a", "x", "ok", 10.0, 1.0),
        ("a", "y", "ok", 14.0, 2.0),
        ("b", "x", "ok", 18.0, None),
        ("b", "y", "not converged", 1000.0, 1.0),
        ("b", "z", "ok", 22.0, 3.0),
    ]
    results = [
        TrialResult({"pdf": p, "range": r}, status, (), {"n": Quantity(value, error)})
        for p, r, status, value, error in found
    ]
    return TrialStudy(file, {}, tuple(results))


def test_a_trial_is_the_fit_of_its_model(trials, study):
    assert len(study.results) == 12
    for trial, result in zip(trials.trials, study.results, strict=True):
        alone = fit(trial.model, spectrum())
        assert result.options == trial.options
        assert result.quantities["nSignal"].value == alone.values["nSignal"]
        assert result.quantities["nSignal"].error == alone.parameters["nSignal"].error
        ratio = alone.derived["ratio"]
        assert result.quantities["ratio"] == Quantity(ratio.value, ratio.error)
        assert (result.chi2, result.ndf, result.nll) == (alone.chi2, alone.ndf, alone.nll)
        assert (result.status, result.messages) == (alone.status, alone.messages)


def test_what_moves_the_yield_most_is_found(study):
    summary = study.summary["nSignal"]
    assert summary.trials == len(study.valid) == 12
    spreads = {}
    for variation, options in TRIALS["variations"].items():
        means = [
            np.mean([r.quantities["nSignal"].value for r in study.results
                     if r.options[variation] == option])
            for option in options
        ]  # fmt: skip
        spreads[variation] = np.sqrt(np.mean((means - np.mean(means)) ** 2))
        assert summary.variations[variation].spread == pytest.approx(spreads[variation])
    assert summary.strongest == max(spreads, key=spreads.get) == "range"


def test_processes_give_the_same_numbers(trials, study):
    done = []
    parallel = run_trials(trials, spectrum(), workers=2, progress=done.append)
    assert parallel.results == study.results
    assert sum(done) == 12


@pytest.mark.integration
@pytest.mark.integration
def test_a_cluster_gives_the_same_numbers(trials, study, client):
    assert run_trials(trials, spectrum(), client=client).results == study.results


def test_averages_by_hand(by_hand):
    summary = by_hand.summary["n"]
    assert [result.label for result in by_hand.invalid] == ["b / y"]
    assert summary.trials == 4
    assert summary.mean == 16
    assert summary.statistical == 2
    assert summary.systematic == pytest.approx(math.sqrt((36 + 4 + 4 + 36) / 4))
    assert summary.weighted_mean == pytest.approx((10 + 14 / 4 + 22 / 9) / (1 + 1 / 4 + 1 / 9))
    assert summary.largest_deviation == -6
    assert summary.largest_deviation_of == "a / x"


def test_options_without_a_valid_trial_are_said(by_hand):
    assert by_hand.warnings == ()
    results = by_hand.results[:2] + by_hand.results[3:4]
    (warning,) = TrialStudy(by_hand.file, {}, results).warnings
    assert "pdf=b" in warning


def test_averages_of_each_variation_by_hand(by_hand):
    variations = by_hand.summary["n"].variations
    assert variations["pdf"].means == {"a": 12, "b": 20}
    assert variations["pdf"].spread == 4
    assert variations["range"].means == {"x": 14, "y": 14, "z": 22}
    assert variations["range"].spread == pytest.approx(math.sqrt(128 / 9))
    assert by_hand.summary["n"].strongest == "pdf"


def test_without_errors_there_is_no_statistical_uncertainty(by_hand):
    results = [by_hand.results[2]]
    summary = TrialStudy(by_hand.file, {}, tuple(results)).summary["n"]
    assert (summary.mean, summary.systematic) == (18, 0)
    assert summary.statistical is None
    assert summary.weighted_mean is None


def test_a_fit_that_is_not_valid_is_left_out(trials, study, tmp_path):
    limits = {"parameters": {"mean": {"value": 5.5, "limits": [5.4, 5.6]}}}
    path = tmp_path / "trials.json"
    variations = {"mean": {"free": {}, "held": limits}, "range": {"wide": {}}}
    path.write_text(json.dumps({**TRIALS, "base": document(), "variations": variations}))
    found = run_trials(path, spectrum())
    assert [result.status for result in found.results] == ["ok", "parameter at limit"]
    assert found.results[1].messages[0].startswith("mean is at its lower limit 5.4")
    only = study.results[0].quantities["nSignal"]
    assert found.summary["nSignal"].mean == only.value
    assert found.summary["nSignal"].statistical == only.error
    assert found.summary["nSignal"].systematic == 0
    plotted = found.plot("nSignal").axes[0]
    assert [text.get_text() for text in plotted.texts] == ["not valid: parameter at limit"]


def test_a_trial_without_a_likelihood_fails_alone(tmp_path):
    far = {"value": 2e5, "limits": [0, 3e5]}  # the search begins with what the data have
    impossible = {"parameters": {"width": {"expression": "sqrt(nSignal - 1e5)"}, "nSignal": far}}
    variations = {"width": {"known": {}, "none": impossible}, "other": {"x": {}, "y": {}}}
    path = tmp_path / "trials.json"
    base = document(parameters=parameters(width={"expression": "sqrt(mean) / 4"}))
    path.write_text(json.dumps({**TRIALS, "base": base, "variations": variations}))
    found = run_trials(path, spectrum())
    assert [result.status for result in found.results] == ["ok", "ok", "failed", "failed"]
    assert "the likelihood is a number at none" in found.results[2].messages[0]
    assert found.summary["nSignal"].trials == 2
    (warning,) = found.warnings
    assert "width=none" in warning


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        ({"observable": {"bins": 37}}, r"^trial bad: fit peak: "),
        ({"observable": {"bins": 2}}, r"^trial bad: fit peak: 2 bins"),
        (
            {
                "derived": {"odd": "1 / (zero * 0)"},
                "parameters": {"zero": {"value": 0, "fixed": True}},
            },
            r"trial bad: derived\.odd",
        ),
    ],
    ids=["other bins", "too few bins", "no number"],
)
def test_what_cannot_be_fitted_is_found_before_any_fit(tmp_path, bad, place):
    variations = {"one": {"good": {}, "bad": bad}}
    path = tmp_path / "trials.json"
    path.write_text(json.dumps({**TRIALS, "base": document(), "variations": variations}))
    done = []
    with pytest.raises(InputError, match=place):
        run_trials(path, spectrum(), progress=done.append)
    assert done == []


def test_labels_give_the_tails(tmp_path):
    import uproot

    with uproot.recreate(tmp_path / "tails.root") as file:
        for name, width in (("narrow", 0.4), ("wide", 0.6)):
            axis = hist.axis.StrCategory(["width", "other"])
            file[name] = hist.Hist(axis, data=np.array([width, 3.0]))
    labels = {"file": "tails.root", "histogram": "narrow"}
    base = document(labels=labels, parameters=parameters(width={"value": "@width"}))
    variations = {"tails": {"narrow": {}, "wide": {"labels": {"histogram": "wide"}}}}
    path = tmp_path / "trials.json"
    path.write_text(
        json.dumps({**TRIALS, "base": base, "variations": variations, "quantities": ["width"]})
    )
    found = run_trials(path, spectrum())
    assert [result.quantities["width"].value for result in found.results] == [0.4, 0.6]


def test_trials_are_written_and_never_over_others(study, tmp_path):
    study.save(tmp_path)
    written = json.loads((tmp_path / "trials.json").read_text("utf-8"))
    assert (written["trials"], written["valid"]) == (12, 12)
    assert written["configuration"] == TRIALS
    summary = study.summary["nSignal"]
    assert written["summary"]["nSignal"]["systematic"] == summary.systematic
    assert written["summary"]["nSignal"]["strongest"] == "range"
    with (tmp_path / "trials.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 12
    for row, result in zip(rows, study.results, strict=True):
        assert row["range"] == result.options["range"]
        assert float(row["nSignal"]) == result.quantities["nSignal"].value
        assert float(row["ratio_error"]) == result.quantities["ratio"].error
        assert float(row["chi2"]) == result.chi2
    found = {path.name for path in tmp_path.iterdir()}
    plots = {f"trials_{n}.{f}" for n in ("nSignal", "ratio") for f in ("png", "pdf")}
    assert found == {"trials.json", "trials.csv", *plots}
    with raises("fit.output-exists", path="trials.json"):
        study.save(tmp_path)


def test_a_plot_shows_every_trial_the_mean_and_both_uncertainties(study):
    summary = study.summary["nSignal"]
    (axes,) = study.plot("nSignal").axes
    points = [float(bar.lines[0].get_xdata()[0]) for bar in axes.containers]
    assert points == [result.quantities["nSignal"].value for result in study.results]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == [result.label for result in study.results]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        f"statistical ±{summary.statistical:.0f}",
        f"systematic ±{summary.systematic:.0f}",
        f"mean {summary.mean:.0f}",
    ]


def test_averages_have_two_digits_of_the_statistical_error(study):
    summary = replace(
        study.summary["nSignal"],
        mean=0.123456, statistical=0.01234, systematic=0.1, largest_deviation=-0.00049,
    )  # fmt: skip
    assert summary.texts == SummaryTexts("0.123", "0.012", "0.100", "-0.000")
    exact = replace(summary, statistical=None, systematic=0.0456)
    assert exact.texts == SummaryTexts("0.123", "", "0.046", "-0.000")
