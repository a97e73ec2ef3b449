"""Events of data that were selected twice are found."""

from __future__ import annotations

import awkward as ak
import numpy as np

from tau3mu.execution.repeated import repeated_events


def candidates(runs, lumis, events, dataset="data"):
    return ak.zip(
        {
            "dataset": ak.Array([dataset] * len(runs)),
            "run": np.array(runs, dtype=np.uint32),
            "lumi": np.array(lumis, dtype=np.uint32),
            "event": np.array(events, dtype=np.uint64),
        },
        depth_limit=1,
    )


def test_events_of_the_same_number_in_other_runs_are_not_repeated():
    assert repeated_events(candidates([1, 2, 1], [1, 1, 2], [7, 7, 7]), "data") == ""


def test_repeated_events_are_counted_and_the_first_are_named():
    big = 2**63 + 5  # beyond what a float or a signed integer holds
    rows = candidates([1, 1, 1, 2, 1, 3], [1, 1, 1, 1, 2, 1], [big, big, big, 9, 4, 9])
    text = repeated_events(rows, "data")
    assert text.startswith("2 candidates of dataset data")
    assert f"1:1:{big})" in text


def test_it_agrees_with_a_slow_count():
    rng = np.random.default_rng(5)
    runs, lumis, events = rng.integers(0, 4, (3, 300))
    rows = candidates(runs, lumis, events)
    seen, repeated = set(), 0
    for key in zip(runs, lumis, events, strict=True):
        repeated += key in seen
        seen.add(key)
    assert repeated > 50
    assert repeated_events(rows, "data").startswith(f"{repeated} candidates")


def test_only_the_dataset_in_question_counts():
    rows = ak.concatenate([candidates([1], [1], [5]), candidates([1], [1], [5], "other")])
    assert repeated_events(rows, "data") == ""
    assert repeated_events(rows[["dataset", "event"]], "data") == ""
