"""Processors with parameters as instances, names and variants, in every way to run them."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from coffea.processor import IterativeExecutor, Runner
from errors import raises
from toys import Toy

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution import execute
from tau3mu.ntuples import NtupleSchema
from tau3mu.outputs import load_candidates
from tau3mu.processing import load_processors
from tau3mu.run import main

EXECUTORS = [
    "iterative", "futures", pytest.param("dask", marks=pytest.mark.integration),
]  # fmt: skip


@pytest.fixture(scope="module")
def chunks(demo):
    datasets = [Dataset("demo", {str(demo[0]): None})]
    return make_chunks(check_files(datasets, Toy.columns), datasets, 2500)


@pytest.fixture(scope="module")
def momenta(demo):
    """The pt of all muons of all events, as the ntuple has them."""
    return uproot.open(demo[0])["Tree3Mu/ntuple"]["MuonPt"].array()


@pytest.fixture
def toy_file(tmp_path):
    shutil.copy(Path(__file__).with_name("toys.py"), tmp_path / "toys.py")
    return tmp_path / "toys.py"


def check(found, momenta, min_pt):
    hard = momenta[momenta > min_pt]
    (_, step) = found.cutflow["demo"]
    assert step["candidates"] == ak.count(hard) > 0
    assert step["events"] == ak.sum(ak.num(hard) > 0)
    assert found.candidates.pt.tolist() == ak.flatten(hard).tolist()
    counts, _ = np.histogram(ak.flatten(hard), 5, (0, 10))
    assert found.histograms["pt"]["demo", :].values().tolist() == counts.tolist()
    assert found.counters["demo"] == {"muons": 6000}


@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("how", ["instances", "file"])
def test_two_names_of_one_class_in_one_pass(executor, how, chunks, momenta, toy_file, request):
    if how == "instances":
        processors = [Toy(), Toy(min_pt=6, name="tight")]
    else:
        processors = load_processors([f"{toy_file}:Toy"], variants=["tight:min_pt=6"])
    client = request.getfixturevalue("client") if executor == "dask" else None
    found = execute(chunks, processors, executor=executor, client=client).processors
    assert list(found) == ["Toy", "tight"]
    check(found["Toy"], momenta, 4)
    check(found["tight"], momenta, 6)


def test_a_variant_equals_a_run_of_its_own(chunks):
    together = execute(chunks, [Toy(), Toy(min_pt=6, name="tight")]).processors["tight"]
    alone = execute(chunks, [Toy(min_pt=6, name="tight")]).processors["tight"]
    assert together.candidates.tolist() == alone.candidates.tolist()
    assert together.histograms == alone.histograms
    assert together.cutflow == alone.cutflow


def test_an_instance_in_the_runner_of_coffea(demo, momenta):
    run = Runner(IterativeExecutor(status=False), schema=NtupleSchema, chunksize=2500)
    files = {"demo": {"files": {str(demo[0]): "Tree3Mu/ntuple"}}}
    result = run(files, Toy(min_pt=6), treename="Tree3Mu/ntuple")
    hard = ak.flatten(momenta[momenta > 6])
    assert result["candidates"]["demo"]["pt"].value.tolist() == hard.tolist()
    assert result["cutflow"]["demo"]["pt"]["candidates"] == len(hard)
    assert result["histograms"]["pt"].sum(flow=True).value == len(hard)


@pytest.fixture
def command(toy_file, demo, tmp_path):
    return [
        str(demo[0]), "--processor", f"{toy_file}:Toy", "--no-fit", "--output",
        str(tmp_path / "out"), "--set", "Toy.min_pt=5", "--variant", "tight:min_pt=6",
    ]  # fmt: skip


def test_parameters_of_a_command_line_are_recorded_and_resumed(
    command, momenta, tmp_path, capsys, monkeypatch
):
    assert main(command) == 0
    out = tmp_path / "out"
    record = json.loads((out / "run.json").read_text())
    made = record["configuration"]["processors"]
    for name, min_pt in (("Toy", 5), ("tight", 6)):
        assert (
            load_candidates(out / name).pt.tolist()
            == ak.flatten(momenta[momenta > min_pt]).tolist()
        )
        assert made[name]["parameters"]["min_pt"] == min_pt
        assert made[name]["class"] == "toys.Toy"
    assert made["Toy"]["hash"] == Toy(min_pt=5).configuration["hash"] != made["tight"]["hash"]
    assert record["options"]["values"] == ["Toy.min_pt=5"]
    assert record["options"]["variants"] == ["tight:min_pt=6"]
    monkeypatch.chdir("/")
    capsys.readouterr()
    assert main(["--resume", str(out)]) == 0
    capsys.readouterr()
    assert main(["--resume", str(out), "--set", "Toy.min_pt=7"]) == 1
    assert "is complete" in " ".join(capsys.readouterr().err.split())
    assert json.loads((out / "run.json").read_text())["options"]["values"] == ["Toy.min_pt=5"]


def test_an_unknown_key_is_an_error_before_anything_is_written(command, tmp_path, capsys):
    assert main([*command, "--set", "Toy.min_ptt=5"]) == 1
    assert "'min_pt'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_processor_of_an_installed_package_is_found_by_name(
    tmp_path, demo, momenta, capsys, monkeypatch
):
    site = tmp_path / "site"
    (site / "toy_analysis").mkdir(parents=True)
    shutil.copy(Path(__file__).with_name("toys.py"), site / "toy_analysis" / "__init__.py")
    info = site / "toy_analysis-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-analysis\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[tau3mu.processors]\ntoy = toy_analysis:Toy\nlost = toy_analysis.lost:Toy\n"
    )
    monkeypatch.syspath_prepend(site)
    out = tmp_path / "out"
    run = [str(demo[0]), "--processor", "toy", "--variant", "six:min_pt=6", "--no-fit"]
    assert main([*run, "--executor", "futures", "--output", str(out)]) == 0
    for name, min_pt in (("Toy", 4), ("six", 6)):
        assert len(load_candidates(out / name)) == ak.count(momenta[momenta > min_pt])
    with raises("processor.import", path="lost"):
        load_processors(["lost"])
    with raises("processor.unknown-name", mentions=("'toy'", "dsphipi")):
        load_processors(["toi"])
    capsys.readouterr()
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out
    for text in ("Muons above a transverse momentum.", "min_pt", "4.0", "GeV", "lost", "dsphipi"):
        assert text in listed
    sys.modules.pop("toy_analysis")


def test_two_packages_with_one_name_are_an_error(tmp_path, monkeypatch):
    for number in (1, 2):
        info = tmp_path / f"toy{number}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: toy{number}\nVersion: 1.0\n")
        points = f"[tau3mu.processors]\ntwice = toy{number}:Toy\n"
        (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(tmp_path)
    with raises("processor.ambiguous-name", path="twice", mentions=("toy1", "toy2")):
        load_processors(["twice"])
