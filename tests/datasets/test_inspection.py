from __future__ import annotations

import os
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot
from uproot.interpretation.identify import UnknownInterpretation

from tau3mu.datasets import Dataset, check_files, load_datasets
from tau3mu.ntuples.layout import layouts


def test_tree_is_parsed_once(demo_paths, monkeypatch):
    model = uproot.models.TTree.Model_TTree_v20
    original, parsed = model.read_members, []

    def count(self, *args):
        parsed.append(args)
        return original(self, *args)

    monkeypatch.setattr(model, "read_members", count)
    check_files([Dataset("d", {demo_paths[0]: None})], {"run", "muon.pt", "hlt.HLT_x"})
    assert len(parsed) == 1


def test_every_column_of_the_demo_has_the_type_of_the_layout(demo_paths):
    with uproot.open(demo_paths[0]) as file:
        names = set(file["Tree3Mu/ntuple"].keys())
    rows = [row for row in layouts()["t3m"].branches if row.name in names]
    columns = {row.view for row in rows if not row.view.startswith(("hlt.", "l1."))}
    (first, second) = check_files(load_datasets("demo"), columns | {"hlt.HLT_x", "l1.L1_x"})
    assert set(first.branches) == set(second.branches) == names - {"Trigger_l1prescale"}


def test_rntuple(t3m_file, t3m_columns):
    (checked,) = check_files([Dataset("d", {t3m_file(events=7): None})], t3m_columns)
    assert (checked.tree, checked.layout, checked.entries) == ("Tree3Mu/ntuple", "t3m", 7)
    assert checked.branches == (
        "MuonPt",
        "Trigger_hltdecision",
        "Trigger_hltname",
        "Triplet2_Mass",
        "evt",
        "run",
    )


def test_nano(nano_file, nano_columns):
    path = nano_file(events=5, triggers=["HLT_Tau3mu", "HLT_Tau3mu_Other", "L1_DoubleMu0"])
    (checked,) = check_files(
        [Dataset("d", {path: None})], nano_columns | {"hlt.HLT_Tau3mu_v", "l1.L1_DoubleMu"}
    )
    assert (checked.tree, checked.layout, checked.entries) == ("Events", "nano", 5)
    assert checked.branches == (
        "HLT_Tau3mu",
        "L1_DoubleMu0",
        "Muon_pt",
        "Triplet_mass",
        "event",
        "run",
    )


def test_tree_of_another_name(t3m_file, t3m_columns, problems_of):
    path = t3m_file(tree="Other/tree")
    (checked,) = check_files([Dataset("d", {path: "Other/tree"})], t3m_columns)
    assert (checked.tree, checked.layout) == ("Other/tree", "t3m")
    assert problems_of([path], t3m_columns) == [
        "has no tree Events or Tree3Mu/ntuple or TreeMakerBkg/ntuple; it holds Other/tree"
    ]
    assert problems_of({path: "Other/tee"}, t3m_columns) == [
        "has no tree Other/tee; it holds Other/tree"
    ]
    assert problems_of({path: "Other"}, t3m_columns) == [
        "Other is a TDirectory, expected a tree; the file holds Other/tree"
    ]


def test_two_known_trees(tmp_path, nano_file, problems_of, nano_columns):
    path = nano_file()
    with uproot.update(path) as file:
        file.mkdir("Tree3Mu").mktree("ntuple", {"run": "uint32"})
    assert problems_of([path], nano_columns) == [
        "holds the trees Events and Tree3Mu/ntuple; say which one to read"
    ]
    (checked,) = check_files([Dataset("d", {path: "Events"})], nano_columns)
    assert checked.tree == "Events"


def test_foreign_files(tmp_path, problems_of, nano_columns):
    with uproot.recreate(tmp_path / "h.root") as file:
        file["h"] = np.histogram([1.0])
    with uproot.recreate(tmp_path / "t.root") as file:
        file.mktree("data", {"mass": "float64"}).extend({"mass": np.ones(3)})
    paths = {f"{tmp_path}/h.root": None, f"{tmp_path}/t.root": "data"}
    assert problems_of(paths, nano_columns) == [
        "has no tree Events or Tree3Mu/ntuple or TreeMakerBkg/ntuple; it holds no tree at all",
        f"tree data has no branch of a known layout ({', '.join(layouts())})",
    ]


def test_missing_branches(t3m_file, t3m_columns, problems_of):
    renamed = t3m_file(drop=["Triplet2_Mass", "Trigger_hltdecision"], TripletMass=np.ones(10))
    assert problems_of([renamed], t3m_columns) == [
        (
            "tree Tree3Mu/ntuple (layout t3m) lacks 'Trigger_hltdecision' for hlt.decision, "
            "'Triplet2_Mass' for triplet.mass (did you mean 'TripletMass'?)"
        )
    ]


def test_unknown_column(t3m_file, t3m_columns, problems_of):
    assert problems_of([t3m_file()], t3m_columns | {"muon.ptt"}) == [
        (
            "layout t3m has no column 'muon.ptt' (did you mean 'muon.pt'?), and the tree no branch "
            "'muon_ptt'"
        )
    ]


def jagged(kind):
    return ak.unflatten(np.ones(20, dtype=kind), np.full(10, 2))


@pytest.mark.parametrize(
    ("branch", "array", "found", "expected"),
    [
        ("evt", np.ones(10, dtype=np.float32), "float32", "uint32"),
        ("MuonPt", jagged(np.float64), "var * float64", "var * float32"),
        ("MuonPt", np.ones(10, dtype=np.float32), "float32", "var * float32"),
        ("Trigger_hltname", jagged(np.int32), "var * int32", "var * string"),
    ],
)
def test_wrong_type_in_rntuple(t3m_file, t3m_columns, branch, array, found, expected, problems_of):
    assert problems_of([t3m_file(**{branch: array})], t3m_columns) == [
        f"branch {branch!r} is {found}, expected {expected} (layout t3m)"
    ]


@pytest.mark.parametrize(
    ("branch", "found", "expected"),
    [
        ("run", "float32", "uint32"),
        ("Muon_pt", "var * float64", "var * float32"),
        ("Muon_pt", "float32", "var * float32"),
        ("HLT_Tau3mu", "var * int32", "bool"),
    ],
)
def test_wrong_type_in_ttree(nano_file, branch, found, expected, problems_of, nano_columns):
    path = nano_file(**{"HLT_Tau3mu": "bool", branch: found})
    assert problems_of([path], nano_columns | {"hlt.HLT_Tau3mu_v"}) == [
        f"branch {branch!r} is {found}, expected {expected} (layout nano)"
    ]


def test_branches_that_are_not_read_may_be_of_any_type(t3m_file, t3m_columns):
    path = t3m_file(lumi=np.ones(10), MuonEta=jagged(np.int32))
    (checked,) = check_files([Dataset("d", {path: None})], t3m_columns)
    assert not {"lumi", "MuonEta"} & set(checked.branches)


def test_branch_that_uproot_cannot_interpret(nano_file, monkeypatch, problems_of, nano_columns):
    original = uproot.interpretation.identify.interpretation_of

    def refuse(branch, *args, **options):
        if branch.name == "run":
            reason = "odd type"
            raise UnknownInterpretation(reason, branch.file.file_path, branch.object_path)
        return original(branch, *args, **options)

    monkeypatch.setattr(uproot.interpretation.identify, "interpretation_of", refuse)
    assert problems_of([nano_file()], nano_columns) == [
        "branch 'run' is nothing that can be read, expected uint32 (layout nano)"
    ]


def test_no_trigger_of_a_level(nano_file, problems_of, nano_columns):
    path = nano_file(triggers=["L1_SingleMu", "HLT_A"])
    columns = nano_columns | {"l1.L1_DoubleMu", "l1.L1_TripleMu", "hlt.HLT_A_v"}
    assert problems_of([path], columns) == [
        (
            "tree Events (layout nano) lacks 'L1_DoubleMu' for l1.L1_DoubleMu, 'L1_TripleMu' for "
            "l1.L1_TripleMu"
        )
    ]


def test_empty_rntuple_is_checked_too(t3m_file, t3m_columns, problems_of):
    full = t3m_file("a.root")
    good = t3m_file("b.root", events=0)
    checked = check_files([Dataset("d", dict.fromkeys([full, good]))], t3m_columns)
    assert [file.entries for file in checked] == [10, 0]
    bad = t3m_file("c.root", events=0, run=np.ones(1, dtype=np.float32))
    assert problems_of([full, bad], t3m_columns) == [
        "branch 'run' is float32, expected uint32 (layout t3m)"
    ]


@pytest.mark.parametrize("tenth", range(1, 10))
def test_cut_file(demo_paths, tmp_path, tenth, problems_of):
    content = Path(demo_paths[0]).read_bytes()
    path = tmp_path / "cut.root"
    path.write_bytes(content[: len(content) * tenth // 10])
    size = path.stat().st_size
    assert problems_of([str(path)], {"run"}) == [
        f"is cut: {size} bytes, expected 6278791; copy it again"
    ]


def test_last_byte_cut(demo_paths, tmp_path, problems_of):
    path = tmp_path / "cut.root"
    path.write_bytes(Path(demo_paths[0]).read_bytes()[:-1])
    assert problems_of([str(path)], {"run"}) == [
        "is cut: 6278790 bytes, expected 6278791; copy it again"
    ]


def test_bytes_after_the_end_do_no_harm(nano_file, nano_columns):
    path = Path(nano_file(events=4))
    path.write_bytes(path.read_bytes() + b"\0" * 100)
    (checked,) = check_files([Dataset("d", {str(path): None})], nano_columns)
    assert checked.entries == 4


def test_no_root_files(tmp_path, problems_of, nano_columns):
    (tmp_path / "empty.root").touch()
    (tmp_path / "page.root").write_text("<!DOCTYPE html>" + "<p>login</p>" * 100)
    (tmp_path / "folder.root").mkdir()
    (tmp_path / "link.root").symlink_to(tmp_path / "nowhere")
    names = ["empty", "page", "folder", "link", "missing"]
    empty = "expected Chunk of length 403, received 0 bytes from LocalSource"
    assert problems_of([f"{tmp_path}/{name}.root" for name in names], nano_columns) == [
        f"cannot be read: OSError: {empty}",
        "cannot be read: ValueError: not a ROOT file: first four bytes are b'<!DO'",
        "cannot be read: Is a directory",
        "no such file: check the path and the prefix",
        "no such file: check the path and the prefix",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(nano_file, problems_of, nano_columns):
    path = nano_file()
    Path(path).chmod(0)
    assert problems_of([path], nano_columns) == ["cannot be read: Permission denied"]


def test_files_of_a_server(server, nano_file, tmp_path, problems_of, nano_columns):
    content = Path(nano_file("good.root")).read_bytes()
    (tmp_path / "cut.root").write_bytes(content[:-10])
    (tmp_path / "page.root").write_text("<html>" + "<p>login</p>" * 100)
    urls = [f"{server}/{name}.root" for name in ("cut", "page", "missing", "403/good")]
    lines = problems_of(urls, nano_columns)
    assert lines[0].startswith(f"is cut: {len(content) - 10} bytes, expected {len(content)}")
    assert lines[1:3] == [
        "cannot be read: ValueError: not a ROOT file: first four bytes are b'<htm'",
        "no such file: check the path and the prefix",
    ]
    assert lines[3] == (
        "cannot be read: the server answers 403 Forbidden; check that you may read it"
    )
    (checked,) = check_files([Dataset("d", {f"{server}/good.root": None})], nano_columns)
    assert checked.entries == 10
