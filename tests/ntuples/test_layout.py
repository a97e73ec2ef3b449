from __future__ import annotations

import pytest
import uproot
from errors import raises

from tau3mu.ntuples.detection import detect_layout
from tau3mu.ntuples.layout import layout, layouts


def test_two_layouts_ship_and_give_the_same_view():
    trigger = ("hlt.", "l1.")
    views = {
        name: {view for view in layout(name).by_view if not view.startswith(trigger)}
        for name in ("nano", "t3m")
    }
    assert views["nano"] == views["t3m"]
    assert len(views["t3m"]) == 291


def test_t3m_knows_every_branch_of_a_real_skim_with_its_type(skim):
    tree = uproot.open(skim[0])["Tree3Mu/ntuple"]
    real = {
        name: str(branch.interpretation.awkward_form(None).type) for name, branch in tree.items()
    }
    assert {branch.name: branch.type for branch in layout("t3m").branches} == real
    assert len(real) == 296


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


@pytest.mark.parametrize("name", ["t3m", "nano"])
def test_layouts_are_detected_by_their_branches(name):
    branches = [branch.name for branch in layout(name).branches if "*" not in branch.name]
    found = detect_layout(branches)
    assert found is not None
    assert found.name == name


def test_foreign_branches_have_no_layout():
    assert detect_layout(["Jet_pt", "MET"]) is None
