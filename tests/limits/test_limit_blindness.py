"""Data in signal windows: not read while blind, and a record of who reads them."""

from __future__ import annotations

import json
from pathlib import Path

import hist
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import uproot
from errors import raises
from limit_models import counting, model, spectrum

from tau3mu.limits import limit, lint, load_model
from tau3mu.limits.__main__ import main
from tau3mu.limits.observations import observe
from tau3mu.limits.unblinding import record_of

WINDOW = (1.74, 1.82)
EDGES = np.linspace(1.62, 2.0, 39)


def masses(peak=0, seed=1):
    """Returns masses of a flat background, and in the window other ones for each seed."""
    side = np.random.default_rng(1).uniform(1.62, 2.0, 200)
    side = side[(side < WINDOW[0]) | (side > WINDOW[1])]
    inside = np.random.default_rng(seed).uniform(*WINDOW, 40 + 10 * peak)
    return np.concatenate([side, inside])


def write_results(folder, values, *, configuration=None, **columns):
    """Writes what is read of a results folder: a column, a histogram, and what the run says."""
    (folder / "peak").mkdir(parents=True)
    size = len(values)
    table = {"mass": values, "dataset": ["data"] * size, "bdt": np.linspace(0, 1, size), **columns}
    pq.write_table(pa.table(table), folder / "peak" / "candidates.parquet")
    filled = hist.Hist(hist.axis.Variable(EDGES, name="mass"), storage=hist.storage.Weight())
    filled.fill(mass=values)
    with uproot.recreate(folder / "peak" / "histograms.root") as file:
        file["data/mass"] = filled
    run = {"datasets": {"data": {"is_mc": False}}, "complete": True, "exit_code": 0,
           "configuration": configuration or {}}  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run))


def data_of(kind, values, folder):
    if kind == "masses":
        return {"masses": values.tolist()}
    if kind == "bins":
        return {"edges": EDGES.tolist(), "counts": np.histogram(values, EDGES)[0].tolist()}
    if not folder.exists():
        write_results(folder, values)
    of = {"column": "mass"} if kind == "column" else {"histogram": "mass"}
    return {"results": str(folder), "processor": "peak", **of}


KINDS = ["masses", "bins", "column", "histogram"]


def one_channel(data, **more):
    background = {"family": "exponential"}
    return model({"a": spectrum(windows=[list(WINDOW)], background=background, data=data, **more)})


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_the_windows_leaves_the_reader(kind, tmp_path):
    found = {}
    for peak in (0, 5):
        data = data_of(kind, masses(peak, seed=2 + peak), tmp_path / str(peak))
        channel = one_channel(data).channels["a"]
        seen = observe("a", channel, observed=False, folder=Path())
        assert seen.sidebands
        if seen.masses is not None:
            assert not ((seen.masses >= WINDOW[0]) & (seen.masses <= WINDOW[1])).any()
        else:
            middle = seen.edges.mean(axis=1)
            assert not ((middle > WINDOW[0]) & (middle < WINDOW[1])).any()
        whole = observe("a", channel, observed=True, folder=Path())
        assert whole.entries == seen.entries + 40 + 10 * peak
        blind = limit(one_channel(data))
        found[peak] = blind.expected, limit(one_channel(data), inject=1.0).observed
        assert blind.observed is None
        assert blind.background == {"a": "sidebands"}
    assert found[0] == found[5]


def test_windows_are_those_of_each_channel():
    values = masses().tolist()
    channels = {
        name: spectrum(windows=[window], background={}, data={"masses": values})
        for name, window in (("a", [1.75, 1.80]), ("b", [1.70, 1.90]))
    }
    for name, one in model(channels).channels.items():
        seen = observe(name, one, observed=False, folder=Path())
        (low, high) = one.windows[0]
        assert len(seen.masses) == sum(mass < low or mass > high for mass in values)


def test_bins_at_the_edge_of_a_window_are_dropped():
    data = {"edges": [1.62, 1.70, 1.75, 1.85, 2.0], "counts": [1, 10, 100, 1000]}
    one = one_channel(data).channels["a"]
    seen = observe("a", one, observed=False, folder=Path())
    assert seen.counts.tolist() == [1, 1000]
    assert seen.edges.tolist() == [[1.62, 1.70], [1.85, 2.0]]


def test_data_without_windows_are_not_opened(tmp_path):
    """A results folder that is not there is no error then, and a warning says that it is unread."""
    data = {"results": str(tmp_path / "missing"), "processor": "peak", "column": "mass"}
    one = model({"a": spectrum(data=data)})
    found = limit(one)
    assert found.background == {"a": "model"}
    assert len(found.warnings) == 1
    assert [w.code for w in lint(one)] == ["limits.no-windows"]
    with raises("fit.no-results"):
        limit(one, observed=True)


def test_entries_of_templates_are_not_used_while_blind():
    few, many = (model({"a": counting([1.0], [5.0], [n])}) for n in (0, 50))
    assert limit(few).expected == limit(many).expected
    assert limit(few).observed is None


def two_channels(folder):
    values = masses()
    channels = {
        "a": spectrum(
            windows=[list(WINDOW)], background={}, data=data_of("masses", values, folder)
        ),
        "b": spectrum(
            windows=[list(WINDOW)], background={}, data=data_of("column", values, folder)
        ),
        "c": counting([1.0], [5.0], [3]),
        "d": spectrum(data={"count": 40}),
    }
    file = folder.parent / "model.json"
    file.write_text(json.dumps({"schema_version": 1, "channels": channels}))
    return file


def records(file):
    return [json.loads(line) for line in record_of(file).read_text().splitlines()]


def test_a_part_is_unblinded_alone(tmp_path):
    """Nothing of the other channels is opened or recorded."""
    file = two_channels(tmp_path / "run")
    (tmp_path / "run" / "peak" / "candidates.parquet").unlink()
    found = limit(file, channels=["a", "c"], observed=True)
    assert found.unblinded["channels"] == {"a": [list(WINDOW)], "c": []}
    assert found.background == {"a": "all data", "c": "all data"}
    assert list(records(file)[0]["channels"]) == ["a", "c"]


def test_each_unblinding_is_recorded_before_anything_is_read(tmp_path, capsys):
    file = two_channels(tmp_path / "run")
    limit(file)
    assert main([str(file)]) == 0
    assert not record_of(file).exists()
    assert main([str(file), "--observed", "--channels", "a"]) == 0
    assert main([str(file), "--observed", "--output", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    content = json.loads((tmp_path / "out" / "limits.json").read_text())
    first, second = records(file)
    assert list(first["channels"]) == ["a"]
    assert list(second["channels"]) == ["a", "b", "c"]  # of d, only a number is known
    assert content["unblinded"] == {
        **{key: second[key] for key in ("by", "host", "at", "channels")},
        "record": str(record_of(file)),
    }
    assert second["model"] == "model.json"
    assert second["command"]
    (tmp_path / "run" / "peak" / "candidates.parquet").unlink()
    with raises("fit.no-results"):
        limit(file, observed=True)
    assert len(records(file)) == 3
    text = record_of(file).read_text()
    with raises("limits.two-data"):
        limit(file, observed=True, inject=1.0)
    assert record_of(file).read_text() == text


def test_without_a_record_nothing_is_unblinded(tmp_path):
    file = two_channels(tmp_path / "run")
    record_of(file).mkdir()
    with raises("limits.cannot-record", path="model.unblinded.jsonl"):
        limit(file, observed=True)
    assert limit(file).observed is None


def test_expected_limits_say_what_their_background_is(tmp_path, capsys):
    file = two_channels(tmp_path / "run")
    blind, open_ = limit(file), limit(file, observed=True)
    assert blind.background == {"a": "sidebands", "b": "sidebands", "c": "model", "d": "count"}
    assert open_.background == {"a": "all data", "b": "all data", "c": "all data", "d": "count"}
    assert blind.to_dict()["background"] == blind.background
    assert blind.expected[0] != open_.expected[0]
    main([str(file), "--observed"])
    assert "a, b, c" in capsys.readouterr().out
    made = limit(file, inject=2.0)
    assert set(made.background.values()) == {"injected data"}


def test_results_that_are_blind_themselves_cannot_be_unblinded(tmp_path):
    """The processor of the search leaves out the windows: an observed limit would be too low."""
    folder = tmp_path / "run"
    blind = {"processors": {"peak": {"parameters": {"blind": True}}}}
    write_results(folder, masses(), configuration=blind)
    data = data_of("column", None, folder)
    assert limit(one_channel(data)).background == {"a": "sidebands"}
    with raises("limits.data-are-blind", path="channels.a.data.results"):
        limit(one_channel(data), observed=True)


def test_weights_are_refused(tmp_path):
    values = masses()
    write_results(tmp_path / "run", values, weight=np.full(len(values), 0.5))
    content = json.loads((tmp_path / "run" / "run.json").read_text())
    content["datasets"]["data"]["is_mc"] = True
    (tmp_path / "run" / "run.json").write_text(json.dumps(content))
    with raises("limits.weighted-data", path="channels.a.data.results"):
        limit(one_channel(data_of("column", None, tmp_path / "run")))


def test_cuts_on_candidates(tmp_path):
    write_results(tmp_path / "run", masses())
    data = data_of("column", None, tmp_path / "run")
    parts = [one_channel(data | {"cut": cut}).channels["a"] for cut in ("bdt > 0.5", "bdt <= 0.5")]
    entries = [observe("a", one, observed=True, folder=Path()).entries for one in parts]
    assert sum(entries) == len(masses())
    assert min(entries) > 0
    nothing = limit(one_channel(data | {"cut": "bdt > 2"}) .model_copy(update={"channels": {
        "a": one_channel(data | {"cut": "bdt > 2"}).channels["a"],
        "b": one_channel(data).channels["a"]}}))  # fmt: skip
    assert nothing.background == {"a": "model", "b": "sidebands"}
    assert any("bdt > 2" in text for text in nothing.warnings)
    with raises("limits.wrong-cut", path="channels.a.data.cut"):
        limit(one_channel(data | {"cut": "bdt >"}))


def test_limits_can_be_made_again_from_their_folder(tmp_path, monkeypatch):
    """Also where the paths of the model were relative to another folder."""
    (tmp_path / "one").mkdir()
    write_results(tmp_path / "one" / "run", masses())
    data = {"results": "run", "processor": "peak", "column": "mass", "cut": "bdt > 0.2"}
    channels = {name: spectrum(windows=[list(WINDOW)], background={}, data=data)
                for name in ("a_1", "a_2", "b")}  # fmt: skip
    file = tmp_path / "one" / "model.json"
    file.write_text(json.dumps({"schema_version": 1, "channels": channels,
                                "nuisances": {"eff": {"yield": {"*": 1.1}}}}))  # fmt: skip
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "two" / "out"
    words = ["--cl", "0.95", "--channels", "a_*", "--toys", "20", "--seed", "7", "--observed"]
    assert main(["one/model.json", *words, "--workers", "1", "--output", str(out)]) == 0
    content = json.loads((out / "limits.json").read_text())
    assert load_model(out / "model.json").channels.keys() == {"a_1", "a_2"}
    options = content["options"]
    again = limit(out / "model.json", **options).to_dict()
    assert again["options"] == options
    for key in ("cl", "expected", "observed", "best", "toys", "background", "hash", "channels"):
        assert again[key] == content[key], key
    assert content["expected"].keys() == {"-2", "-1", "0", "1", "2"}
    assert content["toys"]["expected"].keys() == content["expected"].keys()
    assert content["toys"]["observed"] > 0
    # Other data under the same name are seen.
    (tmp_path / "one" / "run" / "peak" / "candidates.parquet").unlink()
    (tmp_path / "one" / "run" / "peak" / "histograms.root").unlink()
    (tmp_path / "one" / "run" / "peak").rmdir()
    (tmp_path / "one" / "run" / "run.json").unlink()
    (tmp_path / "one" / "run").rmdir()
    write_results(tmp_path / "one" / "run", masses(peak=3))
    assert limit(out / "model.json", observed=True).hash != content["hash"]


@pytest.mark.parametrize("options", [{"inject": 1.0}, {"inject": 1.0, "seed": 3}])
def test_injected_signals_can_be_made_again(options, tmp_path):
    found = limit(one_channel(data_of("masses", masses(), None)), **options)
    found.save(tmp_path)
    content = json.loads((tmp_path / "limits.json").read_text())
    again = limit(tmp_path / "model.json", **content["options"])
    assert again.to_dict()["observed"] == content["observed"]
    assert again.options == content["options"]
