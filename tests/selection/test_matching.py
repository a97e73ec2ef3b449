from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import vector

from tau3mu.selection import Match, match, rows_of

vector.register_awkward()


def momenta(events):
    return ak.zip(
        {
            name: ak.Array([[m[i] for m in event] for event in events]) * 1.0
            for i, name in enumerate(("pt", "eta", "phi"))
        },
        with_name="Momentum3D",
    )


MUON, OTHER = (5.123456789, 0.3, 1.0), (4.0, -1.2, -3.1)


def as_float(momentum):
    return tuple(float(np.float32(x)) for x in momentum)


def find(legs, objects):
    """Matches legs and objects given by event; the index counts the objects of the event."""
    event = np.repeat(np.arange(len(legs)), [len(one) for one in legs])
    found = match(ak.flatten(momenta(legs)), event, momenta(objects))
    before = np.cumsum([0, *(len(one) for one in objects)])
    index = [i - before[e] if i >= 0 else None for i, e in zip(found.index, event, strict=True)]
    return index, found


def test_a_leg_finds_the_object_it_is_a_copy_of():
    index, found = find([[MUON, OTHER]], [[as_float(OTHER), as_float(MUON)]])
    assert index == [1, 0]
    assert found.counts() == {"legs": 2, "inexact": 0, "unmatched": 0, "ambiguous": 0}


def test_only_objects_of_the_same_event_are_asked():
    index, found = find([[MUON], [OTHER], [OTHER]], [[OTHER, OTHER], [MUON], [MUON, OTHER]])
    assert index == [None, None, 1]
    assert found.index.tolist() == [-1, -1, 4]
    taken = found.take(np.array([10, 11, 12, 13, 14]))
    assert taken.tolist() == [None, None, 14]
    objects = rows_of(ak.zip({"x": [[10, 11], [12], [13, 14]]})).rows
    assert found.column(objects, "x").tolist() == [None, None, 14]
    again = Match.of(found.columns())
    assert again.take(np.array([True, False, True, False, True])).tolist() == [None, None, True]
    assert again.counts() == found.counts()


def test_no_match_is_none_and_never_the_first_object():
    index, found = find([[MUON], [MUON]], [[OTHER], []])
    assert index == [None, None]
    assert found.counts()["unmatched"] == 2


def test_the_same_pt_in_another_direction_is_no_match():
    assert find([[MUON]], [[(MUON[0], MUON[1], 2.0)]])[0] == [None]


def test_within_the_tolerance_the_closest_is_taken():
    near = (MUON[0] * (1 + 5e-5), MUON[1] + 5e-5, MUON[2])
    nearer = (MUON[0] * (1 - 9e-5), MUON[1], MUON[2] - 2e-5)
    beyond = (MUON[0], MUON[1] + 1.1e-4, MUON[2])
    index, found = find([[MUON]], [[beyond, near, nearer]])
    assert index == [2]
    assert found.counts() == {"legs": 1, "inexact": 1, "unmatched": 0, "ambiguous": 1}


def test_an_exact_match_wins_over_a_close_one_before_it():
    near = (MUON[0], MUON[1] + 5e-5, MUON[2])
    index, found = find([[MUON]], [[near, MUON]])
    assert index == [1]
    assert found.counts() == {"legs": 1, "inexact": 0, "unmatched": 0, "ambiguous": 0}


def test_two_equal_objects_are_ambiguous_and_the_first_is_taken():
    index, found = find([[MUON]], [[OTHER, MUON, MUON]])
    assert index == [1]
    assert found.counts()["ambiguous"] == 1


def test_phi_is_compared_across_the_boundary():
    index, found = find([[(3.0, 0.1, np.pi - 2e-5)]], [[(3.0, 0.1, -np.pi + 2e-5)]])
    assert index == [0]
    assert found.counts()["inexact"] == 1


def test_events_without_legs_have_no_matches():
    nothing = momenta([[MUON]])[:, :0]
    found = match(ak.flatten(nothing), np.zeros(0, dtype=np.int64), momenta([[MUON]]))
    assert found.index.tolist() == []
    assert found.counts()["legs"] == 0


@pytest.mark.parametrize("pt", [5.0, 5.0001])
def test_of_equal_objects_the_first_is_taken(pt):
    """Whether the match is exact or not."""
    twins = momenta([[(9.0, 0.5, 1.0), *[(5.0, 0.5, 1.0)] * 3]])
    found = match(momenta([[(pt, 0.5, 1.0)]])[0], np.array([0]), twins)
    assert found.index.tolist() == [1]
    assert found.exact.tolist() == [pt == 5.0]
    assert found.n_alike.tolist() == [3]


def test_of_objects_as_close_on_both_sides_the_first_is_taken():
    sides = momenta([[(5.0, 0.5 + shift, 1.0) for shift in (2**-15, -(2**-15), 2**-14)]])
    found = match(momenta([[(5.0, 0.5, 1.0)]])[0], np.array([0]), sides)
    assert (found.index.tolist(), found.n_alike.tolist()) == ([0], [3])
