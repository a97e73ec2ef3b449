"""Fits without free parameters, and files of which it is known that they cannot be fitted."""

from __future__ import annotations

import json

import hist
import numpy as np
import pytest
from both_engines import OBSERVABLE, component, counted, described, made
from errors import raises
from scipy import stats

from tau3mu.errors import InputError, RunError
from tau3mu.fit import fit, load_model
from tau3mu.fit.__main__ import main
from tau3mu.fit.language.values import first_values
from tau3mu.fit.studies import run_toys

FIXED = {
    "mean": {"value": 3.1, "fixed": True},
    "width": {"expression": "0.02 * mean + zero"},
    "zero": {"value": 0, "fixed": True},
    "slope": {"value": -0.5, "fixed": True},
    "S": {"value": 300, "fixed": True},
    "B": {"value": 700, "fixed": True},
}
FREE = {
    "mean": {"value": 3.1, "limits": [3, 3.2]},
    "width": {"value": 0.06, "limits": [0.02, 0.1]},
    "slope": {"value": -0.5, "limits": [-3, 3]},
}
EDGES = np.linspace(2.2, 4.8, 53)


def document(parameters, **more):
    components = {
        "S": component("S", "Gauss", mu="mean", sigma="width"),
        "B": component("B", "Exponential", slope="slope"),
    }
    return described(components, parameters, **more)


def entries(seed=4):
    generator = np.random.default_rng(seed)
    values = np.concatenate(
        [generator.normal(3.1, 0.062, 300), 2.2 + generator.exponential(2, 1000)]
    )
    return values[values < 4.8]


def expectation():
    peak = np.diff(stats.norm.cdf(EDGES, 3.1, 0.062))
    tail = np.diff(-np.exp(-0.5 * EDGES))
    return 300 * peak / peak.sum() + 700 * tail / tail.sum()


@pytest.mark.parametrize("engine", ["numpy", "zfit"])
def test_without_free_parameters_there_are_nll_and_chi2(engine):
    content = np.histogram(entries(), EDGES)[0]
    method = {"minos": "all", "starts": {"number": 3}, "goodness_of_fit": {"toys": 10}}
    stage = {"components": ["B"], "ranges": [[2.2, 2.8]]}
    result = fit(made(document(FIXED), engine=engine, stages=[stage], **method), counted(entries()))
    mean = expectation()
    assert (result.valid, result.status, result.converged) == (True, "ok", True)
    assert result.nll == pytest.approx(-stats.poisson.logpmf(content, mean).sum())
    assert result.chi2 == pytest.approx(np.sum((content - mean) ** 2 / mean))
    assert (result.ndf, result.covariance_parameters) == (52, ())
    assert result.p_value == pytest.approx(stats.chi2.sf(result.chi2, 52))
    values = {n: p.get("value", 0.062) for n, p in FIXED.items()}
    assert result.values == pytest.approx(values)
    assert any("no parameter is free" in message for message in result.messages)
    assert json.dumps(result.to_dict())


@pytest.mark.parametrize("loss", ["likelihood", "chi2"])
def test_fixed_single_entries_and_least_squares(loss):
    data = counted(entries()) if loss == "chi2" else entries()
    result = fit(made(document(FIXED), engine="numpy", loss=loss), data)
    assert result.valid
    if loss == "chi2":
        content = np.histogram(entries(), EDGES)[0]
        seen = content > 0
        expected = np.sum((content - expectation())[seen] ** 2 / content[seen])
        assert (result.chi2, result.ndf) == (pytest.approx(expected), seen.sum())
    else:
        x = entries()
        norm = np.diff(stats.norm.cdf([2.2, 4.8], 3.1, 0.062))[0]
        tail = (np.exp(-1.1) - np.exp(-2.4)) / 0.5
        density = 300 * stats.norm.pdf(x, 3.1, 0.062) / norm + 700 * np.exp(-0.5 * x) / tail
        assert result.nll == pytest.approx(1000 - np.sum(np.log(density)))


def test_a_fixed_model_is_written_by_the_command(tmp_path, capsys):
    path = tmp_path / "fixed.json"
    path.write_text(json.dumps(document(FIXED, method={"engine": "numpy"})), "utf-8")
    data = tmp_path / "data.parquet"
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"m": entries()}), data)
    given = json.loads(path.read_text()) | {"input": {"file": str(data), "column": "m"}}
    path.write_text(json.dumps(given), "utf-8")
    assert main([str(path), "--output", str(tmp_path / "out")]) == 0
    assert "The fit is valid" in capsys.readouterr().out
    saved = json.loads((tmp_path / "out" / "fit.json").read_text())
    assert saved["nll"] == pytest.approx(fit(made(document(FIXED)), entries()).nll)


def test_toys_of_a_fixed_model_measure_nothing():
    with pytest.raises(InputError, match="no parameter is free"):
        run_toys(made(document(FIXED)), 2)


def test_a_fixed_model_that_is_no_number():
    fixed = FIXED | {
        "B": {"value": 1e308, "fixed": True},
        "S": {"value": 1e308, "fixed": True},
    }
    with pytest.raises(RunError), np.errstate(all="ignore"):
        fit(made(document(fixed), engine="numpy"), counted(entries()))


@pytest.mark.parametrize(
    ("changes", "code", "place", "value"),
    [
        ({"width": {"expression": "3.1/z"}, "z": {"value": 0, "limits": [-1, 1]}},
         "fit.not-finite", "parameters.width.expression", " inf "),
        ({"width": {"expression": "z / z"}, "z": {"value": 0, "fixed": True}},
         "fit.not-finite", "parameters.width.expression", " nan "),
        ({"a": {"expression": "log(z)"}, "width": {"expression": "exp(a) + 0.1"},
          "z": {"value": 0, "limits": [0, 1]}},
         "fit.not-finite", "parameters.a.expression", " -inf "),
        ({"width": {"expression": "mean - 3.1"}},
         "fit.not-positive", "components.S.parameters.sigma", " 0 "),
    ],
    ids=["infinite", "undefined", "on the way", "a width of zero"],
)  # fmt: skip
def test_values_that_cannot_be_computed_are_found_in_the_file(
    changes, code, place, value, tmp_path, capsys
):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document(FREE | changes)), "utf-8")
    with raises(code, path=place, mentions=(str(path), value)):
        load_model(path)
    assert main(["--check", str(path)]) == 1
    assert place in capsys.readouterr().err


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({"derived": {"ratio": "mean / zero"}}, "derived.ratio"),
        ({"windows": {"w": {"signal": ["S"], "range": ["mean - 1/zero", "mean"]}}},
         "windows.w.range"),
    ],
)  # fmt: skip
def test_numbers_that_no_fit_changes_are_found_too(more, place):
    with pytest.raises(InputError, match=place):
        made(document(FIXED, **more))


def test_what_a_fit_may_still_change_is_allowed():
    parameters = FREE | {
        "shift": {"value": 0, "limits": [-1, 1]},
        "mu": {"expression": "mean + shift"},
    }
    components = {
        "S": component("S", "Gauss", mu="mu", sigma="width"),
        "B": component("B", "Exponential", slope="slope"),
    }
    model = made(described(components, parameters, derived={"r": "1 / shift", "s": "S / B"}))
    assert first_values(model)["mu"] == 3.1


@pytest.mark.parametrize(
    ("changes", "bins"),
    [
        ({"observable": OBSERVABLE | {"bins": 4}}, 4),
        ({"observable": OBSERVABLE | {"bins": 26}, "ranges": [[2.2, 2.6]]}, 4),
        ({"observable": OBSERVABLE | {"bins": 26}, "blind": [[2.3, 4.5]]}, 4),
        ({"observable": OBSERVABLE | {"bins": 26}, "ranges": [[2.2, 2.6], [2.4, 2.7]],
          "blind": [[2.6, 2.7]]}, 4),
    ],
    ids=["few", "ranges", "blind", "both"],
)  # fmt: skip
def test_fewer_bins_than_parameters_are_found(changes, bins, tmp_path, capsys):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document(FREE, **changes)), "utf-8")
    assert main(["--check", str(path)]) == 1
    assert f"{path}: observable.bins: {bins} bins" in capsys.readouterr().err
    with pytest.raises(InputError, match=f"{bins} bins"):
        fit(made(document(FREE, **changes), engine="numpy"), counted(entries()))


def test_as_many_bins_as_parameters_are_allowed(tmp_path):
    path = tmp_path / "mine.json"
    for changes in (
        {"observable": OBSERVABLE | {"bins": 5}},
        # The bins are those of the plot.
        {"observable": OBSERVABLE | {"bins": 2}, "input": {"column": "m"}},
        # The histogram has its own bins.
        {"observable": {k: v for k, v in OBSERVABLE.items() if k != "bins"}},
    ):
        path.write_text(json.dumps(document(FREE, **changes)), "utf-8")
        assert main(["--check", str(path)]) == 0
    measured = {"pdf": "normal", "mean": 0.06, "sigma": 0.01}
    known = FREE | {"width": {**FREE["width"], "constraint": measured}}
    changes = {"observable": OBSERVABLE | {"bins": 4}}
    path.write_text(json.dumps(document(known, **changes)), "utf-8")
    assert main(["--check", str(path)]) == 0


def test_the_bins_of_the_data_are_counted_where_the_file_does_not_say():
    own = {k: v for k, v in OBSERVABLE.items() if k != "bins"}
    axis = hist.axis.Regular(4, 2.2, 4.8)
    with pytest.raises(InputError, match="4 bins"):
        fit(made(document(FREE, observable=own), engine="numpy"), hist.Hist(axis).fill(entries()))


def test_least_squares_count_the_bins_with_a_variance():
    contents = np.zeros(52)
    contents[:4] = 100
    histogram = hist.Hist(hist.axis.Variable(EDGES), data=contents)
    with pytest.raises(InputError, match="4 bins"):
        fit(made(document(FREE), engine="numpy", loss="chi2"), histogram)
