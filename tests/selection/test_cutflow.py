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
    assert start.positions.tolist() == [[0, 2], [], [], [1, 2]]
    assert start.triplets.x.tolist() == [[3.0, 1.0], [], [], [2.0, 5.0]]


def test_events_and_triplets_are_cut_together():
    alive = Survivors.start(EVENTS, WEIGHTS)
    alive = alive.require_event("event", ak.Array([True, True, False, True]))
    assert alive.steps[-1] == Step("event", 3, 4, 5.5)
    alive = alive.require("x", alive.triplets.x > 1.5)
    assert alive.steps[-1] == Step("x", 2, 3, 5.0)
    assert alive.events.number.tolist() == [10, 13]
    assert alive.positions.tolist() == [[0], [1, 2]]
    best = alive.best(-alive.triplets.x)
    assert best.positions.tolist() == [[0], [2]]
    assert best.steps == alive.steps


def test_a_missing_answer_rejects():
    alive = Survivors.start(EVENTS, WEIGHTS)
    answer = ak.Array([[None, True], [], [], [None, None]])
    assert alive.require("x", answer).positions.tolist() == [[2]]


def test_nothing_left_is_counted_as_nothing():
    alive = Survivors.start(EVENTS, WEIGHTS)
    alive = alive.require("x", alive.triplets.x > 99)
    assert alive.steps[-1] == Step("x", 0, 0, 0.0)
    assert alive.best(alive.triplets.x).positions.tolist() == []
