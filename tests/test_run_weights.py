"""Runs with event weights, and the normalization of simulation: against loops over events."""

from __future__ import annotations

import gzip
import json
from math import fsum
from pathlib import Path

import awkward as ak
import correctionlib
import numpy as np
import pytest
import uproot
from nanoaod_files import write_nanoaod

import tau3mu
from tau3mu.outputs import load_candidates
from tau3mu.run import main

TABLE = "Collisions18_UltraLegacy_goldenJSON"
PROCESSOR = """\
import awkward as ak
import hist

from tau3mu import Processor, Table
from tau3mu.corrections import GeneratorWeight, PileupWeight, PrescaleWeight


class Jets(Processor):
    columns = {"event", "Jet.pt", "Jet.jetId", "MET.pt"}
    axes = [hist.axis.Regular(10, 0, 50, name="pt")]
    event_weights = [
        GeneratorWeight(),
        PileupWeight("puWeights.json.gz"),
        PrescaleWeight({"2018A": 19.9}),
    ]

    def select(self, events, cutflow):
        events = cutflow.cut_events("met", events, events.MET.pt > 5)
        jets = cutflow.cut("id", events.Jet, events.Jet.jetId > 20)
        return Table(pt=jets.pt)


class Plain(Jets):
    event_weights = ()


class Scaled(Jets):
    weights = {"nominal": "sf", "sf_up": "sf_up"}

    def select(self, events, cutflow):
        jets = cutflow.cut("id", events.Jet, events.Jet.jetId > 20)
        return Table(pt=jets.pt, sf=0.5 + jets.pt / 100, sf_up=1.0 + jets.pt / 100)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Data and simulation, of which the sums of weights are known, and pileup weights."""
    folder = tmp_path_factory.mktemp("weights")
    (folder / "mine.py").write_text(PROCESSOR)
    write_nanoaod(folder / "data.root", seed=1)
    for number in (1, 2):
        write_nanoaod(folder / f"mc_{number}.root", seed=number + 1, is_mc=True)
    edges = [0.0, 8.0, 12.0, 20.0]
    content = [
        {"key": key, "value": {"nodetype": "binning", "input": "NumTrueInteractions",
                               "edges": edges, "content": values, "flow": "clamp"}}
        for key, values in {"nominal": [0.5, 1.25, 2.0], "up": [0.25, 1.5, 3.0],
                            "down": [0.75, 1.0, 1.5]}.items()
    ]  # fmt: skip
    correction = {
        "name": TABLE, "version": 0, "output": {"name": "weight", "type": "real"},
        "inputs": [{"name": "NumTrueInteractions", "type": "real"},
                   {"name": "weights", "type": "string"}],
        "data": {"nodetype": "category", "input": "weights", "content": content},
    }  # fmt: skip
    text = json.dumps({"schema_version": 2, "corrections": [correction]})
    (folder / "puWeights.json.gz").write_bytes(gzip.compress(text.encode()))
    sets = {
        "data": {"files": ["data.root"], "metadata": {"era": "2018A", "lumi": 2.0}},
        "mc": {
            "files": ["mc_1.root", "mc_2.root"],
            "metadata": {"is_mc": True, "cross_section": 1.5},
        },
    }
    (folder / "sets.json").write_text(json.dumps(sets))
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def done(folder):
    """The results of both processors."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        command = ["--dataset", "sets.json", "--no-fit", "--chunk-size", "11", "--output", "out"]
        for name in ("Jets", "Scaled"):
            command += ["--processor", f"mine.py:{name}"]
        assert main(command) == 0
    return folder / "out"


def rows_of(folder, dataset, *, met):
    """What a loop finds: of each jet pt and the weights, and the sums of weights of each step."""
    table = correctionlib.CorrectionSet.from_file(str(folder / "puWeights.json.gz"))[TABLE]
    files = ["data.root"] if dataset == "data" else ["mc_1.root", "mc_2.root"]
    rows, steps = [], {"all": [], "met": [], "id": []}
    for file in files:
        with uproot.open(folder / file) as root:
            tree = root["Events"]
            names = [*("MET_pt", "Jet_pt", "Jet_jetId"),
                     *(n for n in ("genWeight", "Pileup_nTrueInt") if n in tree)]  # fmt: skip
            events = tree.arrays(names).to_list()
        for event in events:
            keys = ("nominal", "up", "down")
            if dataset == "data":
                weights = [19.9] * 3
            else:
                number, generated = event["Pileup_nTrueInt"], event["genWeight"]
                weights = [generated * table.evaluate(number, key) for key in keys]
            steps["all"].append(weights[0])
            if met and not event["MET_pt"] > 5:
                continue
            steps["met"].append(weights[0])
            jets = [pt for pt, number in zip(event["Jet_pt"], event["Jet_jetId"], strict=True)
                    if number > 20]  # fmt: skip
            if jets:
                steps["id"].append(weights[0])
            rows += [(pt, *weights) for pt in jets]
    return rows, {name: fsum(values) for name, values in steps.items()}


COLUMNS = ("weight", "weight_pileup_up", "weight_pileup_down")


@pytest.mark.parametrize("dataset", ["data", "mc"])
def test_candidates_and_cutflow_have_the_weights_of_their_events(done, folder, dataset):
    rows, steps = rows_of(folder, dataset, met=True)
    found = load_candidates(done / "Jets")
    found = found[found.dataset == dataset]
    assert list(zip(*(found[n].tolist() for n in ("pt", *COLUMNS)), strict=True)) == rows
    cutflow = tau3mu.open(done)["Jets"].cutflow[dataset]
    assert {row["name"]: row["sumw"] for row in cutflow} == pytest.approx(steps, rel=1e-15)
    assert next(row["events"] for row in cutflow) == (40 if dataset == "data" else 80)


def test_histograms_have_all_variations(done, folder):
    found = tau3mu.open(done)["Jets"]
    histogram = found.histograms["pt"]
    assert list(histogram.axes["variation"]) == ["nominal", "pileup_up", "pileup_down"]
    rows, _ = rows_of(folder, "mc", met=True)
    edges = histogram.axes["pt"].edges
    for column, variation in enumerate(histogram.axes["variation"], 1):
        pts = [row[0] for row in rows]
        expected, _ = np.histogram(pts, edges, weights=[row[column] for row in rows])
        values = found.histogram("pt", "mc", variation).values()
        np.testing.assert_allclose(values, expected, rtol=1e-12)
    assert found.histograms["pt"]["data", "pileup_up", ...].sum().value == 0


def test_weights_of_the_processor_are_multiplied(done, folder):
    rows, _ = rows_of(folder, "mc", met=False)
    found = load_candidates(done / "Scaled")
    found = found[found.dataset == "mc"]
    names = ("sf", "sf_up", "sf_pileup_up", "sf_pileup_down")
    expected = [
        ((0.5 + pt / 100) * w, (1 + pt / 100) * w, (0.5 + pt / 100) * up, (0.5 + pt / 100) * down)
        for pt, w, up, down in rows
    ]
    np.testing.assert_allclose(
        np.transpose([found[name].to_numpy() for name in names]), expected, rtol=1e-6
    )  # pt has 32 bits
    histogram = tau3mu.open(done)["Scaled"].histograms["pt"]
    assert list(histogram.axes["variation"]) == ["nominal", "sf_up", "pileup_up", "pileup_down"]


def generated(folder, *files):
    found = []
    for file in files:
        with uproot.open(folder / file) as root:
            found.append(root["Runs"]["genEventSumw"].array(library="np").sum())
    return fsum(found)


def test_simulation_is_normalized_to_the_data(done, folder):
    run = tau3mu.open(done)
    sumw = generated(folder, "mc_1.root", "mc_2.root")
    assert run.datasets["mc"].generated.sumw == pytest.approx(sumw, rel=1e-15)
    plain = run["Jets"].histogram("pt", "mc")
    scaled = run["Jets"].histogram("pt", "mc", normalized=True)
    np.testing.assert_allclose(scaled.values(), plain.values() * 1500 * 2.0 / sumw, rtol=1e-12)


@pytest.mark.integration
def test_skims_and_failed_files_keep_the_sums_of_what_they_stand_for(here, done):
    command = ["--no-fit", "--processor", "mine.py:Jets", "--chunk-size", "7"]
    assert main([*command, "--dataset", "sets.json", "--skim", "id", "--output", "skimmed"]) == 0
    skim = here / "skimmed/derived/Jets_id/dataset.json"
    metadata = json.loads(skim.read_text())["mc"]["metadata"]
    assert metadata["cross_section"] == 1.5
    assert main([*command, "--dataset", str(skim), "--output", "again"]) == 0
    first, again = tau3mu.open(done), tau3mu.open("again")
    assert again.datasets["mc"].generated == first.datasets["mc"].generated
    assert again["Jets"].histogram("pt", "mc", normalized=True) == first["Jets"].histogram(
        "pt", "mc", normalized=True
    )
    # A skim of the skim, and one of its files alone.
    assert main([*command, "--dataset", str(skim), "--skim", "id", "--output", "twice"]) == 0
    twice = "twice/derived/Jets_id/dataset.json"
    assert main([*command, "--dataset", twice, "--output", "third"]) == 0
    assert tau3mu.open("third").datasets["mc"].generated == first.datasets["mc"].generated
    broken = Path("broken.root")
    broken.write_bytes(Path("mc_2.root").read_bytes()[:2000])
    sets = json.loads(Path("sets.json").read_text())
    sets["mc"]["files"] = ["mc_1.root", "broken.root"]
    Path("broken.json").write_text(json.dumps(sets))
    options = ["--dataset", "broken.json", "--skip-bad-files", "--output", "failed"]
    assert main([*command, *options]) == 2
    facts = tau3mu.open("failed").datasets["mc"].generated
    assert facts.sumw == pytest.approx(generated(here, "mc_1.root"), rel=1e-15)


def test_short_views_have_their_share(here):
    command = ["--no-fit", "--processor", "mine.py:Jets", "--dataset", "sets.json@short:0.25"]
    assert main([*command, "--output", "short"]) == 0
    run = tau3mu.open("short")
    assert run.datasets["data"].lumi == 0.5
    sumw = generated(here, "mc_1.root", "mc_2.root") / 4
    assert run.datasets["mc"].generated.sumw == pytest.approx(sumw, rel=1e-15)
    factor = 1500 * 0.5 / sumw
    plain = run["Jets"].histogram("pt", "mc").sum().value
    scaled = run["Jets"].histogram("pt", "mc", normalized=True).sum().value
    assert scaled == pytest.approx(plain * factor)


@pytest.mark.parametrize("given", [None, pytest.param(5000, marks=pytest.mark.integration)])
def test_without_sums_in_the_files_events_are_counted(here, given):
    weights = []
    for number in (1, 2):
        with uproot.open(f"mc_{number}.root") as root:
            arrays = root["Events"].arrays(["genWeight", "Jet_pt", "Jet_jetId", "MET_pt",
                                            "Pileup_nTrueInt", "run", "luminosityBlock", "event",
                                            "Muon_pt"])  # fmt: skip
        weights.append(arrays.genWeight.to_numpy().astype(float))
        columns = {n: arrays[n] for n in arrays.fields if not n.startswith(("Jet_", "Muon_"))}
        jets = ak.zip({"pt": arrays.Jet_pt, "jetId": arrays.Jet_jetId})
        data = {**columns, "Jet": jets, "Muon": ak.zip({"pt": arrays.Muon_pt})}
        types = {n: v.type.content for n, v in data.items()}
        with uproot.recreate(f"bare_{number}.root") as file:
            file.mktree("Events", types).extend(data)
    facts = {"is_mc": True, "cross_section": 1.5, "lumi": 4.0, "layout": "nanoaod"}
    if given:
        facts["generated"] = given
    sets = {"mc": {"files": ["bare_1.root", "bare_2.root"], "metadata": facts}}
    Path("bare.json").write_text(json.dumps(sets))
    command = ["--no-fit", "--processor", "mine.py:Jets", "--dataset", "bare.json"]
    output = f"bare{given}"
    assert main([*command, "--chunk-size", "9", "--skim", "id", "--output", output]) == 0
    found = tau3mu.open(output).datasets["mc"].generated
    every = np.concatenate(weights)
    if given:
        assert (found.events, found.sumw, found.source) == (5000, 5000.0, "metadata")
    else:
        assert (found.events, found.source) == (80, "events")
        assert (found.sumw, found.sumw2) == (fsum(every), fsum(every**2))
    # A skim has fewer events, of which the sums stay those of all.
    skim = f"{output}/derived/Jets_id/dataset.json"
    assert main(["--no-fit", "--processor", "mine.py:Jets", "--dataset", skim,
                 "--output", f"{output}_skim"]) == 0  # fmt: skip
    again = tau3mu.open(f"{output}_skim").datasets["mc"].generated
    assert (again.events, again.sumw) == (found.events, found.sumw)


@pytest.mark.integration
def test_generator_weights_that_are_not_read_are_a_warning(here):
    command = ["--no-fit", "--dataset", "sets.json", "--output", "plain"]
    assert main([*command, "--processor", "mine.py:Plain", "--processor", "mine.py:Jets"]) == 0
    (warning,) = (text for text in tau3mu.open("plain").warnings if "GeneratorWeight" in text)
    assert "Plain" in warning
    assert "Jets" not in warning
