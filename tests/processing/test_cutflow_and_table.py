"""Cutflows of any collection, and tables of flat and jagged columns."""

from __future__ import annotations

import awkward as ak
import numpy as np
import pytest
from errors import raises

from tau3mu.processing import Cutflow, Table

EVENTS = ak.Array(
    {
        "run": np.array([1, 1, 2, 2], np.int64),
        "lumi": np.array([5, 6, 7, 8], np.int64),
        "event": np.array([10, 11, 12, 13], np.int64),
        "muon": ak.Array([[{"pt": 1.0}, {"pt": 5.0}], [], [{"pt": 7.0}], [{"pt": 2.0}]]),
    }
)
COLUMNS = {"run", "event", "muon.pt"}


def steps(cutflow):
    return [(step.name, step.events, step.candidates, step.sumw) for step in cutflow.steps]


def test_a_step_counts_events_and_objects_that_are_left():
    cutflow = Cutflow(EVENTS)
    muons = cutflow.cut("pt", EVENTS.muon, EVENTS.muon.pt > 1.5)
    assert muons.pt.tolist() == [[5.0], [], [7.0], [2.0]]
    pairs = ak.combinations(EVENTS.muon, 2, fields=["a", "b"])
    pairs = cutflow.cut("pairs", pairs, pairs.a.pt < pairs.b.pt)
    assert pairs.b.pt.tolist() == [[5.0], [], [], []]
    assert steps(cutflow) == [("all", 4, 4, 4.0), ("pt", 3, 3, 3.0), ("pairs", 1, 1, 1.0)]


def test_a_cut_on_events_counts_events():
    cutflow = Cutflow(EVENTS)
    events = cutflow.cut_events("run 2", EVENTS, EVENTS.run == 2)
    assert events.event.tolist() == [12, 13]
    events = cutflow.cut_events("none", events, ak.Array([None, False]))
    assert len(events) == 0
    assert steps(cutflow)[1:] == [("run 2", 2, 2, 2.0), ("none", 0, 0, 0.0)]


def test_a_missing_answer_or_object_is_rejected():
    padded = ak.Array([[1.0, None, 3.0], None, [None]])
    cutflow = Cutflow(padded)
    kept = cutflow.cut("there", padded, padded > 0)
    assert kept.tolist() == [[1.0, 3.0], None, []]
    all_true = ak.Array([[True, True, True], [], [True]])
    assert cutflow.cut("pads", padded, all_true).tolist() == [[1.0, 3.0], None, []]
    assert steps(cutflow)[1:] == [("there", 1, 2, 1.0), ("pads", 1, 2, 1.0)]


def test_numbers_of_a_cutflow_agree_with_a_loop():
    rng = np.random.default_rng(3)
    values = ak.unflatten(rng.normal(size=500), rng.multinomial(500, [0.01] * 100))
    cutflow = Cutflow(values)
    kept = cutflow.cut("positive", values, values > 0)
    expected = [[x for x in event if x > 0] for event in values.tolist()]
    assert kept.tolist() == expected
    n_events, n_objects = sum(map(bool, expected)), sum(map(len, expected))
    assert steps(cutflow)[1] == ("positive", n_events, n_objects, n_events)
    assert 0 < n_events < n_objects < 500


@pytest.mark.parametrize(
    ("collection", "mask", "mentions"),
    [
        (EVENTS.muon, EVENTS.run == 1, "bool"),
        (EVENTS.muon, (EVENTS.muon.pt > 1)[:3], ("3", "4")),
        (EVENTS.muon, ak.Array([[True], [], [True], [True]]), ("event 0", "2", "1")),
        (EVENTS.muon, [[True]], "list"),
    ],
)
def test_a_mask_of_another_shape_is_an_error(collection, mask, mentions):
    with raises("processor.mask-shape", path="wide", mentions=mentions):
        Cutflow(EVENTS).cut("wide", collection, mask)


def test_numbers_are_no_mask():
    with pytest.raises(TypeError, match="pt"):
        Cutflow(EVENTS).cut("pt", EVENTS.muon, EVENTS.muon.pt)


def test_events_that_were_selected_otherwise_are_an_error():
    cutflow = Cutflow(EVENTS)
    events = EVENTS[:2]
    with raises("processor.other-events", path="late", mentions=("2", "4")):
        cutflow.cut_events("late", events, events.run == 1)


def test_counters_add_up():
    cutflow = Cutflow(EVENTS)
    cutflow.count(a=2, b=np.int64(3))
    cutflow.count(a=5)
    assert cutflow.counters == {"a": 7, "b": 3}
    with pytest.raises(TypeError):
        cutflow.count(a=0.5)


def test_flat_columns_are_one_row_per_event():
    rows = Table(x=np.arange(4.0), name=ak.Array(list("abcd"))).candidates(EVENTS, COLUMNS)
    assert rows.fields == ["run", "event", "x", "name"]
    assert rows.tolist()[3] == {"run": 2, "event": 13, "x": 3.0, "name": "d"}
    assert str(rows.type.content.contents[:2]) == "[NumpyType('uint32'), NumpyType('uint64')]"


def test_jagged_columns_are_one_row_per_object_and_flat_ones_are_repeated():
    table = Table(pt=EVENTS.muon.pt, weight=np.array([0.1, 0.2, 0.3, 0.4]))
    rows = table.candidates(EVENTS, COLUMNS)
    assert rows.fields == ["subentry", "run", "event", "pt", "weight"]
    assert rows.event.tolist() == [10, 10, 12, 13]
    assert rows.subentry.tolist() == [0, 1, 0, 0]
    assert rows.pt.tolist() == [1.0, 5.0, 7.0, 2.0]
    assert rows.weight.tolist() == [0.1, 0.1, 0.3, 0.4]


def test_own_columns_take_the_place_of_those_of_the_events():
    rows = Table(event=np.arange(3), x=np.arange(3)).candidates(EVENTS, {"event"})
    assert rows.event.tolist() == [0, 1, 2]


def test_an_object_that_is_missing_everywhere_is_no_row():
    x = ak.Array([[1.0, None], [None, 4.0], [], None])
    y = ak.Array([[None, None], [3.0, 5.0], [], []])
    rows = Table(x=x, y=y).candidates(EVENTS, COLUMNS)
    assert rows.event.tolist() == [10, 11, 11]
    assert rows.x.tolist() == [1.0, None, 4.0]
    assert rows.y.tolist() == [None, 3.0, 5.0]
    assert rows.subentry.tolist() == [0, 0, 1]


@pytest.mark.parametrize("n", [0, 4])
def test_types_do_not_depend_on_the_number_of_events(n):
    events = EVENTS[:n]
    masked = ak.mask(events.muon, events.muon.pt > 1.5)
    table = Table(pt=masked.pt, hard=events.muon.pt > 3, n=ak.num(events.muon))
    rows = table.candidates(events, COLUMNS)
    kinds = dict(zip(rows.fields, map(str, rows.type.content.contents), strict=True))
    assert {name: kind.strip("?") for name, kind in kinds.items()} == {
        "subentry": "int32", "run": "uint32", "event": "uint64", "pt": "float64", "hard": "bool",
        "n": "int64",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("columns", "code", "path", "mentions"),
    [
        ({"a": np.zeros(4), "b": np.zeros(3)}, "column-lengths", "b", ("3", "4", "'a'")),
        ({"a": EVENTS.muon.pt, "b": EVENTS.muon.pt[:3]}, "column-lengths", "b", ("3", "4")),
        (
            {"a": EVENTS.muon.pt, "b": EVENTS.muon.pt[:, 1:]},
            "column-lengths", "b", ("event 0", "1", "2"),
        ),
        ({"a": EVENTS.muon}, "column-type", "a", "records"),
        ({"a": ak.Array([[[1]]])}, "column-type", "a", "lists"),
    ],
)  # fmt: skip
def test_columns_that_make_no_table_are_errors(columns, code, path, mentions):
    with raises(f"processor.{code}", path=path, mentions=mentions):
        Table(**columns)


def test_a_table_of_other_events_names_the_line_where_it_was_made():
    line = 1 + test_a_table_of_other_events_names_the_line_where_it_was_made.__code__.co_firstlineno
    table = Table(x=np.zeros(2))
    mentions = (f"test_cutflow_and_table.py, line {line + 1}", "2 events", "4")
    with raises("processor.other-events", path="x", mentions=mentions):
        table.candidates(EVENTS, COLUMNS)
