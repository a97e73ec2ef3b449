"""Only certified events are processed: as if the files had no others."""

from __future__ import annotations

from dataclasses import replace

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
from tau3mu.execution import dry_run, execute
from tau3mu.execution.checkpoints import chunk_keys
from tau3mu.execution.chunk import ChunkTask, process_task
from tau3mu.processing import Processor, Table
from tau3mu.processors import DsPhiPi
from tau3mu.selection import Step

# Each executor and each size once; the other pairs go the same ways.
EXECUTORS = [
    ("iterative", 5000),
    pytest.param("futures", 700, marks=pytest.mark.soak),
    pytest.param("dask", 5000, marks=pytest.mark.integration),
    pytest.param("futures", 400, marks=pytest.mark.soak),
    pytest.param("iterative", 400, marks=pytest.mark.soak),
    pytest.param("futures", 5000, marks=pytest.mark.soak),
    pytest.param("dask", 400, marks=pytest.mark.soak),
]
CERTIFICATION = Certification({101: [(1, 4), (7, 7)], 105: [(3, 30)], 109: [(2, 2)], 7: [(1, 9)]})


class Hard(Processor):
    """Muons above a transverse momentum; run and lumi are none of its columns."""

    columns = frozenset({"muon.pt"})

    def select(self, events, cutflow):
        return Table(pt=cutflow.cut("pt", events.muon, events.muon.pt > 4).pt)


PROCESSORS = [
    DsPhiPi(),
    DsPhiPi(name="loose", flight_significance=0.5, phi_window=(0.9, 1.2)),
    Hard(),
]
FILLING = [DsPhiPi(n_minus_one_histograms=True), *PROCESSORS[1:]]


def chunks_of(datasets, size, **how):
    columns = own_columns(datasets).union(*(one.columns for one in PROCESSORS))
    return make_chunks(check_files(datasets, columns), datasets, size, **how)


def wanted(run, lumi):
    return any(first <= lumi <= last for first, last in CERTIFICATION.ranges.get(run, ()))


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return several_runs.write_files(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def datasets(files):
    ordered, mixed = ({str(path): None} for path in files)
    return [
        Dataset("data", ordered, certification=CERTIFICATION),
        Dataset("more", mixed, certification=CERTIFICATION),
    ]


@pytest.fixture(scope="module")
def expected(files, tmp_path_factory):
    """What is found in files that have only the certified events."""
    folder = tmp_path_factory.mktemp("kept")
    kept = [several_runs.keep(path, folder / path.name, wanted) for path in files]
    names = ("data", "more")
    whole = [Dataset(n, {str(path): None}) for n, path in zip(names, kept, strict=True)]
    return execute(chunks_of(whole, 100_000), FILLING)


def without_file(candidates):
    return {name: candidates[name].tolist() for name in candidates.fields if name != "file"}


@pytest.mark.parametrize(("executor", "size"), EXECUTORS)
def test_certified_events_are_those_of_a_slow_loop(executor, size, datasets, expected, request):
    client = request.getfixturevalue("client") if executor == "dask" else None
    found = execute(
        chunks_of(datasets, size),
        FILLING,
        certifications=certifications_of(datasets),
        executor=executor,
        client=client,
    )
    assert [(file.expected, file.read) for file in found.files] == [(1500, 1500)] * 2
    assert found.warnings == ()
    for name, then in expected.processors.items():
        now = found.processors[name]
        assert without_file(now.candidates) == without_file(then.candidates)
        assert now.candidates.type == then.candidates.type
        assert now.counters == then.counters
        assert now.histograms == then.histograms
        for dataset, steps in then.cutflow.items():
            everything, certified, *rest = now.cutflow[dataset]
            assert (everything["name"], everything["events"]) == ("all", 1500)
            assert {**steps[0], "name": "certified"} == certified
            assert rest == steps[1:]
            assert 300 < certified["events"] < 700


def test_first_row_counts_what_was_read(files, datasets):
    """It is the first row of a run without a certification."""
    plain = [replace(dataset, certification=None) for dataset in datasets]
    then = execute(chunks_of(plain, 700), PROCESSORS)
    now = execute(chunks_of(datasets, 700), PROCESSORS, certifications=certifications_of(datasets))
    for name, result in then.processors.items():
        for dataset, steps in result.cutflow.items():
            assert now.processors[name].cutflow[dataset][0] == steps[0]


def test_rows_are_uniform_and_simulation_keeps_everything(files, datasets):
    simulation = Dataset("mc", {str(files[1]): None}, is_mc=True)
    plain = Dataset("plain", {str(files[1]): None})
    for other in (simulation, plain):
        both = [datasets[0], other]
        found = execute(chunks_of(both, 5000), PROCESSORS, certifications=certifications_of(both))
        alone = execute(chunks_of([other], 5000), PROCESSORS)
        for name, result in alone.processors.items():
            steps = result.cutflow[other.name]
            now = found.processors[name].cutflow
            assert [s["name"] for s in now["data"]] == [s["name"] for s in now[other.name]]
            assert now[other.name] == [steps[0], {**steps[0], "name": "certified"}, *steps[1:]]
            rows = found.processors[name].candidates
            rows = rows[rows.dataset == other.name]
            assert rows.tolist() == result.candidates.tolist()


def test_nothing_certified_is_a_warning(datasets):
    certification = Certification.of_runs([999])
    none = [replace(datasets[0], certification=certification), datasets[1]]
    chunks = chunks_of(none, 700)
    contract = dry_run(chunks, PROCESSORS)
    found = execute(chunks, PROCESSORS, certifications=certifications_of(none), expected=contract)
    (warning,) = found.warnings
    assert "1500" in warning
    assert "data" in warning
    for result in found.processors.values():
        assert {step["events"] for step in result.cutflow["data"][1:]} == {0}
        assert set(result.candidates.dataset.tolist()) == {"more"}


def test_keys_of_chunks_depend_on_what_is_certified(datasets):
    plain = [replace(dataset, certification=None) for dataset in datasets]
    other = [replace(dataset, certification=Certification.of_runs([101])) for dataset in datasets]
    same = Certification(dict(reversed(CERTIFICATION.ranges.items())), source="elsewhere")
    again = [replace(dataset, certification=same) for dataset in datasets]
    keys = [
        chunk_keys(chunks_of(one, 5000), PROCESSORS[:1]) for one in (datasets, again, plain, other)
    ]
    assert keys[0] == keys[1]
    assert len({key for one in keys for key in one}) == 6


def test_missing_certification_is_an_error(datasets):
    with raises("execution.no-certification", path="data"):
        execute(chunks_of(datasets[:1], 5000), PROCESSORS)


def test_steps_of_the_same_name_are_an_error(datasets):
    class Certified(Hard):
        def select(self, events, cutflow):
            return Table(pt=cutflow.cut("certified", events.muon, events.muon.pt > 4).pt)

    with raises("processor.repeated-step", path="certified"):
        dry_run(chunks_of(datasets, 5000), [Certified()])


def test_cutflow_of_a_processor_without_a_first_row(datasets):
    class Own(Hard):
        def select(self, events, cutflow):
            table = super().select(events, cutflow)
            cutflow.steps = (Step("mine", 1, 2, 3.0),)
            return table

    found = execute(
        chunks_of(datasets[:1], 5000), [Own()], certifications=certifications_of(datasets)
    )
    steps = found.processors["Own"].cutflow["data"]
    assert [step["name"] for step in steps] == ["all", "certified", "mine"]
    assert steps[0]["events"] == steps[0]["candidates"] == 1500
    assert steps[1]["events"] == steps[1]["candidates"] == int(steps[1]["sumw"])
    assert 300 < steps[1]["events"] < 700


def test_columns_are_read_for_some_of_the_processors(datasets):
    """As when a run is resumed with a processor that does not read run and lumi."""
    certifications = certifications_of(datasets)
    chunks = chunks_of(datasets, 5000)
    then = execute(chunks, PROCESSORS, certifications=certifications)
    shared = tuple(PROCESSORS), {}, False, (), certifications
    rows = [
        process_task(0, ChunkTask(chunk, frozenset({"Hard"})), shared).outputs["Hard"].candidates
        for chunk in chunks
    ]
    assert np.concatenate(rows).pt.tolist() == then.processors["Hard"].candidates.pt.tolist()
