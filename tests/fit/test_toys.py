"""Toys: bias, errors and coverage of fits whose truth is known."""

from __future__ import annotations

import json
import math
from pathlib import Path

import hist
import numpy as np
import pyarrow.parquet as pq
import pytest
from errors import raises
from peak_models import document, parameters, peak
from scipy import stats

from tau3mu.errors import InputError, RunError
from tau3mu.fit import fit
from tau3mu.fit.data import Unbinned
from tau3mu.fit.language import model_of
from tau3mu.fit.likelihood.sampling import Toys
from tau3mu.fit.studies import ToyStudy, run_toys
from tau3mu.fit.studies.toy_study import Toy
from tau3mu.fit.studies.truth import empty_data

NAMES = ["mean", "slope", "nSignal", "nBackground", "ratio"]
ONE_SIGMA = math.erf(1 / math.sqrt(2))


@pytest.fixture(scope="module")
def study():
    return run_toys(peak(), 400, seed=3)


def assert_unbiased(summary):
    """The pulls are those of a normal distribution, within four standard deviations."""
    assert abs(summary.pull_mean) < 4 * summary.pull_mean_error
    assert abs(summary.pull_width - 1) < 4 * summary.pull_width_error
    assert abs(summary.coverage - ONE_SIGMA) < 4 * summary.coverage_error


def test_all_that_is_free_or_derived_is_measured(study):
    assert list(study.truth) == NAMES
    assert study.truth["ratio"] == 0.4
    assert study.statuses == {"ok": 400}
    assert study.failed == 0


@pytest.mark.parametrize("name", NAMES)
def test_pulls_are_normal(study, name):
    assert study.summary[name].toys == 400
    assert_unbiased(study.summary[name])


def test_errors_are_as_large_as_the_spread_of_the_values(study):
    for name in NAMES:
        spread = study.table[name].std(ddof=1)
        assert study.summary[name].mean_error == pytest.approx(spread, rel=4 / math.sqrt(2 * 399))


def test_a_toy_is_the_fit_of_data_drawn_with_seed_and_index(study):
    model, truth = study.model, {"width": 0.5} | study.truth
    for index in (0, 17):
        toys = Toys(model, truth, empty_data(model))
        data = toys.draw(np.random.default_rng([3, index]))
        result = fit(model, data)
        for name in NAMES[:-1]:
            parameter = result.parameters[name]
            assert study.table[name][index] == pytest.approx(
                parameter.value, abs=0.01 * parameter.error
            )
            assert study.table[f"{name}_error"][index] == pytest.approx(parameter.error, rel=0.01)
        ratio = result.derived["ratio"]
        assert study.table["ratio"][index] == pytest.approx(ratio.value, abs=0.01 * ratio.error)
        assert study.table["ratio_error"][index] == pytest.approx(ratio.error, rel=0.01)


def test_numbers_do_not_depend_on_workers_or_on_how_many_toys_there_are(study):
    done = []
    parallel = run_toys(peak(), 45, seed=3, workers=2, progress=done.append)
    assert sum(done) == 45
    for column, values in parallel.table.items():
        np.testing.assert_array_equal(values, study.table[column][:45])


def test_pdfs_of_users_travel_to_the_processes(tmp_path):
    (tmp_path / "falling.py").write_text(
        "def formula(x, slope, xp):\n    return xp.exp(slope * x)\n\npositive = ()\n"
    )
    changed = document()
    changed["components"]["background"]["pdf"] = "falling"
    model = model_of(changed, "peak.json", tmp_path)
    found = run_toys(model, 25, seed=3, workers=2)
    np.testing.assert_array_equal(found.table["mean"], run_toys(model, 25, seed=3).table["mean"])
    # The same toys as of the package's exponential, up to the accuracy of the integrals.
    own = run_toys(peak(), 25, seed=3).table
    assert found.table["nSignal"] == pytest.approx(own["nSignal"], rel=1e-3)


@pytest.mark.integration
@pytest.mark.integration
def test_a_cluster_gives_the_same_numbers(study, client):
    found = run_toys(peak(), 45, seed=3, client=client)
    for column, values in found.table.items():
        np.testing.assert_array_equal(values, study.table[column][:45])


def test_other_seeds_give_other_toys(study):
    other = run_toys(peak(), 3, seed=4)
    assert not np.any(np.isin(other.table["mean"], study.table["mean"]))


@pytest.mark.parametrize(
    "constraint",
    [
        {"pdf": "normal", "mean": 5, "sigma": 0.005},
        {"pdf": "lognormal", "mean": 5, "sigma": 0.001},
    ],
    ids=lambda constraint: constraint["pdf"],
)
def test_what_constraints_know_fluctuates(constraint):
    model = peak(
        parameters=parameters(mean={"value": 5, "limits": [4, 6], "constraint": constraint})
    )
    summary = run_toys(model, 200, seed=5).summary["mean"]
    # The constraint is eight times as precise as the data: were its mean always the true one, the
    # pulls would be an eighth as wide.
    assert summary.mean_error < 0.006
    assert_unbiased(summary)


def test_errors_of_weighted_data_are_right():
    weight = 4.0
    axis = hist.axis.Regular(40, 0, 10, name="m")
    like = hist.Hist(axis, storage=hist.storage.Weight())
    like.view().value, like.view().variance = 35.0, weight * 35.0
    summary = run_toys(peak(), 200, like=like, seed=6).summary
    unweighted = run_toys(peak(), 5, seed=6).summary
    for name in ("nSignal", "nBackground"):
        assert_unbiased(summary[name])
        ratio = summary[name].mean_error / unweighted[name].mean_error
        assert ratio == pytest.approx(math.sqrt(weight), rel=0.1)


def test_single_entries_are_fitted_one_by_one():
    model = peak(input={"column": "m"}, ranges=[[0, 4], [4.5, 10]])
    assert isinstance(empty_data(model)["peak"], Unbinned)
    study = run_toys(model, 60, seed=7)
    assert study.statuses == {"ok": 60}
    for name in ("nSignal", "nBackground", "mean"):
        assert_unbiased(study.summary[name])


def test_errors_of_weighted_entries_are_right():
    model = peak(input={"column": "m"})
    values, weights = np.linspace(0, 9.99, 500), np.tile([1.0, 3.0], 250)
    found = run_toys(model, 60, like=(values, weights), seed=14).summary
    unweighted = run_toys(model, 5, seed=14).summary
    for name in ("nSignal", "nBackground"):
        assert_unbiased(found[name])
        ratio = found[name].mean_error / unweighted[name].mean_error
        assert ratio == pytest.approx(math.sqrt(10 / 4), rel=0.1)  # the mean weight, Σw² / Σw


def test_blinded_toys_are_compared_with_the_yields_of_the_full_range():
    study = run_toys(peak(blind=[[6, 10]]), 60, seed=8)
    assert study.statuses["ok"] == 60
    assert_unbiased(study.summary["nBackground"])


def test_a_truth_at_a_limit_is_left():
    """Where Minuit begins at a limit, it may stay there although the minimum is elsewhere."""
    width = {"value": 1.0, "limits": [0.2, 1.0]}
    model = peak(parameters=parameters(width=width))
    study = run_toys(model, 20, seed=9)
    truth = {name: parameter["value"] for name, parameter in parameters(width=width).items()}
    toys = Toys(model, truth, empty_data(model))
    for index in range(20):
        alone = fit(model, toys.draw(np.random.default_rng([9, index])))
        assert study.table["status"][index] == alone.status
        if alone.valid:
            found = study.table["width"][index]
            assert found == pytest.approx(alone.values["width"], abs=1e-3)


def test_a_parameter_at_a_limit_that_does_not_matter_has_no_error():
    """The tail of a peak that has none: the others are measured as without a tail."""
    changed = document(
        parameters=parameters(
            alpha={"value": 4.95, "limits": [1, 5]}, power={"value": 3, "fixed": True}
        )
    )
    signal = changed["components"]["signal"]
    signal["pdf"] = "CrystalBall"
    signal["parameters"] |= {"alpha": "alpha", "n": "power"}
    study = run_toys(model_of(changed, "tail.json", Path()), 40, seed=13)
    assert study.statuses["ok"] == 40
    without_error = np.isnan(study.table["alpha_error"])
    assert 1 < without_error.sum() < 39
    assert study.summary["alpha"].toys == 40 - without_error.sum()
    assert study.table["alpha"][without_error] == pytest.approx(5, abs=0.01)
    for name in ("nSignal", "mean"):
        expected = run_toys(peak(), 40, seed=13).table[f"{name}_error"]
        found = study.table[f"{name}_error"]
        assert found[without_error] == pytest.approx(expected[without_error], rel=0.01)


def test_fits_that_are_not_valid_are_counted_and_left_out():
    model = peak(parameters=parameters(mean={"value": 5, "limits": [4.95, 5.02]}))
    study = run_toys(model, 60, seed=10)
    number = study.statuses["parameter at limit"]
    assert 5 < number < 55
    assert study.failed == number == 60 - study.statuses["ok"]
    assert study.summary["nSignal"].toys == study.statuses["ok"]
    left_out = study.table["status"] != "ok"
    assert np.isnan(study.table["nSignal"][left_out]).all()


def test_toys_without_entries_are_counted():
    few = {"value": 0.5, "limits": [0, 10]}
    model = peak(
        parameters=parameters(
            nSignal=few, nBackground=few, slope={"value": -0.2, "fixed": True},
            mean={"value": 5, "fixed": True},
        )
    )  # fmt: skip
    study = run_toys(model, 200, seed=11)
    expected = stats.binom(200, math.exp(-1))
    assert expected.ppf(1e-4) <= study.statuses["no entries"] <= expected.ppf(1 - 1e-4)


def test_values_of_a_fit_are_the_truth():
    model = peak(parameters=parameters(nSignal=None, nBackground=None))
    data = Toys(peak(), {p: v["value"] for p, v in parameters().items()}, empty_data(peak()))
    result = fit(model, data.draw(np.random.default_rng(12)))
    study = run_toys(model, 2, values=result)
    assert study.truth == pytest.approx(
        {name: result.values[name] for name in NAMES[:-1]}
        | {"ratio": result.derived["ratio"].value}
    )


@pytest.mark.parametrize(
    ("changes", "number", "values", "code", "path"),
    [
        ({}, 0, None, "fit.wrong-value", "number"),
        (
            {"parameters": parameters(nSignal=None, nBackground=None)}, 1, None,
            "fit.missing-value", "parameters.nSignal",
        ),
        ({}, 1, {"nSingal": 3.0}, "fit.undefined-parameter", "parameters.nSingal"),
        ({}, 1, {"mean": 7.0}, "fit.outside-limits", "parameters.mean"),
        ({}, 1, {"width": 0.6}, "fit.other-fit", "parameters.width"),
    ],
)  # fmt: skip
def test_an_impossible_truth_is_refused(changes, number, values, code, path):
    with raises(code, InputError, path=path):
        run_toys(peak(**changes), number, values=values)


def test_the_summary_of_four_toys_by_hand():
    found = [(11.0, 2.0), (9.0, 1.0), (14.0, 2.0), (10.0, 4.0)]
    toys = [Toy(i, "ok", {"a": v}, {"a": e}) for i, (v, e) in enumerate(found)]
    toys += [Toy(4, "ok", {"a": 12.0}, {"a": math.nan}), Toy(5, "not converged", {}, {})]
    study = ToyStudy(peak(), {"a": 10.0}, 1, tuple(toys))
    # The pulls are 0.5, -1, 2 and 0.
    width = math.sqrt((0.125**2 + 1.375**2 + 1.625**2 + 0.375**2) / 3)
    summary = study.summary["a"]
    assert study.statuses == {"ok": 5, "not converged": 1}
    assert summary.toys == 4
    assert summary.mean_error == 2.25
    assert summary.bias == 1.0
    assert summary.bias_error == pytest.approx(math.sqrt(14 / 3) / 2)
    assert summary.bias_in_sigma == pytest.approx(1 / math.sqrt(14 / 3))
    assert summary.pull_mean == 0.375
    assert summary.pull_width == pytest.approx(width)
    assert summary.pull_mean_error == pytest.approx(width / 2)
    assert summary.pull_width_error == pytest.approx(width / math.sqrt(6))
    assert summary.coverage == 0.5
    assert summary.coverage_error == 0.25


def test_a_study_is_written_and_never_over_another(study, tmp_path):
    study.save(tmp_path)
    written = json.loads((tmp_path / "toys.json").read_text("utf-8"))
    assert written["toys"] == 400
    assert written["seed"] == 3
    assert written["configuration"] == study.model.to_dict()
    for name in NAMES:
        pull = written["summary"][name]["pull_width"]
        assert pull == pytest.approx(study.summary[name].pull_width, rel=1e-12)
    table = pq.read_table(tmp_path / "toys.parquet")
    assert table.column_names[:5] == ["toy", "status", "mean", "mean_error", "mean_pull"]
    np.testing.assert_array_equal(table["nSignal_pull"].to_numpy(), study.table["nSignal_pull"])
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {
        "toys.json", "toys.parquet", "pulls.png", "pulls.pdf", "bias.png", "bias.pdf"
    }  # fmt: skip
    with raises("fit.output-exists", path="toys.json"):
        study.save(tmp_path)


def test_plots_show_the_numbers_of_the_summary(study):
    panels = study.plot_pulls().axes
    assert [axes.get_title("left") for axes in panels] == [
        "μ(Signal)", "slope(Background)", "N(Signal)", "N(Background)", "ratio"
    ]  # fmt: skip
    for axes, name in zip(panels, NAMES, strict=True):
        summary = study.summary[name]
        (text,) = [text.get_text() for text in axes.texts]
        assert text.splitlines()[0] == (
            f"mean {summary.pull_mean:.3f} ± {summary.pull_mean_error:.3f}".replace("-", "−")
        )
        drawn = axes.patches[0].get_data().values.sum()
        assert drawn == 400
    means, widths = study.plot_bias().axes
    assert means.containers[0].lines[0].get_xdata().tolist() == [
        study.summary[name].pull_mean for name in NAMES
    ]
    assert widths.containers[0].lines[0].get_xdata().tolist() == [
        study.summary[name].pull_width for name in NAMES
    ]


def test_a_study_that_does_not_fit_on_the_disk_leaves_nothing(study, tmp_path):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (12_000, hard))  # less than the table or a plot
    try:
        with pytest.raises(RunError, match=rf"{tmp_path}/\w+\.\w+: File too large"):
            study.save(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
