from __future__ import annotations

import re
from pathlib import Path

import awkward as ak
import pytest
import uproot
from errors import raises

import tau3mu
from tau3mu.ntuples.detection import detect_layout
from tau3mu.ntuples.layout import layout, layouts

SKIMS = Path(__file__).parents[1] / "data" / "skim"
TRIGGERS = ("hlt", "l1.")


def test_two_layouts_ship_and_give_the_same_view():
    trigger = ("hlt.", "l1.")
    views = {
        name: {view for view in layout(name).by_view if not view.startswith(trigger)}
        for name in ("nano", "t3m")
    }
    assert views["nano"] == views["t3m"]
    assert len(views["t3m"]) == 291


@pytest.mark.parametrize(
    ("name", "file", "tree", "number"),
    [
        ("t3m", "Tree_PhiPi_1.root", "Tree3Mu/ntuple", 296),
        ("t3m_tau", "TreeData_1.root", "TreeMakerBkg/ntuple", 308),
    ],
)
def test_tables_know_every_branch_of_real_skims_with_its_type(name, file, tree, number):
    branches = uproot.open(SKIMS / file)[tree].items()
    real = {one: str(branch.interpretation.awkward_form(None).type) for one, branch in branches}
    assert {row.name: row.type for row in layout(name).branches} == real
    assert len(real) == number


@pytest.mark.parametrize(
    ("name", "older", "more", "gone"),
    [
        ("t3m_run3", "t3m", 31, set()),
        ("t3m_tau_run3", "t3m_tau", 34,
         {"GenParticle_GrandMotherPdgId", "Trigger_l1decision",
          *(f"Vtx{pair}_Mass" for pair in ("12", "13", "23"))}),
    ],
)  # fmt: skip
def test_skims_of_run_3_have_more_branches_and_the_same_columns(name, older, more, gone):
    new, old = layout(name).by_name, layout(older).by_name
    assert old.keys() - new.keys() == gone
    assert len(new.keys() - old.keys()) == more
    assert all(new[one] == old[one] for one in new.keys() & old.keys())
    assert layout(name).by_view["muon.match2_pull_dydz"].missing == (-99,)
    assert layout(name).by_view["l1.decision"].flag
    for columns in ((), {"muon.pt", "triplet.mass"}):
        for branches, expected in ((new, name), (old, older)):
            assert detect_layout(branches, columns).name == expected


def test_the_demo_has_the_columns_that_the_reference_lists():
    """The table of the page, which has no row for what a user would look for in vain."""
    page = (SKIMS.parents[2] / "docs" / "reference" / "events.md").read_text("utf-8")
    table = page.partition("### What the demo has")[2].partition("It has no `gen`")[0]
    rows = dict(re.findall(r"^\| `?(\w[\w ]*?)`? \| (.*) \|$", table, re.MULTILINE))
    (dataset,) = tau3mu.datasets("demo")
    (demo, tree), *_ = dataset.files.items()
    branches = uproot.open(demo)[tree].keys()
    assert len(branches) == 72
    views = {row.view for row in layout("t3m").branches if row.name in branches}
    for collection in ("muon", "track", "triplet"):
        there = {v.removeprefix(f"{collection}.") for v in views if v.startswith(f"{collection}.")}
        there = {name for name in there if "." not in name and not name.startswith("flight_")}
        assert set(re.findall(r"`(\w+)`", rows[collection])) == there
    assert not any(view.startswith(("gen.", "trigger_object")) for view in views)


def test_the_search_has_the_columns_of_the_control_channel():
    """What both skims have is called the same, but for the third leg, which is a muon."""
    ours, others = (set(layout(name).by_view) for name in ("t3m_tau", "t3m"))
    differ = {view for view in others - ours if not view.startswith(("raw.", "track."))}
    assert {view.replace("triplet.track.", "triplet.mu3.") for view in differ} - ours == {
        *("gen.is_b", "gen.is_b_decay", "gen.is_ds", "n_triplets_selected"),
        *(f"trigger_object_dimuon.{name}" for name in ("pt", "eta", "phi")),
        "triplet.selected_index",
    }


def test_candidates_of_the_search_are_read_without_pads():
    columns = layout("t3m_tau").by_view
    path = SKIMS / "TreeData_1.root"
    events = ak.materialize(tau3mu.events(path, {c for c in columns if c[:3] not in TRIGGERS}))
    names = ["Triplet_Mass", "Mu3_Pt", "Mu2_IsGlobal", "TripletVtx_cov", "Triplet_mindca_iso"]
    raw = uproot.open(path)["TreeMakerBkg/ntuple"].arrays([*names, "PhotonPt", "Muon_simPdgId"])
    real = raw.Triplet_Mass != -99
    triplets = events.triplet
    assert 0 < ak.sum(ak.num(triplets)) == ak.sum(real) < ak.count(raw.Triplet_Mass)
    assert ak.all(triplets.mass == raw.Triplet_Mass[real])
    assert ak.all(triplets.mu3.pt == raw.Mu3_Pt[real])
    assert ak.all(triplets.mu2.is_global == (raw.Mu2_IsGlobal[real] != 0))
    assert ak.all(triplets.vertex_covariance == raw.TripletVtx_cov[real])
    dca = raw.Triplet_mindca_iso[real]
    assert ak.all(ak.fill_none(triplets.min_dca_iso, 9999) == dca)
    assert ak.all(events.photon.pt == raw.PhotonPt)
    assert ak.all(events.muon.pdg_id == raw.Muon_simPdgId)


def test_every_view_and_every_branch_is_named_once():
    for table in layouts().values():
        assert len(table.by_view) == len(table.branches)
        assert len({branch.name for branch in table.branches}) == len(table.branches)


def test_resolve_adds_the_branch_that_marks_pads():
    assert list(layout("t3m").resolve(["triplet.mu1.pt"], [])) == ["Mu01_Pt", "Triplet2_Mass"]
    assert list(layout("t3m").resolve(["muon.pt"], [])) == ["MuonPt"]


def test_resolve_reads_the_trigger_lists_or_the_flags_asked_for():
    columns = ["hlt.HLT_DoubleMu3_Trk_Tau3mu_v", "l1.L1_TripleMu"]
    assert list(layout("t3m").resolve(columns, [])) == [
        "Trigger_l1name",
        "Trigger_l1decision",
        "Trigger_hltname",
        "Trigger_hltdecision",
    ]
    available = [
        "HLT_DoubleMu3_Trk_Tau3mu",
        "HLT_DoubleMu3_Trk_Tau3mu_NoL1Mass",
        "L1_TripleMu_5_3",
        "L1_TripleMu_0",
        "L1_SingleMu7",
        "Muon_pt",
    ]
    assert set(layout("nano").resolve(columns, available)) == {
        "HLT_DoubleMu3_Trk_Tau3mu",
        "L1_TripleMu_5_3",
        "L1_TripleMu_0",
    }


def test_a_trigger_without_a_branch_is_resolved_to_a_name_that_is_not_there():
    assert list(layout("nano").resolve(["l1.L1_TripleMu"], ["L1_SingleMu7"])) == ["L1_TripleMu"]


def test_an_unknown_column_is_an_error_with_a_suggestion():
    with raises("ntuples.unknown-column", path="muon.ptt", mentions=("t3m", "'muon.pt'")):
        layout("t3m").resolve(["muon.ptt"], [])


def test_an_unknown_layout_is_an_error_with_a_suggestion():
    with raises("ntuples.unknown-layout", path="nanno", mentions="'nano'"):
        layout("nanno")


@pytest.mark.parametrize("name", ["t3m", "t3m_tau", "nano"])
def test_layouts_are_detected_by_their_branches(name):
    branches = [branch.name for branch in layout(name).branches if "*" not in branch.name]
    found = detect_layout(branches)
    assert found is not None
    assert found.name == name


def test_foreign_branches_have_no_layout():
    assert detect_layout(["Jet_pt", "MET"]) is None
