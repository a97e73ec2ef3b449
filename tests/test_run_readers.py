"""Runs in which each processor reads some of the datasets: counts, runs, luminosities, resume."""

from __future__ import annotations

from dataclasses import replace

import pytest
import several_runs
from errors import raises
from test_run_luminosity import GOLDEN, certified, csv, expected, sections_in

import tau3mu
from tau3mu.datasets import Certification, Dataset
from tau3mu.processors import DsPhiPi
from tau3mu.run.front import run

COLUMNS = ["dataset", "file", "run", "lumi", "event", "mass"]
BOTH = DsPhiPi(name="one"), DsPhiPi(name="other", flight_significance=3.0)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readers")
    several_runs.write_files(folder, events=600)
    paths = folder / "0.root", folder / "1.root"
    csv(folder / "all.csv", sections_in(*paths))
    return paths


def dataset(name, path, readers=None, **more):
    given = None if readers is None else frozenset(readers)
    return Dataset(name, {str(path): None}, readers=given, **more)


def same(found, alone):
    assert found.cutflow == alone.cutflow
    assert found.counters == alone.counters
    assert found.histograms == alone.histograms
    assert found.candidates[COLUMNS].to_list() == alone.candidates[COLUMNS].to_list()


@pytest.mark.parametrize(
    "executor", ["iterative", pytest.param("dask", marks=pytest.mark.integration)]
)
def test_each_finds_what_it_finds_alone(files, tmp_path, executor):
    """`one` reads a and c, `other` reads b and c."""
    more, _ = several_runs.write_files(tmp_path, events=400)
    readers = ["one"], ["other"], None
    every = [dataset(*given) for given in zip("abc", (*files, more), readers, strict=True)]
    how = {"no_fit": True, "no_plots": True, "chunk_size": 250, "per_run": True}
    together = tau3mu.run(every, BOTH, output=tmp_path / "both", executor=executor, **how)
    for processor, own in zip(BOTH, ("ac", "bc"), strict=True):
        read = [replace(one, readers=None) for one in every if one.name in own]
        alone = tau3mu.run(read, processor, output=tmp_path / processor.name, **how)
        found = together[processor.name]
        same(found, alone[processor.name])
        assert list(found.cutflow) == list(own)
        assert found.runs == alone[processor.name].runs
        one = found.runs[0]
        assert found.of_runs([one]).histograms == alone[processor.name].of_runs([one]).histograms
    stored = tau3mu.open(tmp_path / "both")
    assert {name: list(each.datasets) for name, each in stored.items()} == {
        "one": ["a", "c"],
        "other": ["b", "c"],
    }


def test_luminosity_is_shared_only_by_what_is_added_up(files, tmp_path):
    """The same sections are in all three datasets; `one` adds up two of them."""
    folder = tmp_path
    copies = []
    for number in range(3):  # of other UUIDs and the same runs and sections
        (folder / str(number)).mkdir()
        several_runs.write_files(folder / str(number), events=600)
        copies.append(folder / str(number) / "0.root")
    table = str(files[0].with_name("all.csv"))
    certification = Certification(
        {int(run): tuple(map(tuple, ranges)) for run, ranges in GOLDEN.items()}
    )
    readers = ["one"], ["other"], ["one"]
    every = [
        dataset(name, path, names, brilcalc=table, certification=certification)
        for name, path, names in zip("abc", copies, readers, strict=True)
    ]
    found = run(every, BOTH, no_fit=True, no_plots=True, output=folder / "out")
    lumi = expected(certified(sections_in(copies[0])))
    facts = {name: one.luminosity for name, one in found.datasets.items()}
    assert [facts[name].shared for name in "ab"] == [0, 0]
    assert facts["c"].shared == pytest.approx(lumi)
    for name in ("one", "other"):
        total = tau3mu.results.luminosity(found[name].datasets.values())
        assert total == pytest.approx(lumi)
    assert sum("luminosity counts once" in text for text in found.warnings) == 1


def test_a_processor_needs_what_reads_the_same(files, tmp_path):
    every = [dataset("a", files[0], ["one"]), dataset("b", files[1])]
    processors = [BOTH[0].with_needs(("other",)), BOTH[1]]
    with raises("run.need-not-read", path="one"):
        tau3mu.run(every, processors, output=tmp_path / "out")
    assert not (tmp_path / "out").exists()
