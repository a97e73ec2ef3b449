"""Runs over ntuples of groups: their own layouts, and triggers that are not booleans."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest
import uproot

from tau3mu.outputs import load_candidates
from tau3mu.run import main

PROCESSOR = """\
import awkward as ak
import hist
import numpy as np

from tau3mu.ntuples import fired
from tau3mu.processing import Processor
from tau3mu.outputs import Selection
from tau3mu.selection import step


class Muons(Processor):
    columns = frozenset({"run", "lumi", "event", "muon.pt", "gen_weight"})

    def select(self, events, cutflow):
        steps = [step("all", np.ones(len(events)), int(ak.count(events.muon.pt)))]
        if "hlt" in events.fields:
            events = events[fired(events.hlt, "HLT_Path", "HLT_Absent_v")]
            steps.append(step("hlt", np.ones(len(events)), int(ak.count(events.muon.pt))))
        columns = {"run": events.run, "event": events.event, "n": ak.num(events.muon)}
        return Selection(ak.zip(columns, depth_limit=1), tuple(steps))

    def histograms(self):
        axes = hist.axis.StrCategory([], growth=True, name="dataset"), hist.axis.StrCategory(
            ["nominal"], name="variation"), hist.axis.Integer(0, 5, name="n")
        return {"n": hist.Hist(*axes, storage="Weight")}

    def fill(self, histograms, candidates, *, dataset, is_mc):
        histograms["n"].fill(dataset=dataset, variation="nominal", n=candidates.n)


class Triggered(Muons):
    columns = Muons.columns | {"hlt.HLT_Path", "hlt.HLT_Absent_v"}
"""
TABLE = """\
#tree\tEvents
#pad\tmuon.pt\t-99
branch\ttype\tview\tmissing
run\tuint32\trun
luminosityBlock\tuint32\tlumi
event\tuint64\tevent
genWeight\tfloat32\tgen_weight
Muon_pt\tvar * float32\tmuon.pt
Trigger_HLT_*\tuint8\thlt.*
"""
N = 30


@pytest.fixture
def folder(tmp_path, monkeypatch):
    random = np.random.default_rng(5)
    counts = random.integers(0, 4, N)
    data = {
        "run": np.full(N, 7, np.uint32),
        "luminosityBlock": np.ones(N, np.uint32),
        "event": np.arange(N, dtype=np.uint64),
        "genWeight": np.ones(N, np.float32),
        "Muon": ak.zip({"pt": ak.unflatten(np.ones(counts.sum(), np.float32), counts)}),
        "Trigger_HLT_Path": (np.arange(N) % 3 == 0).astype(np.uint8),
        "Trigger_HLT_Path_Long_v": (np.arange(N) % 5 == 0).astype(np.uint8),
        **{f"HLT_{i}": np.zeros(N, bool) for i in range(20)},
    }
    with uproot.recreate(tmp_path / "own.root") as file:
        types = {k: v.type.content if isinstance(v, ak.Array) else v.dtype for k, v in data.items()}
        file.mktree("Events", types).extend(data)
    (tmp_path / "mine.tsv").write_text(TABLE)
    (tmp_path / "mine.py").write_text(PROCESSOR)
    metadata = {"layout": "mine.tsv"}
    sets = {"d": {"files": ["own.root"], "metadata": metadata}}
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "how", ["option", "dataset", pytest.param("processes", marks=pytest.mark.integration)]
)
def test_a_table_of_ones_own_is_used_and_selects_by_decisions(folder, how, caplog):
    data = ["--dataset", "sets.json"] if how == "dataset" else ["own.root", "--layout", "mine.tsv"]
    workers = ["--executor", "futures", "--workers", "2"] if how == "processes" else []
    arguments = [*data, *workers, "--chunk-size", "11", "--no-fit", "--output", "out"]
    assert main([*arguments, "--processor", "mine.py:Triggered"]) == 0
    found = load_candidates(folder / "out" / "Triggered")
    expected = [i for i in range(N) if i % 3 == 0 or i % 5 == 0]
    assert found.event.tolist() == expected
    run = json.loads((folder / "out" / "run.json").read_text())
    assert [file["layout"] for file in run["inputs"]] == ["mine.tsv"]
    [facts] = run["datasets"].values()
    used = ["Trigger_HLT_Path", "Trigger_HLT_Path_Long_v"]
    assert facts["triggers"] == {"hlt.HLT_Path": used, "hlt.HLT_Absent_v": []}
    assert used[1] in (folder / "out" / "log.txt").read_text()
    assert f"hlt.HLT_Path takes the 2 paths {', '.join(used)}" in caplog.text


def test_decisions_select_without_fired_as_well(folder):
    text = PROCESSOR.replace(
        'fired(events.hlt, "HLT_Path", "HLT_Absent_v")', "events.hlt.Trigger_HLT_Path"
    )
    (folder / "mine.py").write_text(text.replace('"hlt.HLT_Path"', '"hlt.HLT_Path_v"'))
    arguments = ["own.root", "--layout", "mine.tsv", "--chunk-size", "11", "--no-fit"]
    assert main([*arguments, "--processor", "mine.py:Triggered", "--output", "out"]) == 0
    assert load_candidates(folder / "out" / "Triggered").event.tolist() == list(range(0, N, 3))


def test_a_table_in_the_working_directory_is_found(folder):
    arguments = ["own.root", "--no-fit", "--processor", "mine.py:Muons"]
    assert main([*arguments, "--output", "out"]) == 0
    manifest = json.loads((folder / "out" / "run.json").read_text())
    assert [file["layout"] for file in manifest["inputs"]] == ["mine.tsv"]
    (folder / "mine.tsv").rename(folder / "mine.txt")
    assert main([*arguments, "--output", "other"]) == 0
    manifest = json.loads((folder / "other" / "run.json").read_text())
    assert [file["layout"] for file in manifest["inputs"]] == ["nanoaod"]


def test_a_table_with_a_mistake_is_one_message_for_all_files(folder, capfd):
    (folder / "mine.tsv").write_text(TABLE.replace("event\tuint64", "event uint64"))
    assert main(["--dataset", "sets.json", "--no-fit", "--processor", "mine.py:Muons"]) == 1
    error = capfd.readouterr().err
    assert error.count("mine.tsv:6:") == 1
    assert "sets.json" in error


def test_a_resumed_run_reads_with_the_layout_asked_for_now(folder):
    """The check of the first run is remembered, but not if another table is asked for."""
    arguments = ["own.root", "--no-fit", "--processor", "mine.py:Muons"]
    assert main([*arguments, "--layout", "mine.tsv", "--output", "out"]) == 0
    other = TABLE.replace("muon.pt\nT", "muon.pt\t1\nT")
    (folder / "mine.tsv").write_text(other)
    assert main([*arguments, "--layout", "mine.tsv", "--resume", "out"]) == 1
