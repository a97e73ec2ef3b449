"""Masks are booleans, one per row: numbers would select by position."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest

from tau3mu.selection import Candidates
from tau3mu.selection.candidates import AllCandidates

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
    "event": lambda left, mask: left.cut_events("cut", mask),
    "candidate": lambda left, mask: left.cut("cut", mask),
}


def start(events=EVENTS):
    return Candidates.of(AllCandidates(events, events.triplet))


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("mask", NUMBERS, ids=str)
def test_numbers_are_refused(take, mask):
    with pytest.raises(TypeError, match="by position"):
        take(start(), mask)


@pytest.mark.parametrize("take", TAKERS.values(), ids=TAKERS)
@pytest.mark.parametrize("mask", SHAPES, ids=str)
def test_what_is_not_one_per_row_is_refused(take, mask):
    with pytest.raises(ValueError, match="each of 3"):
        take(start(), mask)


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
    left = start()
    assert left.cut_events("cut", mask).entries.tolist() == [1, 2]
    assert left.cut("cut", mask).rows.x.tolist() == [2.0, 3.0]
    assert left.rows[mask].x.tolist() == [2.0, 3.0]


def test_rows_take_an_index_of_64_bits_and_no_other_numbers():
    rows = start().rows
    assert rows[np.array([2, 0])].x.tolist() == [3.0, 1.0]
    assert rows[1:].x.tolist() == [2.0, 3.0]
    for decisions in (np.array([0, 1, 1], np.uint8), np.array([0, 1, 1], np.int32)):
        with pytest.raises(TypeError, match="by position"):
            rows[decisions]


def test_an_empty_list_is_a_mask_of_no_rows():
    nothing = start(EVENTS[:0])
    assert nothing.cut("cut", np.array([])).steps[-1].events == 0
    assert nothing.cut_events("cut", ak.Array([])).steps[-1].events == 0
    with pytest.raises(TypeError, match="uint8"):  # what the run of a processor begins with
        nothing.cut_events("cut", np.array([], np.uint8))
