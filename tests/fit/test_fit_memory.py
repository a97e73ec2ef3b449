"""What is in memory is fitted as it is from files: histograms, columns, results of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import awkward as ak
import hist
import numpy as np
import pytest
from errors import raises
from peak_models import PEAK, document, peak

from tau3mu.fit import FitResult, fit, fit_and_save, sources
from tau3mu.fit.language import model_of
from tau3mu.outputs.histograms import write_histograms
from tau3mu.results.manifest import DatasetFacts

FACTS = {
    "A": DatasetFacts(era="2017B", lumi=2.0),
    "B": DatasetFacts(era="2017C", lumi=3.0),
    "MC": DatasetFacts(era="2017", is_mc=True),
}


def _entries(seed, signal=400, background=1000):
    generator = np.random.default_rng(seed)
    falling = generator.exponential(5.0, 4 * background)
    return np.concatenate([generator.normal(5, 0.5, signal), falling[falling < 10][:background]])


ENTRIES = {name: _entries(seed) for seed, name in enumerate(FACTS)}


def _filled(datasets=tuple(FACTS)):
    """A histogram as the processor of a run fills it."""
    histogram = hist.Hist(
        hist.axis.StrCategory([], growth=True, name="dataset"),
        hist.axis.StrCategory([], growth=True, name="variation"),
        hist.axis.Regular(40, 0, 10, name="m", label="m [GeV]"),
        storage=hist.storage.Weight(),
    )
    for name in datasets:
        for variation in ("nominal", "up"):
            weight = 1.0 if variation == "nominal" else 1.1
            histogram.fill(dataset=name, variation=variation, m=ENTRIES[name], weight=weight)
    return histogram


@dataclass
class InMemory:
    """What a run has found with one processor."""

    name: str
    folder: Path
    histograms: dict
    candidates: ak.Array
    datasets: dict | None = None


@pytest.fixture
def found(tmp_path):
    columns = {
        "dataset": np.repeat(list(ENTRIES), [len(values) for values in ENTRIES.values()]),
        "m": np.concatenate(list(ENTRIES.values())),
        "w": np.concatenate([np.full(len(values), 0.5) for values in ENTRIES.values()]),
    }
    return InMemory("peak", tmp_path, {"m": _filled()}, ak.Array(columns), FACTS)


def _sum(names=("A", "B")):
    counts = sum(np.histogram(ENTRIES[name], 40, (0, 10))[0] for name in names)
    return counts.astype(float)


def _unbinned(**more):
    return model_of(document(input={"column": "m", **more}), "peak.json", Path())


def _numbers(result):
    return {name: (p.value, p.error) for name, p in result.parameters.items()}


def test_a_run_in_memory_is_fitted_as_its_files(found, tmp_path):
    write_histograms(tmp_path, found.histograms)
    facts = {name: fact.model_dump() for name, fact in FACTS.items()}
    run = {"datasets": facts, "status": "finished", "complete": True, "exit_code": 0}
    (tmp_path / "run.json").write_text(json.dumps(run))
    source, read = (sources(peak(), given)["peak"] for given in (found, tmp_path))
    np.testing.assert_array_equal(source.data.values(), _sum())
    np.testing.assert_array_equal(source.data.variances(), read.data.variances())
    assert (source.datasets, source.simulation, source.lumi) == (("A", "B"), False, 5.0)
    assert (read.datasets, read.simulation, read.lumi) == (("A", "B"), False, 5.0)
    assert source.energy == read.energy == 13.0
    in_memory, of_files = fit(peak(), found), fit(peak(), str(tmp_path))
    assert _numbers(in_memory) == _numbers(of_files)
    assert in_memory.nll == of_files.nll
    found.datasets = None  # the folder of the run knows them
    assert sources(peak(), found)["peak"].datasets == ("A", "B")


def test_forms_of_one_histogram_give_one_fit():
    counts, edges = np.histogram(ENTRIES["A"], 40, (0, 10))
    plain = hist.Hist(hist.axis.Regular(40, 0, 10, name="m")).fill(ENTRIES["A"])
    alone = _filled(["A"])
    source = sources(peak(), plain)
    given = ((counts, edges), plain, alone, {"peak": plain}, source, source["peak"])
    results = [fit(peak(), one) for one in given]
    assert results[0].entries == counts.sum()
    for result in results[1:]:
        assert _numbers(result) == _numbers(results[0])


def test_columns_of_candidates(found):
    entries = np.concatenate([ENTRIES["A"], ENTRIES["B"]])
    weighted = _unbinned(weight="w")
    source = sources(weighted, found)["peak"]
    np.testing.assert_array_equal(source.data[0], entries)
    np.testing.assert_array_equal(source.data[1], np.full(len(entries), 0.5))
    assert source.datasets == ("A", "B")
    alone = found.candidates[found.candidates.dataset == "A"]
    jagged = ak.Array({"m": ak.unflatten(alone.m, [1000, len(alone) - 1000])})
    forms = (ENTRIES["A"], list(ENTRIES["A"]), alone, jagged, alone.m, jagged.m)
    results = [fit(_unbinned(), one) for one in forms]
    assert "lists" in sources(_unbinned(), jagged.m)["peak"].warning
    for result in results:
        assert _numbers(result) == _numbers(results[0])


@pytest.mark.parametrize(
    ("given", "code", "path"),
    [
        (_filled(), "fit.several-datasets", "dataset"),
        (ak.Array({"dataset": ["A", "B"], "m": [1.0, 2.0]}), "fit.several-datasets", "dataset"),
        ({"other": np.ones(3)}, "fit.unknown-spectrum", "other"),
        ({}, "fit.no-data", "peak"),
        (None, "fit.no-data", "input.file"),
        (5, "fit.not-numbers", "the values of m"),
        (["low", "high"], "fit.not-numbers", "the values of m"),
        (ak.Array(["low", "high"]), "fit.not-numbers", "the array"),
        (np.array([]), "fit.nothing-in-ranges", "observable.range"),
        (([1.0, np.nan],), "fit.not-a-pair", "m"),
        (np.histogram2d(ENTRIES["A"], ENTRIES["A"]), "fit.not-a-pair", "m"),
        ((ENTRIES["A"], np.full(len(ENTRIES["A"]), np.inf)), "fit.not-finite", "the weights"),
        ((np.ones(40), np.linspace(10, 0, 41)), "fit.wrong-edges", "edges"),
        ((np.ones(1), np.array([0, np.nan])), "fit.wrong-edges", "edges"),
        ((["low"], [0, 10]), "fit.wrong-edges", "edges"),
        ((np.ones((1, 2)), [0, 5, 10]), "fit.wrong-edges", "edges"),
    ],
)
def test_what_cannot_be_fitted(given, code, path):
    with raises(code, path=path):
        fit(peak(), given)


def test_what_a_run_has_not_found(found):
    model = model_of(document(input={"histogram": "mass"}), "peak.json", Path())
    with raises("fit.unknown-histogram", path="mass", mentions="m"):
        fit(model, found)
    with raises("fit.unknown-column", mentions=("'mm'", "'m'")):
        fit(_unbinned(column="mm"), found)
    only = {name: fact for name, fact in FACTS.items() if name != "MC"}
    found.histograms = {"m": _filled(["MC"])}
    found.datasets = only
    with raises("fit.nothing-of-datasets", mentions="A, B"):
        fit(peak(), found)


def _assert_equal(loaded, result):
    assert loaded.to_dict() == result.to_dict()
    assert repr(loaded) == repr(result)
    assert loaded._repr_html_() == result._repr_html_()
    for name, sample in result.data.items():
        assert type(loaded.data[name]) is type(sample)
        assert loaded.data[name].hash == sample.hash
    edges = np.linspace(0, 10, 7)
    np.testing.assert_array_equal(loaded.expected(edges), result.expected(edges))


@pytest.mark.usefixtures("without_plots")
@pytest.mark.parametrize("kind", ["counts", "entries", "blinded", "weighted entries", "chi2"])
def test_a_fit_that_was_saved_is_the_same_when_loaded(tmp_path, kind):
    changes = {"blinded": {"blind": [[6, 7]], "ranges": [[1, 9]]}}.get(kind, {})
    if "entries" in kind:
        changes["input"] = {"column": "m"}
    if kind == "chi2":
        changes["method"] = {"engine": "numpy", "loss": "chi2"}
    model = model_of(document(**changes), "peak.json", Path())
    data = ENTRIES["A"] if "entries" in kind else np.histogram(ENTRIES["A"], 40, (0, 10))
    if kind == "weighted entries":
        data = (data, np.linspace(0.5, 1.5, len(data)))
    result = fit(model, data)
    result.save(tmp_path / "fit")
    loaded = FitResult.load(tmp_path / "fit")
    _assert_equal(loaded, result)
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again/fit.json").read_text() == (tmp_path / "fit/fit.json").read_text()
    axes = loaded.plot().axes
    assert len(axes) == len(result.plot().axes)


@pytest.mark.usefixtures("without_plots")
def test_minos_windows_and_missing_numbers_are_loaded(tmp_path):
    model = model_of(
        document(
            method={"engine": "numpy", "minos": ["mean"]},
            windows={"peak": {"signal": ["signal"], "range": [4, 6]}},
            derived={"ratio": "nSignal / nBackground", "none": "log(0 - nSignal)"},
        ),
        "peak.json",
        Path(),
    )
    data = np.histogram(ENTRIES["A"], 40, (0, 10))
    result = fit_and_save(model, data, tmp_path)
    loaded = FitResult.load(tmp_path)
    assert loaded.parameters["mean"].minos == result.parameters["mean"].minos
    assert loaded.windows == result.windows
    assert np.isnan(loaded.derived["none"].value)
    assert np.isnan(result.derived["none"].value)


@pytest.mark.usefixtures("without_plots")
def test_files_that_are_no_saved_fit(tmp_path):
    result = fit(peak(), np.histogram(ENTRIES["A"], 40, (0, 10)))
    result.save(tmp_path / "one")
    fit(peak(), np.histogram(ENTRIES["B"], 40, (0, 10))).save(tmp_path / "two")
    (tmp_path / "one/fit.root").write_bytes((tmp_path / "two/fit.root").read_bytes())
    with raises("fit.files-differ", path="fit.root"):
        FitResult.load(tmp_path / "one")
    content = json.loads((tmp_path / "two/fit.json").read_text())
    content["parameters"]["mean"]["value"] = "five"
    (tmp_path / "two/fit.json").write_text(json.dumps(content))
    with raises("fit.damaged-result", path="fit.json", mentions="mean"):
        FitResult.load(tmp_path / "two")


def test_a_fit_shows_itself_in_notebooks():
    result = fit(peak(), np.histogram(ENTRIES["A"], 40, (0, 10)))
    text = result._repr_html_()
    assert "nSignal" in text
    assert result.parameters["nSignal"].text in text
    assert "valid" in text
    assert PEAK["name"] in text


@pytest.mark.parametrize("ending", ["raise SystemExit('enough')", "import sys; sys.exit(3)"])
def test_a_formula_of_a_user_cannot_end_the_program(tmp_path, ending):
    source = f"calls = []\ndef formula(x, mean, xp):\n    {ending}\n"
    (tmp_path / "Own.py").write_text(source)
    part = {"label": "S", "pdf": "Own", "parameters": {"mean": "mean"}, "yield": "n"}
    model = model_of(
        document(components={"S": part}, parameters={"mean": PEAK["parameters"]["mean"]},
                 derived={}),
        "own.json",
        tmp_path,
    )  # fmt: skip
    with raises("fit.formula-fails", path="Own.py", mentions=("line 3", "SystemExit")):
        fit(model, ENTRIES["A"])
