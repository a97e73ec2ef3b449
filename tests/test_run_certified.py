"""Runs of certified data, of short views and by run number, from the command line and Python."""

from __future__ import annotations

import json

import numpy as np
import pytest
import several_runs
from errors import raises

import tau3mu
from tau3mu.datasets import Certification, Dataset
from tau3mu.processing import Processor, Table
from tau3mu.run import main
from tau3mu.train import reproduce

RUNS = several_runs.RUNS


class Hard(Processor):
    """Muons above a transverse momentum."""

    columns = frozenset({"run", "muon.pt"})
    axes = {"pt": tau3mu.Axis(20, 0, 20)}  # noqa: RUF012 - never changed

    def select(self, events, cutflow):
        return Table(pt=cutflow.cut("pt", events.muon, events.muon.pt > 4).pt)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset file of two files, in which the runs follow one another and do not, and more."""
    folder = tmp_path_factory.mktemp("data")
    several_runs.write_files(folder)
    files = ["0.root", "1.root"]
    content = {"data": {"files": files, "metadata": {"lumi": 4.0, "certification": "golden.json"}}}
    (folder / "data.json").write_text(json.dumps(content))
    content = {"plain": {"files": files, "metadata": {"lumi": 4.0}}}
    (folder / "plain.json").write_text(json.dumps(content))
    (folder / "golden.json").write_text(json.dumps({"101": [[1, 5]], "109": [[2, 2], [8, 90]]}))
    (folder / "list.json").write_text("[101, 109]")
    return folder


def command(*words):
    return main(["--no-fit", "--chunk-size", "700", *map(str, words)])


def steps(run, dataset="plain"):
    return {step["name"]: step["events"] for step in run["dsphipi"].cutflow[dataset]}


def test_certification_of_the_command_line(folder, tmp_path):
    plain, golden = folder / "plain.json", folder / "golden.json"
    options = "--dataset", plain, "--output", tmp_path / "out", "--certification", golden
    assert command(*options) == 0
    run = tau3mu.open(tmp_path / "out")
    facts = run.datasets["plain"]
    expected = Certification({101: [(1, 5)], 109: [(2, 2), (8, 90)]})
    assert facts.certification.hash == expected.hash
    assert facts.certification.source == str(golden)
    assert facts.certification.runs == 2
    found = steps(run)
    assert [*found][:2] == ["all", "certified"]
    assert found["all"] == sum(file.read for file in run.manifest.inputs) == 3000
    assert 300 < found["certified"] < 1000
    assert set(run["dsphipi"].candidates.run.tolist()) <= {101, 109}
    other = tau3mu.run(
        folder / "data.json", no_fit=True, output=tmp_path / "beside", chunk_size=3000
    )
    assert other["dsphipi"].cutflow["data"] == run["dsphipi"].cutflow["plain"]
    assert other.manifest.key != run.manifest.key
    assert steps(other, "data") == found
    again = tau3mu.run(
        folder / "data.json", no_fit=True, output=tmp_path / "list",
        certification=folder / "list.json",
    )  # fmt: skip
    assert again.datasets["data"].certification.hash == Certification.of_runs([101, 109]).hash
    assert steps(again, "data")["certified"] > found["certified"]


def test_other_content_of_a_certification_is_another_run(folder, tmp_path):
    golden = tmp_path / "golden.json"
    golden.write_text("[101]")
    options = "--dataset", folder / "plain.json", "--certification", golden
    assert command(*options, "--output", tmp_path / "out") == 0
    assert command("--resume", tmp_path / "out") == 0
    golden.write_text("[102]")
    with raises("run.other-run-complete", path="out"):
        tau3mu.run(no_fit=True, resume=tmp_path / "out")


def test_short_view(folder, tmp_path):
    plain = f"{folder / 'plain.json'}@short:0.1"
    run = tau3mu.run(plain, no_fit=True, output=tmp_path / "out")
    facts = run.datasets["plain"]
    assert (facts.fraction, facts.lumi) == (0.1, pytest.approx(0.4, abs=1e-15))
    assert [(file.entries, file.read) for file in run.manifest.inputs] == [(150, 150)] * 2
    assert steps(run)["all"] == 300
    assert run.manifest.complete
    assert run.manifest.options["datasets"] == [plain]
    (dataset,) = tau3mu.datasets(folder / "plain.json")
    object_run = tau3mu.run(dataset.short(0.1), no_fit=True, output=tmp_path / "object")
    assert object_run.manifest.key == run.manifest.key
    whole = tau3mu.run(folder / "plain.json", no_fit=True, output=tmp_path / "whole")
    assert (whole.datasets["plain"].fraction, whole.datasets["plain"].lumi) == (1.0, 4.0)
    rows = {(c.file, c.run, c.lumi, c.event) for c in whole["dsphipi"].candidates}
    some = {(c.file, c.run, c.lumi, c.event) for c in run["dsphipi"].candidates}
    assert some < rows


def test_views_are_resumed_from_elsewhere(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    assert command("--dataset", "plain.json@short:0.1", "--output", tmp_path / "out") == 0
    monkeypatch.chdir(tmp_path)
    assert command("--resume", "out") == 0
    assert tau3mu.open("out").manifest.options["datasets"] == [f"{folder}/plain.json@short:0.1"]


def test_missing_events_of_a_view(folder, tmp_path):
    content = {
        "plain": {
            "files": [str(folder / "0.root"), {"replicas": ["none.root"], "entries": 2000}],
            "metadata": {"lumi": 4.0},
        }
    }
    (tmp_path / "plain.json").write_text(json.dumps(content))
    options = {"no_fit": True, "skip_bad_files": True, "output": tmp_path / "out"}
    run = tau3mu.run(f"{tmp_path / 'plain.json'}@short:0.01", **options)
    assert [file.events for file in run.missing] == [20]
    assert run.exit_code == 2
    assert run.datasets["plain"].lumi == 4.0 * 15 / 3500


def test_results_by_run(folder, tmp_path):
    plain = folder / "plain.json"
    options = "--dataset", plain, "--per-run"
    assert command(*options, "--output", tmp_path / "out") == 0
    run = tau3mu.open(tmp_path / "out")
    total = run["dsphipi"]
    assert total.runs == [*RUNS]
    assert run.configuration["per_run"] is True
    every, some = total.of_runs(RUNS), total.of_runs([101, 109])
    assert every.histograms == total.histograms
    assert every.cutflow == total.cutflow
    assert every.candidates.tolist() == total.candidates.tolist()
    assert (some.runs, some.fit, some.datasets["plain"].lumi) == ([101, 109], None, None)
    certified = tau3mu.run(
        plain, no_fit=True, output=tmp_path / "list", certification=folder / "list.json"
    )["dsphipi"]
    assert some.candidates.tolist() == certified.candidates.tolist()
    assert some.histograms == certified.histograms
    assert some.counters == certified.counters
    (_, first, *rest) = certified.cutflow["plain"]
    assert some.cutflow["plain"] == [{**first, "name": "all"}, *rest]
    assert some.histogram("mass").sum(flow=True).value == len(some.candidates) > 0
    assert some.plot()
    with raises("results.unknown-run", path="7"):
        total.of_runs([7])
    assert (some.of_runs([101]).runs, certified.runs) == ([101], [])
    with raises("results.no-runs", path="runs.npz"):
        certified.of_runs([101])


def test_damaged_results_by_run(folder, tmp_path):
    dataset = Dataset("data", {str(folder / "0.root"): None})
    run = tau3mu.run(dataset, Hard(), per_run=True, output=tmp_path / "out")
    assert run["Hard"].runs == [*RUNS]
    path = tmp_path / "out" / "Hard" / "runs.npz"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with raises("results.damaged-file", path="runs.npz"):
        tau3mu.open(tmp_path / "out")["Hard"].of_runs([101])


def test_runs_with_simulation(folder, tmp_path):
    several_runs.write(folder / "1.root", tmp_path / "mc.root")
    sets = [
        Dataset("data", {str(folder / "0.root"): None}),
        Dataset("mc", {str(tmp_path / "mc.root"): None}, is_mc=True),
    ]
    run = tau3mu.run(sets, no_fit=True, per_run=True, output=tmp_path / "out")
    total = tau3mu.open(run.folder)["dsphipi"]
    some = total.of_runs([102])
    for name, histogram in total.histograms.items():
        mc = histogram[{"dataset": "mc"}]
        assert np.array_equal(
            some.histograms[name][{"dataset": "mc"}].view(flow=True), mc.view(flow=True)
        )
        assert some.histograms[name].axes == histogram.axes
    assert some.cutflow["mc"] == total.cutflow["mc"]
    rows = total.candidates
    kept = (rows.dataset == "mc") | (rows.run == 102)
    assert some.candidates.tolist() == rows[kept].tolist()


def test_certified_views_by_run_are_reproduced(folder, tmp_path):
    run = tau3mu.run(
        f"{folder / 'data.json'}@short:0.5", no_fit=True, per_run=True, output=tmp_path / "out"
    )
    again = reproduce(run.folder, chunk_size=200, output=tmp_path / "again")
    assert again.same
    one, two = (tau3mu.open(tmp_path / name)["dsphipi"] for name in ("out", "again"))
    assert one.of_runs([101]).histograms == two.of_runs([101]).histograms
    assert one.of_runs([101]).cutflow == two.of_runs([101]).cutflow


def test_errors(folder, tmp_path):
    simulation = Dataset("mc", {str(folder / "0.root"): None}, is_mc=True)
    with raises("run.no-data", path="per_run"):
        tau3mu.run(simulation, per_run=True, output=tmp_path / "out")
    with raises("certification.no-data", path="golden.json"):
        tau3mu.run(simulation, certification=folder / "golden.json", output=tmp_path / "out")
    with raises("certification.cannot-read", path="none.json"):
        tau3mu.run("demo", certification=tmp_path / "none.json", output=tmp_path / "out")

    class NoRun(Hard):
        columns = frozenset({"muon.pt"})

    with raises("run.no-run-column", path="NoRun"):
        tau3mu.run(folder / "plain.json", NoRun(), per_run=True, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_layout_without_sections(folder, tmp_path):
    table = tmp_path / "own.tsv"
    rows = [
        "#tree\tTree3Mu/ntuple", "#pad\ttriplet.mass\t-99.0", "branch\ttype\tview\tmissing",
        "run\tuint32\trun\t", "evt\tuint64\tevent\t", "MuonPt\tvar * float32\tmuon.pt\t",
        "Triplet2_Mass\tvar * float64\ttriplet.mass\t",
    ]  # fmt: skip
    table.write_text("\n".join(rows) + "\n")
    with raises("run.layout-without-column", path="lumi", mentions="own"):
        tau3mu.run(
            folder / "plain.json", Hard(), certification=folder / "list.json",
            layout=str(table), output=tmp_path / "out",
        )  # fmt: skip
    (tmp_path / "out").mkdir()
    assert not [*(tmp_path / "out").iterdir()]
