"""Masks are booleans, one per row: numbers would select by position."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from tau3mu.selection import Survivors, match, rows_of

EVENTS = ak.zip(
    {"n": [0, 1, 2], "triplet": ak.Array([[{"x": 1.0}], [{"x": 2.0}], [{"x": 3.0}]])},
    depth_limit=1,
)
NUMBERS = [
    np.array([0, 1, 1], dtype=np.uint8),
    np.array([0, 1, 1]),
    np.array([0.0, 1.0, 1.0], dtype=np.float32),
    np.ma.array([0, 1, 1], mask=[True, False, False]),
    ak.Array([None, 1, 1]),
    [0, 1, 1],
]
SHAPES = [
    np.array([True, False]),
    np.array([[True], [False], [True]]),
    ak.Array([[True], [False], [True]]),
    ak.Array([[True], [], [True, False]]),
    True,
    [],
]
TAKERS = {
    "event": lambda alive, mask: alive.require_event("cut", mask),
    "triplet": lambda alive, mask: alive.require("cut", mask),
    "match": lambda _, mask: LEGS.is_any(mask),
}
MOMENTA = ak.Array([[{"pt": float(i), "eta": 0.0, "phi": 0.0}] for i in (5, 6, 7)])
LEGS = match(rows_of(MOMENTA).rows, np.arange(3), MOMENTA)


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("mask", NUMBERS, ids=str)
def test_numbers_are_refused(take, mask):
    with pytest.raises(TypeError, match="by position"):
        take(Survivors.start(EVENTS, np.ones(3)), mask)


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("mask", SHAPES, ids=str)
def test_what_is_not_one_per_row_is_refused(take, mask):
    with pytest.raises(ValueError, match="each of 3"):
        take(Survivors.start(EVENTS, np.ones(3)), mask)


@pytest.mark.parametrize(
    "mask",
    [
        np.array([False, True, True]),
        ak.Array([None, True, True]),
        np.ma.array([True, True, True], mask=[True, False, False]),
        [False, True, True],
    ],
    ids=str,
)
def test_booleans_keep_their_rows_and_a_missing_one_rejects(mask):
    alive = Survivors.start(EVENTS, np.ones(3))
    assert alive.require_event("cut", mask).entries.tolist() == [1, 2]
    assert alive.require("cut", mask).triplets.x.tolist() == [2.0, 3.0]
    assert alive.triplets[mask].x.tolist() == [2.0, 3.0]
    assert LEGS.is_any(mask).tolist() == [False, True, True]


def test_rows_take_an_index_of_64_bits_and_no_other_numbers():
    rows = Survivors.start(EVENTS, np.ones(3)).triplets
    assert rows[np.array([2, 0])].x.tolist() == [3.0, 1.0]
    assert rows[1:].x.tolist() == [2.0, 3.0]
    for decisions in (np.array([0, 1, 1], np.uint8), np.array([0, 1, 1], np.int32)):
        with pytest.raises(TypeError, match="by position"):
            rows[decisions]


def test_an_empty_list_is_a_mask_of_no_rows():
    nothing = Survivors.start(EVENTS[:0], np.ones(0))
    assert nothing.require("cut", np.array([])).steps[-1].events == 0
    assert nothing.require_event("cut", ak.Array([])).steps[-1].events == 0
    with pytest.raises(TypeError, match="uint8"):  # what the run of a processor begins with
        nothing.require_event("cut", np.array([], np.uint8))
