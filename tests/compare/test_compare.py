"""Comparisons of results of the demo: what is the same, and where the first differences are."""

from __future__ import annotations

import json
import math
import shutil

import awkward as ak
import numpy as np
import pytest
from errors import raises

import tau3mu
from tau3mu.compare import compare
from tau3mu.outputs import load_candidates, load_histograms
from tau3mu.outputs.candidates import write_candidates
from tau3mu.outputs.histograms import write_histograms
from tau3mu.train.__main__ import main


def keys(changes, *, results=True):
    return [change.key for change in changes if change.results is results]


def test_the_same_run_twice_is_the_same(base, tmp_path):
    tau3mu.run("demo", no_fit=True, output=tmp_path / "again")
    found = compare(base, tmp_path / "again", strict=True)
    assert found.same
    assert (found.configuration, found.code, found.datasets) == ([], [], [])
    assert [one.bins for one in found.histograms] == [256, 328, 248, 208, 208, 248]
    assert [one.common for one in found.candidates] == [1480]
    assert found.sections() == []


def test_another_executor_is_the_same_physics(base, tmp_path):
    tau3mu.run(
        "demo", no_fit=True, executor="futures", workers=2, chunk_size=2500, candidates="parquet",
        output=tmp_path / "futures",
    )  # fmt: skip
    found = compare(base, tmp_path / "futures", strict=True)
    assert found.same
    assert keys(found.configuration) == []
    how = {change.key: (change.a, change.b) for change in found.configuration}
    assert how == {
        "executor": ("iterative", "futures"),
        "workers": (1, 2),
        "chunk_size": (150_000, 2500),
        "candidates": ("root", "parquet"),
    }


def test_another_cut_shows_in_every_part(base, tight):
    found = compare(base, tight)
    assert not found.same
    (change,) = found.configuration
    assert (change.key, change.a, change.b) == ("dsphipi.parameters.flight_significance", 2.0, 3.0)
    (first,) = found.cutflow
    assert (first.dataset, first.step, first.before) == ("demo", "flight", "window")
    assert (first.a["events"], first.b["events"]) == (9204, 8624)
    counters = {one.name: (one.a, one.b) for one in found.counters}
    assert counters["track_unmatched"] == (145, 122)
    (rows,) = found.candidates
    assert (rows.rows, rows.alone, rows.events) == ((1480, 1379), (119, 18), (101, 0))
    assert rows.columns == ()
    flight = next(one for one in found.histograms if one.name == "flight_significance")
    assert flight.where == {
        "dataset": "demo", "variation": "nominal", "flight_significance": "2 to 3",
    }  # fmt: skip
    assert (flight.a.value, flight.b.value, flight.differing) == (119.0, 0.0, 9)
    assert flight.sigma == 119 / math.sqrt(119)


def test_differences_are_those_that_a_slow_comparison_finds(base, tight):
    found = compare(base, tight).candidates[0]
    names = ("run", "lumi", "event", "triplet")
    sides = [
        set(zip(*(load_candidates(folder / "dsphipi")[name].tolist() for name in names)))
        for folder in (base, tight)
    ]
    for alone, rows in ((found.only_a, sides[0] - sides[1]), (found.only_b, sides[1] - sides[0])):
        assert set(zip(*(alone[name].tolist() for name in names))) == rows
