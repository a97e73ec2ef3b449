"""Runs over files like those of central NanoAOD: data and simulation, triggers, sums of weights."""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import EntryPoint
from importlib.resources import files
from math import fsum
from pathlib import Path

import awkward as ak
import pytest
import uproot
from errors import raises
from nanoaod_files import write_nanoaod

import tau3mu
from tau3mu.datasets import check_files
from tau3mu.layout import main as layout_main
from tau3mu.ntuples import empty_events
from tau3mu.ntuples import known_layouts as known
from tau3mu.ntuples.layout import layout, own_layout
from tau3mu.outputs import load_candidates
from tau3mu.run import main

PROCESSOR = """\
import awkward as ak
import hist

from tau3mu import Processor, Table
from tau3mu.ntuples import fired


class Jets(Processor):
    columns = {"run", "lumi", "event", "muon.pt", "Jet.pt", "Jet.jetId", "gen_weight",
               "gen.pdg_id", "Muon.pfIsoId?", "raw.genWeight?"}
    axes = [hist.axis.Regular(10, 0, 50, name="pt")]
    weights = {"nominal": "weight"}

    def select(self, events, cutflow):
        jets = cutflow.cut("id", events.Jet, events.Jet.jetId > 20)
        weight = ak.fill_none(events.gen_weight, 1)
        return Table(pt=jets.pt, weight=weight, muons=ak.num(events.muon),
                     generated=ak.num(events.gen))


class Both(Jets):
    columns = Jets.columns | {"hlt.HLT_IsoMu24_v", "hlt.HLT_New_v"}

    def select(self, events, cutflow):
        fires = fired(events.hlt, "HLT_IsoMu24_v", "HLT_New_v")
        return super().select(cutflow.cut_events("hlt", events, fires), cutflow)


class New(Jets):
    columns = Jets.columns | {"hlt.HLT_New_v"}

    def select(self, events, cutflow):
        events = cutflow.cut_events("hlt", events, fired(events.hlt, "HLT_New_v"))
        return super().select(events, cutflow)


class NewMaybe(New):
    columns = Jets.columns | {"hlt.HLT_New_v?"}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Data of an early and a late era, simulation of two versions, and the sums of its weights."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(PROCESSOR)
    write_nanoaod("early.root", seed=1, run=100)
    write_nanoaod("late.root", seed=2, run=200, version=12, paths=("HLT_IsoMu24", "HLT_New"))
    sums = [
        write_nanoaod("a.root", seed=3, is_mc=True, paths=("HLT_IsoMu24", "HLT_New")),
        write_nanoaod("b.root", seed=4, is_mc=True, version=12, n=30, paths=("HLT_New",)),
    ]
    datasets = {
        "data": {"files": ["early.root", "late.root"]},
        "mc": {"files": ["a.root", "b.root"], "metadata": {"is_mc": True}},
    }
    (tmp_path / "sets.json").write_text(json.dumps(datasets))
    return sums


def run(processor, *options, output="out", files=("--dataset", "sets.json")):
    arguments = [*files, "--no-fit", "--processor", f"mine.py:{processor}", "--output", output]
    return main([*arguments, *options])


def expected(path, *, hlt=None):
    """What a loop finds in a file: event, pt and weight of each jet that is selected."""
    with uproot.open(path) as file:
        tree = file["Events"]
        names = ["event", "Jet_pt", "Jet_jetId", *([hlt] if hlt and hlt in tree else [])]
        names += ["genWeight"] if "genWeight" in tree else []
        rows = tree.arrays(names).to_list()
    return [
        (row["event"], pt, row.get("genWeight", 1))
        for row in rows
        if hlt is None or row.get(hlt, False)
        for pt, number in zip(row["Jet_pt"], row["Jet_jetId"], strict=True)
        if number > 20
    ]


def found(folder, dataset):
    rows = load_candidates(folder)
    rows = rows[rows.dataset == dataset]
    return list(zip(*(ak.to_list(rows[n]) for n in ("event", "pt", "weight")), strict=True))


@pytest.mark.parametrize("chunk_size", ["1000", "7"])
def test_data_and_simulation_of_both_versions_in_one_run(folder, chunk_size):
    assert run("Jets", "--chunk-size", chunk_size) == 0
    assert found("out/Jets", "data") == expected("early.root") + expected("late.root")
    assert found("out/Jets", "mc") == expected("a.root") + expected("b.root")
    rows = load_candidates("out/Jets")
    assert set(ak.to_list(rows.generated[rows.dataset == "data"])) == {0}
    assert ak.sum(rows.generated[rows.dataset == "mc"]) > 0


def test_sums_of_weights_count_each_file_once(folder):
    total = {name: fsum(one[name] for one in folder) for name in folder[0]}
    assert run("Jets", "--chunk-size", "7") == 0
    opened = tau3mu.open("out")
    facts = opened.datasets["mc"].generated
    assert (facts.events, facts.sumw, facts.sumw2) == pytest.approx(
        tuple(total.values()), rel=1e-15
    )
    assert facts.events == int(total["genEventCount"])
    assert opened.datasets["data"].generated is None
    # The same after a run that could not read one of the files and was resumed.
    whole = Path("b.root").read_bytes()
    with uproot.open("b.root:Events") as tree:
        place = int(tree["Jet_pt"].member("fBasketSeek")[0])
    Path("b.root").write_bytes(whole[:place] + bytes(300) + whole[place + 300 :])
    assert run("Jets", "--chunk-size", "11", "--retries", "0", output="again") == 2
    Path("b.root").write_bytes(whole)
    assert main(["--resume", "again"]) == 0
    manifest = json.loads(Path("again/run.json").read_text())
    assert 0 < manifest["chunks"]["resumed"] < manifest["chunks"]["total"]
    assert tau3mu.open("again").datasets["mc"].generated == facts


def test_sums_of_weights_are_those_of_the_files_that_were_read(folder):
    Path("b.root").write_bytes(Path("b.root").read_bytes()[:2000])
    assert run("Jets", "--skip-bad-files") == 2
    facts = tau3mu.open("out").datasets["mc"].generated
    assert facts.sumw == pytest.approx(folder[0]["genEventSumw"], rel=1e-15)
    assert facts.events == folder[0]["genEventCount"]


def test_part_of_the_files_has_no_sums_of_weights(folder):
    sets = Path("sets.json")
    sets.write_text(sets.read_text().replace("b.root", "c.root"))
    write_nanoaod("c.root", seed=5)
    assert run("Jets") == 0
    assert tau3mu.open("out").datasets["mc"].generated is None
    assert run("Jets", output="short", files=("--dataset", "sets.json@short:0.5")) == 0
    assert tau3mu.open("short").datasets["mc"].generated is None


@pytest.mark.parametrize(
    ("processor", "options", "code"),
    [
        ("Both", (), 0),  # each file has one of both
        ("Both", ("--missing-triggers", "error"), 1),
        ("Both", ("--missing-triggers", "not-fired"), 0),
        ("New", (), 1),
        ("New", ("--missing-triggers", "error"), 1),
        ("New", ("--missing-triggers", "not-fired"), 0),
        ("NewMaybe", (), 0),
        ("NewMaybe", ("--missing-triggers", "error"), 0),
    ],
)
def test_a_trigger_that_a_file_lacks(folder, capfd, caplog, processor, options, code):
    assert run(processor, *options, "--chunk-size", "13") == code
    if code:
        assert "HLT_New" in capfd.readouterr().err
        return
    assert "hlt.HLT_New_v" in caplog.text  # a warning names it
    facts = tau3mu.open("out").datasets
    pattern = "hlt.HLT_New_v?" if processor == "NewMaybe" else "hlt.HLT_New_v"
    assert facts["data"].triggers[pattern] == ["HLT_New"]
    if processor != "Both":
        files = ("early.root", "late.root")
        both = [row for path in files for row in expected(path, hlt="HLT_New")]
        assert found(f"out/{processor}", "data") == both
        assert expected("early.root", hlt="HLT_New") == []


def test_a_run_in_which_no_file_has_the_trigger(folder):
    assert run("NewMaybe", files=("early.root",)) == 0
    assert tau3mu.open("out").datasets["files"].triggers == {"hlt.HLT_New_v?": []}
    assert len(load_candidates("out/NewMaybe")) == 0


def test_what_some_files_lack_has_the_type_of_the_others(folder):
    columns = {"run", "HLT_New?", "GenPart.pdgId?", "raw.GenPart_statusFlags?"}
    files = check_files(tau3mu.datasets("sets.json"), columns)
    kinds = []
    for file in files:
        none = empty_events(layout=file.layout, branches=file.branches, metadata={})
        kinds.append([str(one.type) for one in (none.HLT_New, none.GenPart.pdgId)])
    assert kinds == [["0 * ?bool", "0 * var * ?int32"]] * 4
    assert [len(file.branches) for file in files] == [1, 2, 4, 4]


def test_a_skim_of_files_that_lack_different_branches(folder):
    assert run("NewMaybe", "--skim", "id", "--chunk-size", "13") == 0
    dataset = "out/derived/NewMaybe_id/dataset.json"
    assert run("NewMaybe", output="again", files=("--dataset", dataset)) == 0
    for name in ("data", "mc"):
        assert found("again/NewMaybe", name) == found("out/NewMaybe", name) != []


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["futures", "dask"])
def test_workers_read_what_files_lack_as_well(folder, executor):
    assert run("NewMaybe", output="here") == 0
    options = ("--executor", executor, "--workers", "2", "--chunk-size", "13")
    assert run("NewMaybe", *options) == 0
    for dataset in ("data", "mc"):
        assert found("out/NewMaybe", dataset) == found("here/NewMaybe", dataset)


TABLE = (
    "#tree\tEvents\nbranch\ttype\tview\tmissing\nrun\tuint32\trun\nJet_pt\tvar * float64\tmuon.pt\n"
)


def test_an_installed_layout_is_found_and_has_a_name(tmp_path, monkeypatch):
    path = tmp_path / "place" / "table.tsv"
    path.parent.mkdir()
    path.write_text(TABLE)
    (tmp_path / "its_package.py").write_text(f"TABLE = {str(path)!r}\nWRONG = 5\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    points = [EntryPoint("mine", "its_package:TABLE", "tau3mu.layouts")]
    monkeypatch.setattr(known, "entry_points", lambda **_: points)
    known._installed.cache_clear()
    try:
        write_nanoaod("a.root")
        events = tau3mu.events("a.root", {"run", "muon.pt"})
        assert str(events.muon.pt.type) == "40 * var * float64"
        assert layout(known.layout_called("mine")).name == "table.tsv"
        events = tau3mu.events("a.root", {"run", "muon.pt"}, layout="nanoaod")
        assert str(events.muon.pt.type) == "40 * var * float32"
        points[0] = EntryPoint("mine", "its_package:WRONG", "tau3mu.layouts")
        known._installed.cache_clear()
        with raises("ntuples.bad-entry-point", path="mine"):
            tau3mu.events("a.root", {"run", "muon.pt"})
    finally:
        sys.modules.pop("its_package", None)
        known._installed.cache_clear()


def test_files_that_are_no_tables_are_left_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numbers.tsv").write_text("a\tb\n1\t2\n")
    assert "numbers.tsv" not in known.known_layouts()
    (tmp_path / "mine.tsv").write_text(TABLE)
    assert known.known_layouts()["mine.tsv"].by_view["muon.pt"].name == "Jet_pt"
    (tmp_path / "mine.tsv").write_text(TABLE.replace("Jet_pt", "Tau_pt"))
    assert known.known_layouts()["mine.tsv"].by_view["muon.pt"].name == "Tau_pt"
    (tmp_path / "mine.tsv").write_text(TABLE.replace("uint32", "uint31"))
    with raises("ntuples.bad-table", path="mine.tsv:3:5"):
        known.known_layouts()


def test_a_proposed_table_reads_the_file(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_nanoaod("a.root", is_mc=True)
    assert layout_main(["a.root"]) == 0
    text = capsys.readouterr().out
    assert layout_main(["a.root:Events", "--output", "own.tsv"]) == 0
    assert (tmp_path / "own.tsv").read_text() == text
    table = layout(own_layout("own.tsv"))
    assert {"Muon_pt", "Jet_jetId", "MET_pt", "genWeight"} <= table.by_name.keys()
    assert "nMuon" not in table.by_name
    assert table.by_name["Muon_isGlobal"].view == "muon.is_global"
    assert table.by_name["Jet_jetId"].view == "jet.jetId"
    assert table.by_name["MET_pt"].view == "met.pt"
    events = tau3mu.events("a.root", {"muon.is_global", "jet.jetId", "hlt.HLT_IsoMu24"})
    with uproot.open("a.root:Events") as tree:
        assert ak.to_list(events.jet.jetId) == ak.to_list(tree["Jet_jetId"].array())
    columns = {row.view for row in table.branches if "*" not in row.name}
    read = tau3mu.events("a.root", columns, layout="own.tsv")
    assert set(read.fields) >= {"run", "muon", "jet", "met", "gen"}
    for words in (["a.root", "--output", "own.tsv"], ["nowhere.root"], ["a.root:Odd"], ["own.tsv"]):
        assert layout_main(words) == 1
    assert (tmp_path / "own.tsv").read_text() == text


def test_the_table_of_the_demo_is_proposed_as_it_ships(tmp_path, capsys):
    assert layout_main([str(files("tau3mu.data") / "demo" / "Tree_PhiPi_1.root")]) == 0
    (tmp_path / "t3m.tsv").write_text(capsys.readouterr().out)
    table, shipped = layout(own_layout(str(tmp_path / "t3m.tsv"))), layout("t3m")
    assert table.pad == shipped.pad
    assert len(table.branches) > 50
    assert {row.name: row for row in table.branches}.items() <= {
        row.name: row for row in shipped.branches
    }.items()


def test_the_manual_can_be_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs/how-to/nanoaod.md").read_text()
    for title, text in re.findall(
        r'^```\w+ title="(\S+)"\n(.*?)^```', page, re.MULTILINE | re.DOTALL
    ):
        Path(title).write_text(text)
    write_nanoaod("data.root", seed=1)
    sums = [write_nanoaod(f"dy_{n}.root", seed=n + 1, is_mc=True) for n in (1, 2)]
    command = ["--processor", "dijets.py:Dijets", "--no-fit", "--set", "Dijets.min_pt=5"]
    assert main([*command, "--dataset", "samples.json", "--output", "results/dijets"]) == 0
    names = {"tau3mu": tau3mu}
    (snippet,) = re.findall(r"^```text\n(run = .*?)^```", page, re.MULTILINE | re.DOTALL)
    exec(snippet, names)  # what the page shows
    rows = load_candidates("results/dijets/Dijets")
    rows = rows[(rows.dataset == "dy") & (rows.mass >= 0) & (rows.mass < 500)]
    weights = ak.sum(rows.weight) * 6000.0 * 1000 * 2.0
    sumw = fsum(one["genEventSumw"] for one in sums)
    assert names["expected"].sum().value == pytest.approx(weights / sumw)
    assert len(rows) > 5


def test_sections_without_events_have_luminosity(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.py").write_text(PROCESSOR)
    write_nanoaod("a.root", seed=1, run=100, blocks=(3, 2, 1, 7))  # events in section 1 alone
    write_nanoaod("b.root", seed=2, run=200)
    lines = [
        f"{number}:5704,{lumi}:{lumi},06/18/17 21:33:20,STABLE BEAMS,6500,9.0,{lumi},24.1,HFOC\n"
        for number in (100, 200)
        for lumi in range(1, 9)
    ]
    head = "#run:fill,ls,time,beamstatus,E(GeV),delivered(/pb),recorded(/pb),avgpu,source\n"
    Path("lumi.csv").write_text("#Data tag : 19v3 , Norm tag: None\n" + head + "".join(lines))
    Path("golden.json").write_text(json.dumps({"100": [[1, 2], [5, 8]], "200": [[1, 8]]}))
    facts = {"brilcalc": "lumi.csv", "certification": "golden.json"}
    files = {"data": {"files": ["a.root", "b.root"], "metadata": facts}}
    Path("sets.json").write_text(json.dumps(files))
    assert run("Jets", "--chunk-size", "7") == 0
    assert tau3mu.open("out").datasets["data"].luminosity.recorded == pytest.approx(0.011)
    sections = json.loads(Path("out/sections/data.json").read_text())
    assert sections == {"100": [[1, 2], [7, 7]], "200": [[1, 1]]}
