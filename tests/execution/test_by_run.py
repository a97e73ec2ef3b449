"""Results by run number: shares of the same results, whatever the order of the events."""

from __future__ import annotations

from dataclasses import replace

import awkward as ak
import numpy as np
import pytest
import several_runs
from errors import raises

from tau3mu.datasets import (
    Certification,
    Dataset,
    certifications_of,
    check_files,
    make_chunks,
)
from tau3mu.datasets.parts import own_columns
from tau3mu.errors import RunError
from tau3mu.execution import execute
from tau3mu.execution.checkpoints import chunk_keys
from tau3mu.processing import Processor, Table
from tau3mu.processors import DsPhiPi
from tau3mu.results.by_run import sum_of_runs

# Each executor and each size once; the other pairs go the same ways.
EXECUTORS = [
    ("iterative", 5000),
    pytest.param("futures", 700, marks=pytest.mark.integration),
    pytest.param("dask", 5000, marks=pytest.mark.integration),
    pytest.param("futures", 300, marks=pytest.mark.soak),
    pytest.param("iterative", 300, marks=pytest.mark.soak),
    pytest.param("futures", 5000, marks=pytest.mark.soak),
    pytest.param("dask", 300, marks=pytest.mark.soak),
]
PROCESSORS = [
    DsPhiPi(),
    DsPhiPi(name="loose", flight_significance=0.5, phi_window=(0.9, 1.2)),
]
FILLING = [DsPhiPi(n_minus_one_histograms=True), PROCESSORS[1]]


def chunks_of(datasets, size, *, per_run=False, processors=PROCESSORS):
    columns = own_columns(datasets, per_run=per_run)
    columns = columns.union(*(one.columns for one in processors))
    return make_chunks(check_files(datasets, columns), datasets, size, per_run=per_run)


def run(datasets, size, *, processors=PROCESSORS, per_run=True, **how):
    chunks = chunks_of(datasets, size, per_run=per_run, processors=processors)
    return execute(chunks, processors, certifications=certifications_of(datasets), **how)


def check_same(now, then):
    assert now.candidates.type == then.candidates.type
    assert now.candidates.tolist() == then.candidates.tolist()
    assert now.counters == then.counters
    assert now.cutflow == then.cutflow
    assert now.histograms.keys() == then.histograms.keys()
    for name, histogram in then.histograms.items():
        assert now.histograms[name].axes == histogram.axes, name
        view = now.histograms[name].view(flow=True)
        assert view.tobytes() == histogram.view(flow=True).tobytes(), name


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return several_runs.write_files(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def datasets(files):
    ordered, mixed = ({str(path): None} for path in files)
    return [Dataset("data", ordered), Dataset("more", mixed)]


@pytest.fixture(scope="module")
def plain(datasets):
    return run(datasets, 100_000, per_run=False, processors=FILLING)


@pytest.fixture(scope="module")
def certified(datasets):
    """What is found in two of the runs."""
    certification = Certification.of_runs([101, 109])
    some = [replace(one, certification=certification) for one in datasets]
    return run(some, 100_000, per_run=False, processors=FILLING)


@pytest.mark.parametrize(("executor", "size"), EXECUTORS)
def test_totals_and_sums_of_runs(executor, size, datasets, plain, certified, request):
    client = request.getfixturevalue("client") if executor == "dask" else None
    found = run(datasets, size, processors=FILLING, executor=executor, client=client)
    assert found.files == plain.files
    for name, then in plain.processors.items():
        now = found.processors[name]
        check_same(now, then)
        assert [*now.runs] == ["data", "more"]
        assert {tuple(of_runs) for of_runs in now.runs.values()} == {several_runs.RUNS}
        check_same(sum_of_runs(now, now.runs, several_runs.RUNS), then)
        subset = sum_of_runs(now, now.runs, [109, 101])
        expected = certified.processors[name]
        for dataset, (everything, first, *rest) in expected.cutflow.items():
            assert everything["events"] == 1500 > first["events"] > 300
            assert subset.cutflow[dataset] == [{**first, "name": "all"}, *rest]
        check_same(subset, replace(expected, cutflow=subset.cutflow))
        assert set(subset.candidates.run.tolist()) == {101, 109}


def test_runs_add_up_to_the_total(datasets):
    found = run(datasets, 5000).processors["loose"]
    for dataset, of_runs in found.runs.items():
        for index, step in enumerate(found.cutflow[dataset]):
            parts = [one.cutflow[index] for one in of_runs.values()]
            assert sum(part.events for part in parts) == step["events"]
            assert sum(part.sumw for part in parts) == step["sumw"]
        for name, histogram in found.histograms.items():
            total = sum(one.histograms[name].values(flow=True) for one in of_runs.values())
            here = histogram[{"dataset": dataset}].values(flow=True)
            assert np.array_equal(total[0], here)


@pytest.mark.integration
def test_certified_runs(datasets, files):
    """Runs without certified events are there, with nothing but what was read."""
    certification = Certification({101: [(1, 6)], 105: [(3, 3)], 400: [(1, 1)]})
    certified = [Dataset(d.name, d.files, certification=certification) for d in datasets]
    simulation = Dataset("mc", {str(files[1].with_name("mc.root")): None}, is_mc=True)
    several_runs.write(files[1], files[1].with_name("mc.root"))
    certified.append(simulation)
    then = run(certified, 800, per_run=False)  # the same size, since simulation has weights
    now = run(certified, 800)
    (warning,) = now.warnings
    assert "400" in warning
    for name, result in then.processors.items():
        found = now.processors[name]
        check_same(found, result)
        assert [*found.runs] == ["data", "more"]
        assert [*found.runs["data"]] == [*several_runs.RUNS]
        events = [[step.events for step in one.cutflow[:2]] for one in found.runs["data"].values()]
        assert sum(read for read, _ in events) == 1500
        assert [bool(kept) for _, kept in events] == [True, False, True, False]
        all_certified = sum_of_runs(found, found.runs, [101, 105])
        assert all_certified.candidates.tolist() == result.candidates.tolist()
        assert all_certified.cutflow["mc"] == result.cutflow["mc"]
        for steps in ("data", "more"):
            assert all_certified.cutflow[steps][1:] == result.cutflow[steps][1:]
        assert all_certified.histograms == result.histograms


@pytest.mark.integration
def test_resumed_runs(datasets, plain, tmp_path, monkeypatch):
    monkeypatch.setattr("tau3mu.execution.checkpoints._DELAY", 0.0)
    run(datasets, 1000, processors=FILLING[:1], folder=tmp_path)
    now = run(datasets, 1000, processors=FILLING, folder=tmp_path, resume=True)
    assert now.resumed == 0
    again = run(datasets, 1000, processors=FILLING, folder=tmp_path, resume=True)
    assert again.resumed == again.chunks == 4
    for name, result in now.processors.items():
        check_same(result, plain.processors[name])
        check_same(again.processors[name], result)
        for dataset, of_runs in result.runs.items():
            for number, one in of_runs.items():
                other = again.processors[name].runs[dataset][number]
                assert other.cutflow == one.cutflow
                assert other.counters == one.counters
                assert other.histograms == one.histograms


def test_keys_of_chunks_depend_on_it(datasets):
    one, two = (
        chunk_keys(chunks_of(datasets, 5000, per_run=per_run), PROCESSORS)
        for per_run in (False, True)
    )
    assert not set(one) & set(two)


def test_unknown_runs(datasets):
    found = run(datasets[:1], 5000, processors=PROCESSORS[1:]).processors["loose"]
    with raises("results.unknown-run", path="7"):
        sum_of_runs(found, found.runs, [101, 7])
    nothing = sum_of_runs(found, found.runs, [])
    assert len(nothing.candidates) == 0
    assert {step["events"] for step in nothing.cutflow["data"]} == {0}
    assert nothing.histograms["mass"].sum(flow=True).value == 0


class Ranks(Processor):
    """Depends on which events are in the chunk."""

    columns = frozenset({"run", "muon.pt"})

    def select(self, events, cutflow):
        first = ak.local_index(events.run, axis=0) < 3
        events = cutflow.cut_events("first", events, first)
        return Table(pt=ak.firsts(events.muon.pt))


@pytest.mark.parametrize("index", [0, 1])
def test_processors_whose_candidates_depend_on_other_events(datasets, index):
    """Where the runs are in order, nothing is processed twice, so that it cannot show."""
    if index == 0:
        found = run(datasets[:1], 5000, processors=[Ranks()]).processors["Ranks"]
        assert len(found.candidates) == 12
        return
    with raises("processor.depends-on-events", path="Ranks"):
        run(datasets[1:], 5000, processors=[Ranks()])


class Moods(Processor):
    """Returns other columns for some runs."""

    columns = frozenset({"run", "muon.pt"})

    def select(self, events, cutflow):
        odd = len(events) and events.run[0] % 2
        return Table(pt=ak.ones_like(events.run) if odd else events.run * 0.5)


def test_columns_that_differ_between_runs(datasets):
    with raises("outputs.columns-differ", RunError, path="Moods.pt"):
        run(datasets[:1], 5000, processors=[Moods()])


class Fails(Processor):
    """Fails where there are events of one run."""

    columns = frozenset({"run", "muon.pt"})

    def select(self, events, cutflow):
        if ak.any(events.run == 105):
            message = "cannot do run 105"
            raise ValueError(message)
        return Table(pt=ak.firsts(events.muon.pt))


@pytest.mark.parametrize("other", [Fails, Moods, Ranks])
def test_the_others_go_on_where_one_is_set_apart(datasets, plain, other):
    found = run(datasets, 5000, processors=[*PROCESSORS, other()], isolate=True)
    assert [*found.set_apart] == [other.__name__]
    assert [*found.processors] == ["dsphipi", "loose"]
    check_same(found.processors["loose"], plain.processors["loose"])
    for of_runs in found.processors["loose"].runs.values():
        assert tuple(of_runs) == several_runs.RUNS
