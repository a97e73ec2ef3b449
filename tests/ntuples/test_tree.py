"""Trees of which only some branches are looked at."""

from __future__ import annotations

import pytest
import uproot
from uproot.interpretation.identify import UnknownInterpretation

from tau3mu.ntuples.tree import open_file

TREE = "Tree3Mu/ntuple"


@pytest.mark.parametrize(
    "wanted",
    [{"MuonPt"}, {"Trigger_hltname", "Track_dz"}, set(), {"evt", "Triplet2_Mass"}],
    ids=str,
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
        scalars = {b.name for b in standard.branches if type(b).__name__ == "Model_TBranch_v13"}
        # The first branch of vectors names the class of the leaves, so it is always read.
        first = next(b.name for b in standard.branches if b.name not in scalars)
        assert readable == wanted | scalars | {first}


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


def test_uproot_itself_is_left_as_it_is(skim):
    with open_file(str(skim[0]), {"MuonPt"}.__contains__) as file:
        _ = file.root_directory[TREE]
    with uproot.open(skim[0]) as whole:
        branch = whole[TREE]["MuonEta"]
        assert type(branch.interpretation) is uproot.AsJagged
        assert len(branch.array()) == 1500
