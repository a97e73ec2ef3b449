"""Standard skims: the same events, and the parent's rows in front."""

from __future__ import annotations

import json
import shutil
import sys

import awkward as ak
import pytest
import uproot
from errors import raises
from skim_variants import tight

import tau3mu
from tau3mu import DsPhiPi
from tau3mu.datasets import dataset_from_files
from tau3mu.derived import read_derived
from tau3mu.derived.pages import copy_clusters
from tau3mu.generate.__main__ import main as generate
from tau3mu.ntuples import fired
from tau3mu.processing.cuts import CutProcessor, event_cut
from tau3mu.processors.columns import HLT_PATHS

STEPS = ["all", "hlt", "l1", "vertex"]


def rows(run, processor="dsphipi", dataset=None):
    cutflow = run[processor].cutflow
    return cutflow[dataset or next(iter(cutflow))]


def up_to(steps, last):
    names = [step["name"] for step in steps]
    return steps[: names.index(last) + 1]


def test_a_skim_gives_the_candidates_of_its_parent_bit_by_bit(parent, skim, read, same_candidates):
    found = read(skim, [DsPhiPi(), tight()], chunk_size=400)
    for name in ("dsphipi", "tight"):
        same_candidates(parent[name].candidates, found[name].candidates)
        for histogram in parent[name].histograms:
            assert parent[name].histograms[histogram] == found[name].histograms[histogram]
        assert parent[name].counters == found[name].counters


def test_the_rows_of_the_parent_come_first_for_every_chunk_size(parent, skim, read):
    expected = [{**row, "name": f"parent:{row['name']}"} for row in up_to(rows(parent), "vertex")]
    for size in (333, 1000):
        found = read(skim, chunk_size=size)
        assert rows(found)[:4] == expected
        assert [row["name"] for row in rows(found)[4:8]] == STEPS
        assert rows(found)[4]["events"] == expected[-1]["events"]
        assert rows(found)[7]["candidates"] == expected[-1]["candidates"]
        stored = json.loads((found.folder / "dsphipi" / "cutflow.json").read_text())
        assert stored["demo"] == rows(found)
        assert rows(tau3mu.open(found.folder)) == rows(found)


def test_all_objects_of_an_event_are_kept(parent, skim, demo):
    files = read_derived(skim).datasets["demo"].files
    kept = ak.concatenate([uproot.open(skim / one.path)[one.tree].arrays() for one in files])
    every = ak.concatenate(
        [uproot.open(f"{path}:Tree3Mu/ntuple").arrays(kept.fields) for path in demo]
    )
    places = {number: index for index, number in enumerate(_numbers(every))}
    selected = every[[places[number] for number in _numbers(kept)]]
    assert len(kept) == rows(parent)[3]["events"]
    assert kept.type == selected.type
    assert ak.array_equal(kept, selected, equal_nan=True)


def test_copied_clusters_are_what_is_written_anew(skim, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tau3mu.derived.pages", None)  # as of another uproot
    folder = tmp_path / "parent"
    how = {"skim": ["dsphipi.vertex"], "chunk_size": 1500, "no_fit": True}
    tau3mu.run("demo", [DsPhiPi(), tight()], output=folder, **how)
    anew, copied = (
        uproot.open(place / "demo_1.root")
        for place in (folder / "derived" / "dsphipi_vertex", skim)
    )
    tree = read_derived(skim).datasets["demo"].files[0].tree
    assert copied[tree].header.checksum == anew[tree].header.checksum
    clusters = [
        [one.num_entries for one in file[tree].cluster_summaries] for file in (copied, anew)
    ]
    assert clusters[0] == clusters[1]
    assert len(clusters[0]) > 1
    one, two = copied[tree].arrays(), anew[tree].arrays()
    assert one.type == two.type
    for name in one.fields:
        assert ak.to_buffers(one[name])[2].keys() == ak.to_buffers(two[name])[2].keys()
        for key, buffer in ak.to_buffers(one[name])[2].items():
            assert buffer.tobytes() == ak.to_buffers(two[name])[2][key].tobytes(), name


def test_parts_with_other_fields_are_not_joined(tmp_path):
    paths = [tmp_path / name for name in ("one.root", "two.root")]
    for path, value in zip(paths, (1, 1.5), strict=True):
        with uproot.recreate(path) as file:
            file.mkrntuple("t", {"x": [value]})
    with uproot.recreate(tmp_path / "both.root") as file, raises("derived.different-types"):
        copy_clusters(
            file.mkrntuple("t", {"x": ak.Array([1]).type.content}),
            [uproot.open(path)["t"] for path in paths],
        )


def _numbers(events):
    return list(zip(*(events[name].tolist() for name in ("run", "lumi", "evt")), strict=True))


@pytest.mark.integration
def test_bare_files_and_subsets_have_their_own_rows(parent, skim, read, tmp_path, monkeypatch):
    monkeypatch.setattr("tau3mu.derived.merging.FILE_MB", 1e-6)
    folder = tmp_path / "parent"
    tau3mu.run("demo", skim=["vertex"], no_fit=True, chunk_size=3000, output=folder)
    files = sorted((folder / "derived" / "dsphipi_vertex").glob("*.root"))
    assert [file.name for file in files] == [f"demo_{number}.root" for number in (1, 2, 3, 4)]
    moved = [shutil.copy(file, tmp_path / f"any{number}.root") for number, file in enumerate(files)]
    found = [read(dataset_from_files([str(file)])) for file in moved]
    assert all(rows(one)[0]["events"] == 3000 for one in found)
    together = read(dataset_from_files([str(file) for file in moved]))
    for row in range(len(rows(together))):
        for key in ("events", "candidates", "sumw"):
            assert rows(together)[row][key] == sum(rows(one)[row][key] for one in found)
    assert rows(together)[:4] == rows(read(skim))[:4]
    assert rows(read(dataset_from_files([str(moved[0]), str(moved[2])])))[0]["events"] == 6000


def test_an_empty_skim_is_files_with_rows(read, tmp_path):
    none = DsPhiPi(name="none", mass_window=[1.0, 1.01])
    folder = tmp_path / "parent"
    first = tau3mu.run("demo", none, skim=["vertex"], no_fit=True, output=folder)
    record = read_derived(folder / "derived" / "none_vertex")
    assert [file.entries for file in record.datasets["demo"].files] == [0]
    assert rows(first, "none")[3]["events"] == 0
    found = read(folder / "derived" / "none_vertex", none)
    assert rows(found, "none")[0] == {**rows(first, "none")[0], "name": "parent:all"}
    assert [row["events"] for row in rows(found, "none")[3:]] == [0] * 10
    again = read(folder / "derived" / "none_vertex", none, skim=["phi"])
    file = again.folder / "derived" / "none_phi" / "demo_1.root"
    third = read(dataset_from_files([str(file)]), none)
    assert rows(third, "none")[0]["events"] == rows(first, "none")[0]["events"]


def test_root_counts_the_same(skim, read):
    """The numbers are those of `benchmarks/peers/rdataframe.py` on the skim of the demo.

    With ROOT 6.38, `RDataFrame("Tree3Mu/ntuple", "demo_1.root").Count()` and the sum of
    `Sum(Triplet2_Mass > -90)` gave the first two, and the peer's cutflow the others.
    """
    found = rows(read(skim))[4:]
    assert [found[0]["events"], found[0]["candidates"]] == [9204, 21185]
    counted = {"vertex": 9204, "acceptance": 4182, "deltaR": 4182, "id_ip": 2646, "phi": 1930}
    assert {row["name"]: row["events"] for row in found[3:]} == {**counted, "trigmatch": 1480}


@pytest.mark.integration
def test_a_short_view_has_no_rows_of_a_parent(skim, read):
    found = read(f"{skim / 'dataset.json'}@short:0.1")
    assert [row["name"] for row in rows(found)[:4]] == STEPS
    assert rows(found)[0]["events"] == 921
    assert found.warnings


@pytest.mark.integration
def test_a_skim_of_another_layout(read, tmp_path, same_candidates):
    generate([str(tmp_path / "toys"), "--events", "3000", "--layout", "nano", "--workers", "1"])
    files = [str(path) for path in (tmp_path / "toys").iterdir()]
    parent = read(dataset_from_files(files), [DsPhiPi(), tight()], skim=["dsphipi.l1"])
    skim = parent.folder / "derived" / "dsphipi_l1"
    found = read(skim, [DsPhiPi(), tight()])
    for name in ("dsphipi", "tight"):
        same_candidates(parent[name].candidates, found[name].candidates)
    assert {one.layout for one in found.manifest.inputs} == {"nano"}
    with raises("derived.looser-cut"):
        read(skim, DsPhiPi(name="x", hlt_paths=[*HLT_PATHS, "HLT_Mu7"]))
    with raises("derived.missing-trigger", path="hlt.HLT_Mu7"):
        read(skim, Other())


class Other(CutProcessor):
    """A processor of another class, which reads a trigger that the skim lacks."""

    name = "other"
    collection = "triplet"
    columns = ("hlt.HLT_Mu7", f"hlt.{HLT_PATHS[0]}", "run", "lumi", "event", "triplet.mass")
    output = ("mass",)

    @event_cut("hlt")
    def hlt(self, events):
        return fired(events.hlt, "HLT_Mu7")


@pytest.mark.integration
@pytest.mark.parametrize("per_run", [False, True])
@pytest.mark.parametrize("step", ["vertex", "all"])
def test_a_skim_of_certified_data(read, tmp_path, same_candidates, per_run, step):
    file = tmp_path / "certified.json"
    file.write_text('{"297057": [[2, 3]], "297059": [[1, 4]]}')
    how = {"certification": file, "per_run": per_run, "chunk_size": 2500}
    parent = read("demo", skim=[step], **how)
    skim = parent.folder / "derived" / f"dsphipi_{step}"
    found = read(skim)
    names = ["all", "certified", "hlt", "l1", "vertex"]
    known = names if step == "vertex" else names[:2]
    before = rows(parent)[: len(known)]
    assert [row["name"] for row in before] == known
    assert rows(found)[: len(known)] == [{**row, "name": f"parent:{row['name']}"} for row in before]
    assert rows(found)[len(known)]["events"] == before[-1]["events"] < before[0]["events"] == 12000
    same_candidates(parent["dsphipi"].candidates, found["dsphipi"].candidates)
