"""The light view of a results folder has the numbers of the objects that Python gives."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import uproot
from errors import raises

import tau3mu
from tau3mu.outputs import load_histograms
from tau3mu.outputs.histograms import variable_axes, variations
from tau3mu.report import result_view

HEAVY = ("awkward", "hist", "uproot", "numpy", "pyarrow", "matplotlib", "scipy", "dask", "jinja2")


def entries(part):
    """All contents, summed in plain Python."""
    if not hasattr(part, "values"):
        value = getattr(part, "value", part)
        return float(value)
    return math.fsum(np.asarray(part.values(flow=True), float).ravel().tolist())


def expected_parts(histogram):
    return [(d, v, entries(part)) for d, v, part in variations(histogram)]


def found_parts(view):
    return [(one["dataset"], one["variation"], one["entries"]) for one in view["parts"]]


def test_a_run_of_the_demo_is_that_of_python(demo_run):
    run = tau3mu.open(demo_run)
    view = result_view(demo_run)
    assert view["facts"]["events"] == view["facts"]["expected"] == 12000
    assert view["facts"]["complete"]
    assert view["facts"]["exit_code"] == 0
    assert view["missing"] == view["warnings"] == []
    (processor,) = view["processors"]
    assert processor["problems"] == []
    assert processor["fit"] is None
    assert processor["candidates"]["format"] == "root"
    steps = [row for row in processor["cutflow"]["demo"] if row["of"] is None]
    for row, step in zip(steps, run["dsphipi"].cutflow["demo"], strict=True):
        assert {key: row[key] for key in ("name", "events", "candidates", "sumw")} == {
            key: step[key] for key in ("name", "events", "candidates", "sumw")
        }
        assert row["total"] == 100 * step["events"] / 12000
    assert processor["counters"] == run["dsphipi"].counters
    found = {one["name"]: one for one in processor["histograms"]}
    assert found.keys() == run["dsphipi"].histograms.keys()
    for name, histogram in run["dsphipi"].histograms.items():
        assert found_parts(found[name]) == expected_parts(histogram)
        total = run["dsphipi"].histogram(name).sum(flow=True).value
        assert found[name]["parts"][0]["entries"] == total


def test_every_kind_of_histogram_is_counted_exactly(hostile):
    (view, second) = result_view(hostile)["processors"]
    assert second["histograms"] == []
    stored = load_histograms(hostile / "first")
    with uproot.open(hostile / "first" / "histograms.root") as file:
        for one in view["histograms"]:
            histogram = stored[one["name"]]
            assert found_parts(one) == expected_parts(histogram)
            axes = variable_axes(histogram)
            assert [(a["name"], a["label"], a["bins"]) for a in one["axes"]] == [
                (a.name, a.label, len(a)) for a in axes
            ]
            for part in one["parts"]:
                if axes:
                    in_root = file[part["path"]].values(flow=True)
                    assert part["entries"] == pytest.approx(in_root.sum(), rel=1e-12)
                else:
                    assert part["path"] is None


def test_what_is_wrong_with_a_run_is_all_there(hostile):
    view = result_view(hostile)
    facts = view["facts"]
    assert (facts["events"], facts["expected"]) == (100, 157)
    assert (facts["missing_files"], facts["missing_events"]) == (2, 57)
    assert facts["seconds"] == 125
    assert [one["events"] for one in view["missing"]] == [50, 7]
    assert list(view["set_apart"]) == ["third"]
    assert [one["name"] for one in view["processors"]] == ["first", "second"]
    assert view["processors"][0]["fit"]["valid"] is False
    assert view["processors"][0]["fit"]["parameters"] == []
    assert view["derived"][0]["problem"]
    json.dumps(view, allow_nan=False)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"mass": 5}', '{"mass": {"axes": []}}', "\0"])
@pytest.mark.parametrize("file", ["cutflow.json", "histograms.json", "counters.json", "fit.json"])
def test_a_damaged_file_is_named_and_the_rest_shown(demo_run, tmp_path, file, content):
    folder = shutil.copytree(demo_run, tmp_path / "copy")
    (folder / "dsphipi" / file).write_text(content)
    (processor,) = result_view(folder)["processors"]
    json.dumps(processor)
    names = {"cutflow.json": "cutflow", "histograms.json": "histograms"}
    for other, key in names.items():
        if other != file:
            assert processor[key]
    if file in {"cutflow.json", "histograms.json"}:
        assert len(processor["problems"]) == 1
        assert file in processor["problems"][0]


def test_a_run_without_results_shows_what_is_missing(demo_run, tmp_path):
    folder = tmp_path / "incomplete"
    folder.mkdir()
    manifest = json.loads((demo_run / "run.json").read_text())
    manifest |= {"status": "incomplete", "complete": False, "exit_code": 2}
    manifest["missing"] = [{"dataset": "demo", "path": "a.root", "events": None}]
    (folder / "run.json").write_text(json.dumps(manifest))
    view = result_view(folder)
    assert view["processors"] == []
    assert view["facts"]["expected"] is view["facts"]["missing_events"] is None
    assert view["reproduce"] is None


def test_a_folder_of_a_train_is_that_of_its_results(demo_run, tmp_path):
    shutil.copytree(demo_run, tmp_path / "7" / "results")
    view = result_view(tmp_path / "7")
    assert view["facts"] == result_view(demo_run)["facts"]
    assert view["name"] == "7/results"


def test_the_name_is_that_of_the_folder_also_from_within(demo_run, monkeypatch):
    monkeypatch.chdir(demo_run)
    assert result_view(Path())["name"] == demo_run.name


def test_other_folders_are_refused(tmp_path):
    with raises("results.no-run", path="nothing"):
        result_view(tmp_path / "nothing")
    with raises("results.no-run", path=tmp_path.name):
        result_view(tmp_path)


def test_the_view_needs_no_heavy_package(demo_run):
    code = (
        "import sys; from pathlib import Path; from tau3mu.report import result_view;"
        f"result_view(Path({str(demo_run)!r}));"
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
