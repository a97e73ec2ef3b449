from __future__ import annotations

import awkward as ak
import pytest

from tau3mu.ntuples import fired

NAMES = [
    ["HLT_DoubleMu3_Trk_Tau3mu_v2", "HLT_DoubleMu3_Trk_Tau3mu_NoL1Mass_v2"],
    ["HLT_Dimuon0_v1", "HLT_DoubleMu3_Trk_Tau3mu_v11"],  # another run, another menu
    ["HLT_DoubleMu3_Trk_Tau3mu_NoL1Mass_v2"],
    [],
]


@pytest.mark.parametrize(
    ("decisions", "expected"),
    [
        ([[True, False], [False, True], [True], []], [True, True, False, False]),
        ([[False, True], [True, False], [True], []], [False, False, False, False]),
    ],
)
def test_lists_of_names_are_searched_by_name_never_by_position(decisions, expected):
    triggers = ak.zip({"name": ak.Array(NAMES), "decision": ak.Array(decisions)})
    assert fired(triggers, "HLT_DoubleMu3_Trk_Tau3mu_v").tolist() == expected


def test_any_of_several_patterns_is_enough():
    triggers = ak.zip(
        {
            "name": ak.Array([["L1_DoubleMu0", "L1_SingleMu7"], ["L1_TripleMu_5", "L1_SingleMu7"]]),
            "decision": ak.Array([[False, True], [True, False]]),
        }
    )
    assert fired(triggers, "L1_DoubleMu", "L1_TripleMu").tolist() == [False, True]


def test_flags_without_version_mean_exactly_that_path():
    flags = ak.zip(
        {
            "HLT_DoubleMu3_Trk_Tau3mu": ak.Array([True, False, False]),
            "HLT_DoubleMu3_Trk_Tau3mu_NoL1Mass": ak.Array([True, True, False]),
        }
    )
    assert fired(flags, "HLT_DoubleMu3_Trk_Tau3mu_v").tolist() == [True, False, False]
    assert fired(flags, "HLT_DoubleMu3").tolist() == [True, True, False]
    assert fired(flags, "HLT_Nothing").tolist() == [False, False, False]
