from __future__ import annotations

import awkward as ak
import numpy as np

from tau3mu.selection import Step, Survivors

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
WEIGHTS = np.array([1.0, 0.5, 2.0, 4.0])


def test_pads_are_not_counted_and_positions_count_them():
    start = Survivors.start(EVENTS, WEIGHTS)
    assert start.steps == (Step("all", 4, 4, 7.5),)
    assert start.entry.tolist() == [0, 0, 3, 3]
    assert start.positions.tolist() == [0, 2, 1, 2]
    assert start.triplets.x.tolist() == [3.0, 1.0, 2.0, 5.0]
    assert str(start.triplets.to_awkward().type) == "4 * {x: float64}"


def test_events_and_triplets_are_cut_together():
    alive = Survivors.start(EVENTS, WEIGHTS)
    alive = alive.require_event("event", ak.Array([True, True, False, True]))
    assert alive.steps[-1] == Step("event", 3, 4, 5.5)
    alive = alive.require("x", alive.triplets.x > 1.5)
    assert alive.steps[-1] == Step("x", 2, 3, 5.0)
    assert alive.events.number.tolist() == [10, 13]
    assert alive.entry.tolist() == [0, 3, 3]
    assert alive.positions.tolist() == [0, 1, 2]
    assert alive.entries.tolist() == [0, 3]
    best = alive.best(-alive.triplets.x)
    assert best.positions.tolist() == [0, 2]
    assert best.triplets.x.tolist() == [3.0, 5.0]
    assert best.steps == alive.steps


def test_triplets_stay_with_their_events_when_events_go():
    alive = Survivors.start(EVENTS, WEIGHTS)
    alive = alive.require_event("event", ak.Array([False, True, True, True]))
    assert alive.entry.tolist() == [3, 3]
    assert EVENTS.number[alive.entry].tolist() == [13, 13]
    assert alive.entries.tolist() == [1, 2, 3]
    assert alive.weights.tolist() == [0.5, 2.0, 4.0]


def test_the_first_of_equal_triplets_is_the_best_and_a_missing_one_never():
    alive = Survivors.start(EVENTS, WEIGHTS)
    assert alive.best(ak.Array([7.0, 7.0, None, 9.0])).positions.tolist() == [0, 2]
    best = alive.best(ak.Array([None, None, 8.0, 9.0]))
    assert best.positions.tolist() == [0, 1]
    assert best.events.number.tolist() == [10, 13]


def test_a_missing_answer_rejects():
    alive = Survivors.start(EVENTS, WEIGHTS)
    answer = ak.Array([None, True, None, None])
    assert alive.require("x", answer).positions.tolist() == [2]
    masked = np.ma.array([True, True, True, False], mask=[True, False, False, False])
    assert alive.require("x", masked).positions.tolist() == [2, 1]


def test_nothing_left_is_counted_as_nothing():
    alive = Survivors.start(EVENTS, WEIGHTS)
    alive = alive.require("x", alive.triplets.x > 99)
    assert alive.steps[-1] == Step("x", 0, 0, 0.0)
    assert alive.best(alive.triplets.x).positions.tolist() == []
