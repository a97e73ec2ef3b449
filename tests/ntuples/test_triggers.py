from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from errors import raises

from tau3mu.ntuples import fired
from tau3mu.ntuples.triggers import matches, used_triggers

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


STORED = {
    "uint8": np.array([0, 1, 1, 0], np.uint8),
    "int32": np.array([0, 1, 1, 0], np.int32),
    "uint64": np.array([0, 1, 1, 0], np.uint64),
    "float32": np.array([0, 1, 1, np.nan], np.float32),
    "option": ak.Array([None, True, True, False]),
    "option of numbers": ak.Array([None, 1, 1, 0]),
    "indexed": ak.Array([1, 0, 1])[[1, 0, 2, 1]],
}


@pytest.mark.parametrize("stored", STORED.values(), ids=STORED)
def test_decisions_of_any_type_give_booleans(stored):
    flags = ak.zip({"HLT_A": stored, "HLT_B": np.array([False, False, False, False])})
    lists = ak.zip({"name": [["HLT_A_v1"]] * 4, "decision": ak.unflatten(stored, 1)})
    for triggers in (flags, lists):
        for answer in (fired(triggers, "HLT_A"), fired(triggers, "HLT_A_v"), fired(triggers, "X")):
            assert str(answer.type) == "4 * bool"
        assert fired(triggers, "HLT_A_v").tolist() == [False, True, True, False]
        assert np.arange(4)[fired(triggers, "HLT_A_v")].tolist() == [1, 2]


def test_two_numbers_are_not_added_up_to_another_decision():
    flags = ak.zip({"HLT_A": np.array([2, 1, 0], np.uint8), "HLT_B": np.array([1, 0, 0], np.int8)})
    assert fired(flags, "HLT_").tolist() == [True, True, False]


@pytest.mark.parametrize("stored", [[["a"], []], ["yes", "no"], [[True], [False, True]]], ids=str)
def test_what_is_no_decision_is_refused_by_name(stored):
    flags = ak.zip({"HLT_A": ak.Array(stored)}, depth_limit=1)
    with raises("ntuples.no-decision", path="HLT_A"):
        fired(flags, "HLT_A")
    assert fired(flags, "HLT_B").tolist() == [False, False]


@pytest.mark.parametrize(
    ("name", "exact", "contained"),
    [
        ("HLT_DoubleMu3", True, True),
        ("HLT_DoubleMu3_v", True, True),
        ("HLT_DoubleMu3_v12", True, True),
        ("Trigger_HLT_DoubleMu3_v", True, True),
        ("Trigger_HLT_DoubleMu3", True, True),
        ("HLT_DoubleMu3_Trk", False, True),
        ("HLT_DoubleMu3_Trk_v1", False, True),
        ("HLT_DoubleMu3_vX", False, True),
        ("HLT_Mu3", False, False),
    ],
)
def test_a_pattern_with_a_version_means_one_path(name, exact, contained):
    assert matches(name, "HLT_DoubleMu3_v") is exact
    assert matches(name, "HLT_DoubleMu3") is contained


@pytest.mark.parametrize("n_events", [4, 30_000])
def test_the_triggers_that_patterns_stand_for_are_told(n_events):
    menus = [["HLT_A_v1", "HLT_B_v1"], ["HLT_A_v2", "HLT_A_B_v1"], ["HLT_Long_v1"], []]
    names = ak.Array(menus * (n_events // 4))
    lists = ak.zip({"name": names, "decision": ak.ones_like(ak.num(names))})
    flags = ak.zip({"L1_A": np.zeros(n_events, np.uint8), "L1_A_B": np.zeros(n_events, np.uint8)})
    events = ak.zip({"hlt": lists, "l1": flags, "run": np.zeros(n_events)}, depth_limit=1)
    columns = ["run", "hlt.HLT_A", "hlt.HLT_A_v", "hlt.HLT_C", "l1.L1_A", "l1.L1_A_B"]
    assert used_triggers(events, columns) == {
        "hlt.HLT_A": ["HLT_A_B_v1", "HLT_A_v1", "HLT_A_v2"],
        "hlt.HLT_A_v": ["HLT_A_v1", "HLT_A_v2"],
        "hlt.HLT_C": [],
        "l1.L1_A": ["L1_A", "L1_A_B"],
        "l1.L1_A_B": ["L1_A_B"],
    }
    assert used_triggers(events[:0], ["hlt.HLT_A"]) == {"hlt.HLT_A": []}
