from __future__ import annotations

import awkward as ak
import numpy as np

from tau3mu.selection import Candidates, Step
from tau3mu.selection.candidates import AllCandidates

EVENTS = ak.zip(
    {
        "number": [10, 11, 12, 13],
        "triplet": ak.Array(
            [
                [{"x": 3.0}, None, {"x": 1.0}],
                [],
                [None],
                [None, {"x": 2.0}, {"x": 5.0}],
            ]
        ),
    },
    depth_limit=1,
)


def start():
    return Candidates.of(AllCandidates(EVENTS, EVENTS.triplet))


def test_pads_are_not_counted_and_positions_count_them():
    left = start()
    assert left.steps == (Step("all", 4, 4, 4.0),)
    assert left.entry.tolist() == [0, 0, 3, 3]
    assert left.positions.tolist() == [0, 2, 1, 2]
    assert left.rows.x.tolist() == [3.0, 1.0, 2.0, 5.0]
    assert str(left.rows.to_awkward().type) == "4 * {x: float64}"


def test_events_and_triplets_are_cut_together():
    left = start()
    left = left.cut_events("event", ak.Array([True, True, False, True]))
    assert left.steps[-1] == Step("event", 3, 4, 3.0)
    left = left.cut("x", left.rows.x > 1.5)
    assert left.steps[-1] == Step("x", 2, 3, 2.0)
    assert left.events.number.tolist() == [10, 13]
    assert left.entry.tolist() == [0, 3, 3]
    assert left.positions.tolist() == [0, 1, 2]
    assert left.entries.tolist() == [0, 3]
    best = left.best(-left.rows.x)
    assert best.positions.tolist() == [0, 2]
    assert best.rows.x.tolist() == [3.0, 5.0]
    assert best.steps == left.steps


def test_triplets_stay_with_their_events_when_events_go():
    left = start()
    left = left.cut_events("event", ak.Array([False, True, True, True]))
    assert left.entry.tolist() == [3, 3]
    assert EVENTS.number[left.entry].tolist() == [13, 13]
    assert left.entries.tolist() == [1, 2, 3]


def test_the_first_of_equal_triplets_is_the_best_and_a_missing_one_never():
    left = start()
    assert left.best(ak.Array([7.0, 7.0, None, 9.0])).positions.tolist() == [0, 2]
    best = left.best(ak.Array([None, None, 8.0, 9.0]))
    assert best.positions.tolist() == [0, 1]
    assert best.events.number.tolist() == [10, 13]


def test_a_missing_answer_rejects():
    left = start()
    answer = ak.Array([None, True, None, None])
    assert left.cut("x", answer).positions.tolist() == [2]
    masked = np.ma.array([True, True, True, False], mask=[True, False, False, False])
    assert left.cut("x", masked).positions.tolist() == [2, 1]


def test_nothing_left_is_counted_as_nothing():
    left = start()
    left = left.cut("x", left.rows.x > 99)
    assert left.steps[-1] == Step("x", 0, 0, 0.0)
    assert left.best(left.rows.x).positions.tolist() == []
