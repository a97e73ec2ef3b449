from __future__ import annotations

import awkward as ak
import numpy as np
import vector

from tau3mu.selection import match

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


def test_a_leg_finds_the_object_it_is_a_copy_of():
    found = match(momenta([[MUON, OTHER]]), momenta([[as_float(OTHER), as_float(MUON)]]))
    assert found.index.tolist() == [[1, 0]]
    assert found.counts() == {"legs": 2, "inexact": 0, "unmatched": 0, "ambiguous": 0}


def test_no_match_is_none_and_never_the_first_object():
    found = match(momenta([[MUON], [MUON]]), momenta([[OTHER], []]))
    assert found.index.tolist() == [[None], [None]]
    assert found.counts()["unmatched"] == 2


def test_the_same_pt_in_another_direction_is_no_match():
    found = match(momenta([[MUON]]), momenta([[(MUON[0], MUON[1], 2.0)]]))
    assert found.index.tolist() == [[None]]


def test_within_the_tolerance_the_closest_is_taken():
    near = (MUON[0] * (1 + 5e-5), MUON[1] + 5e-5, MUON[2])
    nearer = (MUON[0] * (1 - 9e-5), MUON[1], MUON[2] - 2e-5)
    beyond = (MUON[0], MUON[1] + 1.1e-4, MUON[2])
    found = match(momenta([[MUON]]), momenta([[beyond, near, nearer]]))
    assert found.index.tolist() == [[2]]
    assert found.counts() == {"legs": 1, "inexact": 1, "unmatched": 0, "ambiguous": 1}


def test_an_exact_match_wins_over_a_close_one_before_it():
    near = (MUON[0], MUON[1] + 5e-5, MUON[2])
    found = match(momenta([[MUON]]), momenta([[near, MUON]]))
    assert found.index.tolist() == [[1]]
    assert found.counts() == {"legs": 1, "inexact": 0, "unmatched": 0, "ambiguous": 0}


def test_two_equal_objects_are_ambiguous_and_the_first_is_taken():
    found = match(momenta([[MUON]]), momenta([[OTHER, MUON, MUON]]))
    assert found.index.tolist() == [[1]]
    assert found.counts()["ambiguous"] == 1


def test_phi_is_compared_across_the_boundary():
    found = match(momenta([[(3.0, 0.1, np.pi - 2e-5)]]), momenta([[(3.0, 0.1, -np.pi + 2e-5)]]))
    assert found.index.tolist() == [[0]]
    assert found.counts()["inexact"] == 1


def test_events_without_legs_have_no_matches():
    found = match(momenta([[], [MUON]])[:1], momenta([[MUON], [MUON]])[:1])
    assert found.index.tolist() == [[]]
    assert found.counts()["legs"] == 0
