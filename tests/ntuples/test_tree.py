"""Trees of which only some branches are looked at."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import uproot
from uproot.interpretation.identify import UnknownInterpretation

from tau3mu.ntuples.offsets import counters
from tau3mu.ntuples.open_files import open_file

TREE = "Tree3Mu/ntuple"


@pytest.mark.parametrize(
    "wanted",
    [{"MuonPt"}, {"Trigger_hltname", "Track_dz"}, set(), {"evt", "Triplet2_Mass"}],
    ids=lambda wanted: str(sorted(wanted)),
)
def test_branches_asked_for_are_complete_and_the_others_have_their_names(skim, wanted):
    with open_file(str(skim[0]), wanted.__contains__) as file, uproot.open(skim[0]) as whole:
        tree, standard = file.root_directory[TREE], whole[TREE]
        assert tree.keys() == standard.keys()
        assert tree.num_entries == standard.num_entries == 1500
        for name in wanted:
            assert tree[name].entry_offsets == standard[name].entry_offsets
            assert tree[name].array().to_list() == standard[name].array().to_list()
        readable = {n for n, kind in tree.typenames().items() if kind != "unknown"}
        assert readable == wanted


def test_a_branch_not_asked_for_says_so(skim):
    with open_file(str(skim[0]), {"MuonPt"}.__contains__) as file:
        branch = file.root_directory[TREE]["MuonEta"]
        assert (branch.name, branch.title) == ("MuonEta", "MuonEta")
        assert isinstance(branch.interpretation, UnknownInterpretation)
        assert "this branch was not asked for" in str(branch.interpretation)


def test_files_opened_for_different_branches_do_not_mix(skim):
    with (
        open_file(str(skim[0]), {"MuonPt"}.__contains__) as one,
        open_file(str(skim[0]), {"MuonEta"}.__contains__) as other,
    ):
        first, second = one.root_directory[TREE], other.root_directory[TREE]
        assert first["MuonPt"].typename == second["MuonEta"].typename == "std::vector<float>"
        assert first["MuonEta"].typename == second["MuonPt"].typename == "unknown"


def test_a_branch_that_begins_in_an_unusual_way_is_read_whole(tmp_path):
    """The length of a name of 255 and more characters does not fit into its byte."""
    names = {n: "x" * n for n in (1, 254, 255, 300)}
    with uproot.recreate(tmp_path / "long.root") as file:
        file.mktree("tree", dict.fromkeys(names.values(), np.int32))
        file["tree"].extend({name: np.arange(3) * n for n, name in names.items()})
    with open_file(str(tmp_path / "long.root"), {"x"}.__contains__) as file:
        tree = file.root_directory["tree"]
        assert tree.keys() == list(names.values())
        assert tree["x"].array().to_list() == [0, 1, 2]
        assert tree[names[254]].typename == "unknown"
        assert tree[names[300]].array().to_list() == [0, 300, 600]


def test_uproot_itself_is_left_as_it_is(skim):
    with open_file(str(skim[0]), {"MuonPt"}.__contains__) as file:
        _ = file.root_directory[TREE]
    with uproot.open(skim[0]) as whole:
        branch = whole[TREE]["MuonEta"]
        assert type(branch.interpretation) is uproot.AsJagged
        assert len(branch.array()) == 1500


@pytest.mark.parametrize(
    "wanted",
    [{"Muon_pt"}, {"run", "Triplet_mass"}, {"HLT_A"}],
    ids=lambda wanted: str(sorted(wanted)),
)
def test_a_tree_in_the_manner_of_nanoaod(tmp_path, wanted):
    rows = [[1.5, 2.5], [], [3.5]]
    branches = {
        "HLT_A": np.array([True, False, True]),
        "HLT_B": np.array([False, False, True]),
        "Muon": ak.zip({"charge": ak.Array([[1, -1], [], [1]]), "pt": ak.Array(rows)}),
        "Triplet": ak.zip({"mass": ak.Array(rows[::-1])}),
        "run": np.array([1, 2, 3], dtype=np.uint32),
    }
    with uproot.recreate(tmp_path / "nano.root") as file:
        file.mktree("Events", {name: ak.type(array) for name, array in branches.items()})
        file["Events"].extend(branches)
    with (
        open_file(str(tmp_path / "nano.root"), (wanted | counters(wanted)).__contains__) as mine,
        uproot.open(tmp_path / "nano.root") as whole,
    ):
        tree, standard = mine.root_directory["Events"], whole["Events"]
        assert tree.keys() == standard.keys()
        readable = {n for n, kind in tree.typenames().items() if kind != "unknown"}
        assert readable == wanted | ({"nMuon", "nTriplet"} & counters(wanted))
        for name in readable:
            assert tree[name].array().to_list() == standard[name].array().to_list()


def test_a_list_whose_counter_was_stepped_over_is_an_error(tmp_path):
    with uproot.recreate(tmp_path / "odd.root") as file:
        lists = ak.Array([[1.0], [2.0, 3.0]])
        file.mktree("Events", {"x": "var * float64"}, counter_name=lambda name: f"{name}_size")
        file["Events"].extend({"x": lists})
    with (
        open_file(str(tmp_path / "odd.root"), {"x"}.__contains__) as file,
        pytest.raises(ValueError, match="x is counted by x_size, expected nx"),
    ):
        _ = file.root_directory["Events"]
    with open_file(str(tmp_path / "odd.root"), {"x", "x_size"}.__contains__) as file:
        assert file.root_directory["Events"]["x"].array().to_list() == lists.to_list()


def test_counters_have_the_names_of_lists_or_of_their_collections():
    assert counters(["Muon_pt", "run"]) == {"nMuon", "nMuon_pt", "nrun"}
    assert counters(["Mu1_dR_Mu7"]) == {"nMu1", "nMu1_dR", "nMu1_dR_Mu7"}
