from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
import vector
import vector.backends.awkward

from tau3mu.selection import plain, rows_of

LISTS = ak.zip(
    {
        "x": ak.Array([[3.0, 1.0], [], [4.0]]),
        "leg": ak.zip({"pt": ak.Array([[1, 2], [], [3]]), "q": ak.Array([[None, 1], [], [-1]])}),
        "name": ak.Array([["a", "b"], [], ["c"]]),
    },
    depth_limit=2,
)
PADDED = ak.mask(LISTS, ak.Array([[True, False], [], [True]]))


def test_rows_are_the_records_of_all_lists():
    offsets, places, rows = rows_of(LISTS)
    assert offsets.tolist() == [0, 2, 2, 3]
    assert places.tolist() == [0, 1, 2]
    assert len(rows) == 3
    assert isinstance(rows.x, np.ndarray)
    assert rows.x.tolist() == [3.0, 1.0, 4.0]
    assert rows.leg.pt.tolist() == rows["leg"]["pt"].tolist() == [1, 2, 3]
    assert rows.name.tolist() == ["a", "b", "c"]
    assert rows.fields == ["x", "leg", "name"]


def test_missing_numbers_are_masked_and_cut_with_the_rest():
    rows = rows_of(LISTS)[-1]
    assert plain(rows.leg.q).tolist() == [None, 1, -1]
    assert plain(rows[np.array([False, True, True])].leg.q).tolist() == [1, -1]
    assert rows[np.array([2, 0])].leg.pt.tolist() == [3, 1]
    nothing = rows[np.zeros(3, dtype=np.bool_)]
    assert (len(nothing), nothing.leg.pt.tolist(), plain(nothing.leg.q).tolist()) == (0, [], [])


@pytest.mark.parametrize("lists", [PADDED, ak.concatenate([PADDED])])
def test_a_pad_is_no_row_and_keeps_its_place(lists):
    offsets, places, rows = rows_of(lists)
    assert offsets.tolist() == [0, 2, 2, 3]
    assert places.tolist() == [0, 2]
    assert rows.x.tolist() == [3.0, 4.0]
    assert rows.to_awkward().to_list() == ak.flatten(ak.drop_none(lists)).to_list()


def test_lists_that_were_cut_are_those_that_are_left():
    offsets, places, rows = rows_of(PADDED[[2, 0]])
    assert (offsets.tolist(), places.tolist(), rows.x.tolist()) == ([0, 1, 3], [0, 1], [4.0, 3.0])


@pytest.mark.parametrize(
    "select",
    [
        lambda lists: lists[np.array([True, False, True])],
        lambda lists: lists[::-1],
        lambda lists: lists[lists.x > 2],
        lambda lists: lists[ak.argsort(lists.x)],
        lambda lists: ak.mask(lists, lists.x > 2)[::-1],
        lambda lists: ak.drop_none(ak.mask(lists, lists.x > 2)[::-1]),
    ],
    ids=["events", "reversed", "records", "sorted", "pads", "without pads"],
)
def test_rows_of_a_selection_are_what_it_selects(select):
    selected = select(LISTS)
    offsets, places, rows = rows_of(selected)
    there = ak.drop_none(selected)
    assert np.diff(offsets).tolist() == ak.num(selected).tolist()
    assert places.tolist() == np.flatnonzero(~ak.is_none(ak.flatten(selected.x))).tolist()
    assert rows.x.tolist() == ak.flatten(there.x).tolist()
    assert rows.leg.pt.tolist() == ak.flatten(there.leg.pt).tolist()
    assert rows.name.tolist() == ak.flatten(there.name).tolist()
    assert rows.to_awkward().to_list() == ak.flatten(there).to_list()


@pytest.mark.parametrize("lists", [LISTS, PADDED])
@pytest.mark.parametrize("pack", [ak.Array, ak.to_packed])
def test_an_event_that_is_masked_has_no_rows_and_keeps_its_place(lists, pack):
    masked = pack(ak.mask(lists, np.array([False, True, True])))
    offsets, _, rows = rows_of(masked)
    assert offsets.tolist() == [0, 0, 0, 1]
    assert rows.x.tolist() == [4.0]
    assert rows.leg.pt.tolist() == [3]


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(AttributeError, match="no column 'y' among x, leg, name"):
        _ = rows_of(LISTS)[-1].y


def test_rows_have_the_behaviours_of_the_array():
    momenta = ak.zip({"pt": [[1.0]], "eta": [[0.0]], "phi": [[0.0]]}, with_name="Momentum3D")
    behaviour = vector.backends.awkward.behavior
    row = rows_of(ak.Array(ak.to_layout(momenta), behavior=behaviour))[-1]
    assert row.to_awkward().to_Vector4D(mass=1.0).energy.tolist() == [2**0.5]
