"""Events of data that were selected twice are found, in one dataset and in two."""

from __future__ import annotations

import json

import awkward as ak
import numpy as np
import pytest

from tau3mu.outputs import load_candidates
from tau3mu.outputs.repeated import repeated_events
from tau3mu.run import main

BIG = 2**63 + 5  # beyond what a float or a signed integer holds


def candidates(runs, lumis, events, dataset="data", file=None):
    return ak.zip(
        {
            "dataset": ak.Array([dataset] * len(runs)),
            "file": ak.Array([file or f"/{dataset}.root"] * len(runs)),
            "run": np.array(runs, dtype=np.uint32),
            "lumi": np.array(lumis, dtype=np.uint32),
            "event": np.array(events, dtype=np.uint64),
        },
        depth_limit=1,
    )


def test_events_of_the_same_number_in_other_runs_are_not_repeated():
    assert repeated_events(candidates([1, 2, 1], [1, 1, 2], [7, 7, 7]), ["data"]) == []


def test_repeated_events_are_counted_and_the_first_are_named():
    rows = candidates([1, 1, 1, 2, 1, 3], [1, 1, 1, 1, 2, 1], [BIG, BIG, BIG, 9, 4, 9])
    (text,) = repeated_events(rows, ["data"])
    assert text.startswith("2 candidates of dataset data")
    assert f"1:1:{BIG})" in text


def test_it_agrees_with_a_slow_count():
    rng = np.random.default_rng(5)
    runs, lumis, events = rng.integers(0, 4, (3, 300))
    rows = candidates(runs, lumis, events)
    seen, repeated = set(), 0
    for key in zip(runs, lumis, events, strict=True):
        repeated += key in seen
        seen.add(key)
    assert repeated > 50
    (text,) = repeated_events(rows, ["data"])
    assert text.startswith(f"{repeated} candidates")


def test_without_event_numbers_nothing_can_be_told():
    rows = ak.concatenate([candidates([1], [1], [5]), candidates([1], [1], [5], "other")])
    assert repeated_events(rows[["dataset", "file", "event"]], ["data", "other"]) == []


def test_an_event_of_two_datasets_is_named_with_both_and_their_files():
    rows = ak.concatenate(
        [
            candidates([1, 1, 3], [1, 1, 1], [BIG, 5, 8], "a"),
            candidates([1, 1, 9], [1, 1, 1], [7, 5, 5], "b", "/b_1.root"),
            candidates([1], [1], [BIG], "b", "/b_2.root"),
            candidates([2], [1], [5], "c"),
        ]
    )
    (text,) = repeated_events(rows, ["a", "b", "c"])
    assert text.startswith("2 events are in both datasets a and b")
    assert f"1:1:5, 1:1:{BIG})" in text
    assert "/a.root" in text
    assert "/b_1.root" in text
    assert "/b_2.root" not in text


def test_a_pair_of_datasets_counts_events_not_candidates():
    """Two candidates of one event in each dataset are one event in both."""
    rows = ak.concatenate([candidates([1, 1], [1, 1], [5, 5], name) for name in "ab"])
    texts = repeated_events(rows, ["a", "b"])
    assert [text.split(" of dataset")[0] for text in texts[:2]] == ["1 candidates"] * 2
    assert texts[2].startswith("1 events are in both datasets a and b")


def test_simulation_is_not_compared_with_data_nor_with_itself():
    names = ("data", "mc", "mc2")
    rows = ak.concatenate([candidates([1, 1], [1, 1], [5, 5], name) for name in names])
    (text,) = repeated_events(rows, ["data"])
    assert "dataset data" in text
    assert repeated_events(rows, []) == []


def test_pairs_of_many_datasets_agree_with_a_slow_count():
    rng = np.random.default_rng(7)
    parts = {name: rng.integers(0, 6, (3, 40)) for name in "abcd"}
    rows = ak.concatenate([candidates(*keys, dataset=name) for name, keys in parts.items()])
    keys = {name: set(zip(*part.tolist(), strict=True)) for name, part in parts.items()}
    texts = [text for text in repeated_events(rows, list(parts)) if "both" in text]
    expected = {
        f"{len(keys[one] & keys[two])} events are in both datasets {one} and {two},"
        for one in parts for two in parts if one < two
    }  # fmt: skip
    assert {text.split(" which")[0] for text in texts} == expected


@pytest.mark.parametrize("number", [0, 1])
def test_few_candidates_have_nothing_twice(number):
    rows = candidates([1], [1], [5])[:number]
    assert repeated_events(rows, ["data"]) == []


@pytest.mark.parametrize("is_mc", [False, True])
def test_a_run_warns_of_data_that_are_in_two_datasets(is_mc, demo, remade, tmp_path, capsys):
    """The candidates of the demo's first file, once more in the file of another dataset."""
    again = remade(demo[0], tmp_path / "again.root")
    sets = {
        name: {"files": {str(path): None}, "metadata": {"is_mc": mc}}
        for name, path, mc in (("first", demo[0], False), ("second", again, is_mc))
    }
    (tmp_path / "sets.json").write_text(json.dumps(sets))
    arguments = ["--no-fit", "--dataset", tmp_path / "sets.json", "--output", tmp_path / "out"]
    assert main([str(word) for word in arguments]) == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    shown = " ".join(capsys.readouterr().out.split())
    if is_mc:
        assert run["warnings"] == []
        return
    found = load_candidates(tmp_path / "out" / "dsphipi")
    events = set(zip(*(found[name].tolist() for name in ("run", "lumi", "event")), strict=True))
    (text,) = run["warnings"]
    assert text.startswith(f"dsphipi: {len(events)} events are in both datasets first and second")
    assert str(demo[0]) in text
    assert str(again) in text
    assert "in both datasets first and second" in shown
