"""Skims of certified data, and of chunks that are processed run by run."""

from __future__ import annotations

import awkward as ak
import pytest
import several_runs
import uproot

import tau3mu
from tau3mu.datasets import Certification, Dataset
from tau3mu.derived import read_derived

CERTIFICATION = Certification({101: [(1, 6)], 105: [(2, 30)]})


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    files = several_runs.write_files(tmp_path_factory.mktemp("runs"))
    names = ("follow", "mixed")
    return [
        Dataset(name, {str(path): None}, certification=CERTIFICATION)
        for name, path in zip(names, files, strict=True)
    ]


def events(folder, dataset):
    files = read_derived(folder).datasets[dataset].files
    return ak.concatenate([uproot.open(folder / one.path)[one.tree].arrays() for one in files])


@pytest.mark.integration
def test_skims_hold_certified_events_in_their_order(datasets, read, same_candidates, tmp_path):
    found = {}
    for per_run in (False, True):
        folder = tmp_path / f"per_run_{per_run}"
        run = tau3mu.run(
            datasets, no_fit=True, skim=["vertex"], chunk_size=1600, per_run=per_run, output=folder
        )
        found[per_run] = run
        skim = folder / "derived" / "dsphipi_vertex"
        again = read(skim)
        same_candidates(run["dsphipi"].candidates, again["dsphipi"].candidates)
        for dataset, steps in run["dsphipi"].cutflow.items():
            rows = again["dsphipi"].cutflow[dataset]
            names = [step["name"] for step in steps]
            assert names[:5] == ["all", "certified", "hlt", "l1", "vertex"]
            assert rows[:5] == [{**s, "name": f"parent:{s['name']}"} for s in steps[:5]]
            assert rows[5]["events"] == rows[4]["events"] == len(events(skim, dataset))
            certified = events(skim, dataset)
            assert CERTIFICATION.mask(certified.run, certified.lumi).all()
    for dataset in ("follow", "mixed"):
        one, two = (
            events(run.folder / "derived" / "dsphipi_vertex", dataset) for run in found.values()
        )
        assert ak.array_equal(one, two, equal_nan=True)


def test_first_row_of_a_skim_of_everything(datasets, read, tmp_path):
    run = tau3mu.run(datasets[:1], no_fit=True, skim=["all"], output=tmp_path / "out")
    rows = read(run.folder / "derived" / "dsphipi_all")["dsphipi"].cutflow["follow"]
    assert [row["name"] for row in rows[:3]] == ["parent:all", "parent:certified", "all"]
    assert rows[0]["events"] == 1500
    assert rows[1]["events"] == rows[2]["events"] < 1000
