"""The programs with RDataFrame against the processors: every step, event by event."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import awkward as ak
import numpy as np
import pytest

import tau3mu
from measuring.inputs import describe
from measuring.measurement import measure
from measuring.runs import run_analysis
from measuring.selections import CONTROL, search_of
from tau3mu.benchmark.study import Setup, found_of
from tau3mu.generate import generate
from tau3mu.processing import load_processors
from tau3mu.processing.recorder import Cutflow
from tau3mu.processors.discriminant_inputs import INPUTS

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"
SEARCH = Path(__file__).parents[2] / "notebooks" / "data"
KINDS = ("Data", "MC")


@pytest.fixture(scope="module")
def root_python():
    python = os.environ.get("TAU3MU_ROOT_PYTHON")
    if not python:
        pytest.skip("TAU3MU_ROOT_PYTHON names no Python that has ROOT")
    return python


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """Toys of the search, data and simulation, as RNTuples."""
    folder = tmp_path_factory.mktemp("toys")
    made = generate(folder, events=3000, layout="t3m_tau", branching_fraction=2e-5)
    return made + generate(folder, events=2000, layout="t3m_tau", simulation=True)


def selected(paths, selecting):
    """Returns the events that each step leaves, and the candidates."""
    (processor,) = load_processors([selecting.processor], values=selecting.values)
    found, candidates = {}, []
    for path in paths:
        events = tau3mu.events(path, processor)
        numbers = np.array([events[name] for name in ("run", "lumi", "event")]).T
        left = {}  # a step of several cuts leaves what its last one does
        for name, entries in processor.events_left(events, Cutflow(events)):
            left[name.partition(":")[0]] = numbers[entries].tolist()
        for step, rows in left.items():
            found.setdefault(step, []).extend(rows)
        candidates.append(processor.selection(events).candidates)
    return {step: sorted(rows) for step, rows in found.items()}, ak.concatenate(candidates)


def check(python, paths, selecting):
    """Compares the program of a selection with its processor, and returns what both found."""
    files = [str(path) for path in paths]
    name, *options = selecting.peer
    _, output = measure([python, str(PEERS / name), "--list-events", *options, *files])
    answer = json.loads(output.splitlines()[-1])
    by_step, candidates = selected(files, selecting)
    assert list(answer["steps"]) == list(by_step)
    for step, rows in by_step.items():
        assert sorted(answer["events"][step]) == rows, step
    for name, values in answer["quantities"].items():
        expected = candidates[name].to_list()
        assert values == pytest.approx(expected, rel=1e-9, nan_ok=True), name
    _, found = run_analysis(describe(files, selecting), Setup(), selecting)
    peer = found_of(answer["steps"], answer["candidates"])
    assert peer.steps == found.steps
    assert peer.digest == found.digest
    assert peer.mass_sum == pytest.approx(found.mass_sum, rel=1e-12)
    return found, answer


@pytest.mark.integration
def test_rdataframe_selects_what_dsphipi_does(root_python, demo):
    found, _ = check(root_python, demo, CONTROL)
    assert found.candidates == 1480


@pytest.mark.integration
@pytest.mark.parametrize(("year", "least"), [("2017", 250), ("2018", 100)])
def test_rdataframe_selects_what_the_search_does_in_toys(root_python, toys, year, least):
    found, answer = check(root_python, toys, search_of(year, inputs=True))
    assert found.candidates > least
    assert list(answer["quantities"]) == list(INPUTS)


@pytest.mark.integration
@pytest.mark.parametrize(("year", "number"), [("2017", 169), ("2018", 32)])
def test_rdataframe_selects_what_the_search_does_in_files_of_root(root_python, year, number):
    paths = [SEARCH / f"Tree{kind}_1.root" for kind in KINDS]
    search = search_of(year, inputs=False)  # of which the files have no branches
    found, _ = check(root_python, paths, search)
    assert found.candidates == number


@pytest.mark.integration
def test_a_measured_run_of_the_search_finds_what_root_found(oracle):
    steps, rows = {}, []
    for kind in KINDS:
        name = f"tau3mu_search_{kind}_2017"
        for step, number in json.loads((oracle / f"{name}.json").read_text())["cutflow"].items():
            steps[step] = steps.get(step, 0) + number
        with (oracle / f"{name}_events.csv").open() as file:
            for *row, category in list(csv.reader(file))[1:]:
                rows.append([*map(float, row), 3 - int(category) // 10, int(category) % 10])
    search = search_of("2017", inputs=False)
    paths = [str(SEARCH / f"Tree{kind}_1.root") for kind in KINDS]
    _, found = run_analysis(describe(paths, search), Setup(), search)
    expected = found_of(steps, rows)
    assert found.steps == expected.steps
    assert found.digest == expected.digest
    assert found.mass_sum == pytest.approx(expected.mass_sum, rel=1e-7)  # nine digits in the CSV
