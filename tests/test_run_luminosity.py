"""Luminosity counted from brilcalc: in the cutflow, in the facts, under skims and failures."""

from __future__ import annotations

import json
import shutil
from math import fsum
from pathlib import Path

import pytest
import several_runs
import uproot
from errors import raises

import tau3mu
from tau3mu.results import luminosity, scales
from tau3mu.run import main
from tau3mu.train import reproduce

HEADER = "#run:fill,ls,time,beamstatus,E(GeV),delivered(/pb),recorded(/pb),avgpu,source\n"


def sections_in(*files):
    """The sections of events in files, as a loop finds them."""
    found = set()
    for file in files:
        with uproot.open(file) as root:
            arrays = root["Tree3Mu/ntuple"].arrays(["run", "lumi"], library="np")
        found |= set(zip(arrays["run"].tolist(), arrays["lumi"].tolist(), strict=True))
    return found


def value(run, lumi):
    """The luminosity of a section in /pb."""
    return round(0.1 + run % 7 / 10 + lumi / 1000, 6)


def csv(path, sections):
    lines = [
        f"{run}:5704,{lumi}:{lumi},06/18/17 21:33:20,STABLE BEAMS,6500,"
        f"{2 * value(run, lumi):.6f},{value(run, lumi):.6f},24.1,HFOC\n"
        for run, lumi in sorted(sections)
    ]
    path.write_text("#Data tag : 19v3 , Norm tag: None\n" + HEADER + "".join(lines) + "#Summary:\n")


def expected(sections):
    return fsum(value(*one) for one in sections) / 1000


GOLDEN = {"101": [[1, 5]], "109": [[2, 2], [8, 90]]}


def certified(sections):
    return {
        (run, lumi)
        for run, lumi in sections
        if any(first <= lumi <= last for first, last in GOLDEN.get(str(run), []))
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A dataset of two files, a certification and a CSV without one section that has events."""
    folder = tmp_path_factory.mktemp("lumi")
    several_runs.write_files(folder, events=600)
    every = sections_in(folder / "0.root", folder / "1.root")
    (folder / "golden.json").write_text(json.dumps(GOLDEN))
    lost = min(certified(every))
    csv(folder / "all.csv", every)
    csv(folder / "lost.csv", (every | {(7, 1), (109, 89)}) - {lost})
    content = {
        "data": {
            "files": ["0.root", "1.root"],
            "metadata": {"certification": "golden.json", "brilcalc": "lost.csv"},
        }
    }
    (folder / "data.json").write_text(json.dumps(content))
    plain = {"data": {"files": ["0.root", "1.root"], "metadata": {"lumi": 9.0}}}
    (folder / "plain.json").write_text(json.dumps(plain))
    return folder


def run_of(dataset, output, *options, code=0):
    words = ["--dataset", dataset, "--output", output, "--no-fit", *options]
    assert main([str(word) for word in words]) == code
    return tau3mu.open(output)


@pytest.fixture(scope="module")
def done(folder):
    """The run over certified data."""
    run_of(folder / "data.json", folder / "out", "--chunk-size", "700", "--skim", "phi")
    return folder / "out"


def test_the_sections_that_were_read_are_counted(done, folder):
    every = sections_in(folder / "0.root", folder / "1.root")
    used = certified(every)
    lost = min(used)
    run = tau3mu.open(done)
    facts = run.datasets["data"]
    assert facts.lumi == pytest.approx(expected(used - {lost}), rel=1e-14)
    assert facts.lumi_source == str(folder / "lost.csv")
    found = facts.luminosity
    assert (found.sections, found.recorded) == (len(used), facts.lumi)
    assert found.delivered == pytest.approx(2 * facts.lumi, rel=1e-14)
    assert found.certified == pytest.approx(expected((used | {(109, 89)}) - {lost}), rel=1e-14)
    assert found.missing == {str(lost[0]): [[lost[1], lost[1]]]}
    (warning,) = (text for text in run.warnings if "lost.csv" in text)
    assert f"{lost[0]}: {lost[1]}" in warning
    rows = {row["name"]: row.get("lumi") for row in run["dsphipi"].cutflow["data"]}
    assert rows.pop("certified") == facts.lumi
    assert set(rows.values()) == {None}
    assert f"{facts.lumi:.6g}" in (done / "dsphipi/cutflow.txt").read_text()
    ranges = json.loads((done / "sections/data.json").read_text())
    listed = {
        (int(run), lumi)
        for run, parts in ranges.items()
        for first, last in parts
        for lumi in range(first, last + 1)
    }
    assert listed == used


@pytest.mark.parametrize("chunk_size", [pytest.param("150", marks=pytest.mark.integration), "5000"])
def test_the_option_takes_the_place_of_a_number(folder, tmp_path, chunk_size):
    options = ["--brilcalc", folder / "all.csv", "--chunk-size", chunk_size]
    run = run_of(folder / "plain.json", tmp_path / "out", *options)
    every = sections_in(folder / "0.root", folder / "1.root")
    assert run.datasets["data"].lumi == pytest.approx(expected(every), rel=1e-14)
    assert run["dsphipi"].cutflow["data"][0]["lumi"] == run.datasets["data"].lumi
    assert not [text for text in run.warnings if "all.csv" in text]


@pytest.mark.integration
def test_what_a_run_recorded_can_be_made_again(done, tmp_path, folder):
    shutil.copytree(done, tmp_path / "moved")
    assert json.loads((done / "full_config.json").read_text())["datasets"][0]["brilcalc"]
    report = reproduce(tmp_path / "moved", output=tmp_path / "again")
    assert report.same
    again = tau3mu.open(tmp_path / "again").datasets["data"]
    assert again.lumi == tau3mu.open(done).datasets["data"].lumi


@pytest.mark.integration
def test_a_skim_stands_for_the_sections_of_its_parent(done, tmp_path):
    skim = done / "derived/dsphipi_phi/dataset.json"
    run = run_of(skim, tmp_path / "out", "--skim", "phi")
    before = tau3mu.open(done).datasets["data"].luminosity
    found = run.datasets["data"].luminosity
    assert (found.sections, found.recorded, found.missing) == (
        before.sections, before.recorded, before.missing
    )  # fmt: skip
    twice = run_of(tmp_path / "out/derived/dsphipi_phi/dataset.json", tmp_path / "twice")
    assert twice.datasets["data"].lumi == before.recorded


@pytest.mark.integration
def test_failed_files_do_not_count_until_they_are_repaired(folder, tmp_path):
    for name in ("0.root", "1.root", "plain.json"):
        shutil.copy(folder / name, tmp_path / name)
    whole = (tmp_path / "1.root").read_bytes()
    middle = len(whole) // 2
    torn = whole[:middle] + bytes(len(whole) // 4) + whole[middle + len(whole) // 4 :]
    (tmp_path / "1.root").write_bytes(torn)
    options = ["--brilcalc", folder / "all.csv", "--skip-bad-files", "--chunk-size", "400"]
    options += ["--retries", "0"]
    run = run_of(tmp_path / "plain.json", tmp_path / "out", *options, code=2)
    first = sections_in(tmp_path / "0.root")
    assert run.datasets["data"].lumi == pytest.approx(expected(first), rel=1e-14)
    (tmp_path / "1.root").write_bytes(whole)
    assert main(["--resume", str(tmp_path / "out")]) == 0
    run = tau3mu.open(tmp_path / "out")
    assert 0 < run.manifest.chunks.resumed < run.manifest.chunks.total
    every = first | sections_in(tmp_path / "1.root")
    assert run.datasets["data"].lumi == pytest.approx(expected(every), rel=1e-14)


@pytest.mark.parametrize(
    "executor",
    [
        pytest.param("futures", marks=pytest.mark.integration),
        pytest.param("dask", marks=pytest.mark.soak),
    ],
)
def test_all_executors_count_the_same(folder, tmp_path, executor):
    options = ["--chunk-size", "700", "--executor", executor, "--workers", "2"]
    run = run_of(folder / "data.json", tmp_path / "out", *options)
    alone = run_of(folder / "data.json", tmp_path / "alone", "--chunk-size", "5000")
    assert run.datasets == alone.datasets
    assert run["dsphipi"].cutflow == alone["dsphipi"].cutflow


def test_a_section_counts_once_in_sums(folder, tmp_path):
    content = {
        name: {"files": [f"{number}.root"], "metadata": {"brilcalc": "all.csv"}}
        for number, name in enumerate(("first", "second"))
    }
    for name in ("0.root", "1.root", "all.csv"):
        shutil.copy(folder / name, tmp_path / name)
    (tmp_path / "two.json").write_text(json.dumps(content))
    run = run_of(tmp_path / "two.json", tmp_path / "out")
    first, second = (sections_in(folder / f"{number}.root") for number in (0, 1))
    both = first & second
    assert both
    lumis = [run.datasets[name].lumi for name in ("first", "second")]
    assert lumis == pytest.approx([expected(first), expected(second)], rel=1e-14)
    assert run.datasets["second"].luminosity.shared == pytest.approx(expected(both), rel=1e-14)
    assert luminosity(run.datasets.values()) == pytest.approx(expected(first | second), rel=1e-14)
    assert [text for text in run.warnings if "first and second" in text]
    assert set(scales(run.datasets).values()) == {1.0}


@pytest.mark.integration
def test_short_views_have_no_counted_luminosity(folder, tmp_path):
    run = run_of(f"{folder / 'data.json'}@short:0.5", tmp_path / "out")
    assert run.datasets["data"].lumi is None
    assert [text for text in run.warnings if "short view" in text]


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        ({"brilcalc": "all.csv", "lumi": 3.0}, "dataset.two-luminosities"),
        ({"brilcalc": "all.csv", "is_mc": True}, "dataset.brilcalc-of-simulation"),
        ({"cross_section": 3.0}, "dataset.simulation-only"),
        ({"generated": 3.0}, "dataset.simulation-only"),
    ],
)
def test_facts_that_do_not_go_together(folder, tmp_path, metadata, code):
    content = {"data": {"files": [str(folder / "0.root")], "metadata": metadata}}
    (tmp_path / "data.json").write_text(json.dumps(content))
    with raises(code):
        tau3mu.datasets(tmp_path / "data.json")


def test_a_wrong_file_is_an_error_before_the_work(folder, tmp_path):
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("run,ls\n")
    with raises("luminosity.no-header", path=str(wrong)):
        tau3mu.run(folder / "plain.json", ["dsphipi"], brilcalc=wrong, output=tmp_path / "out")
    assert not Path(tmp_path / "out").exists()
