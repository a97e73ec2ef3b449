from __future__ import annotations

import awkward as ak
import numpy as np
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


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 2, 1, 0]])
def test_nothing_has_fired_in_an_event_that_is_masked(order):
    decisions = ak.Array([[True, False], [False, True], [True], []])
    triggers = ak.zip({"name": ak.Array(NAMES), "decision": decisions})
    masked = ak.mask(triggers, np.array([False, True, False, True]))[order]
    answers = [False, True, False, False]
    assert fired(masked, "HLT_DoubleMu3").tolist() == [answers[i] for i in order]


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
    masked = ak.mask(flags, np.array([False, True, True]))
    assert fired(masked, "HLT_DoubleMu3").tolist() == [False, True, False]
    assert fired(masked, "HLT_Nothing").tolist() == [False, False, False]


@pytest.mark.parametrize("changed", [None, "version", "order", "length"])
def test_menus_that_repeat_and_menus_that_change_give_what_a_loop_gives(changed):
    menu = ["L1_SingleMu7", "L1_DoubleMu0er1p5", "L1_TripleMu_5_3", "L1_DoubleMu_15_7"]
    other = {
        None: menu,
        "version": [*menu[:3], "L1_DoubleXu_15_7"],  # of the same length
        "order": menu[::-1],
        "length": menu[:2],
    }[changed]
    random = np.random.default_rng(3)
    names = [menu] * 20 + [other] * 5 + [menu] * 5
    decisions = [(random.random(len(row)) < 0.3).tolist() for row in names]
    triggers = ak.zip({"name": ak.Array(names), "decision": ak.Array(decisions)})
    keep = random.random(len(names)) < 0.8
    expected = [
        any(d and ("DoubleMu" in n or "TripleMu" in n) for n, d in zip(*event, strict=True))
        for event, kept in zip(zip(names, decisions, strict=True), keep, strict=True)
        if kept
    ]
    assert fired(triggers[keep], "L1_DoubleMu", "L1_TripleMu").tolist() == expected


def test_long_lists_of_names_that_nobody_has_shortened_are_searched_too():
    menu = ["L1_SingleMu7", "L1_DoubleMu0er1p5", "L1_TripleMu_5_3"]
    names = ak.Array([menu] * 4000)
    decisions = np.random.default_rng(4).random((4000, 3)) < 0.3
    triggers = ak.zip({"name": names, "decision": ak.Array(decisions.tolist())})
    expected = (decisions[:, 1] | decisions[:, 2]).tolist()
    assert fired(triggers, "L1_DoubleMu", "L1_TripleMu").tolist() == expected
    assert fired(triggers[:100], "L1_DoubleMu", "L1_TripleMu").tolist() == expected[:100]


def test_menus_of_files_are_searched_through_their_few_names(skim, events_of):
    events = events_of(skim[0], ["hlt.X", "l1.X"])
    for level in ("hlt", "l1"):
        triggers = events[level]
        strings = ak.to_layout(triggers.name).content
        assert strings.is_indexed
        assert len(strings.content) < len(strings) / 100
        pattern = triggers.name[0, 0]
        expected = [
            any(d and pattern in n for n, d in zip(names, decisions, strict=True))
            for names, decisions in zip(
                triggers.name.to_list(), triggers.decision.to_list(), strict=True
            )
        ]
        assert 0 < sum(expected) < 1500
        assert fired(triggers, pattern).tolist() == expected
        assert fired(triggers[::3], pattern).tolist() == expected[::3]
