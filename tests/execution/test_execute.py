"""All executors find the same, whatever the size of the chunks, and lose nothing in silence."""

from __future__ import annotations

import csv
import json
import pickle
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import awkward as ak
import numpy as np
import pytest

from tau3mu.clusters.versions import versions_here
from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import InputError, RunError
from tau3mu.execution import ProcessorError, execute
from tau3mu.execution.chunk import ChunkTask, process_task, shared_by_tasks
from tau3mu.execution.dask_task import Task
from tau3mu.execution.pool import pack
from tau3mu.processing import load_processors
from tau3mu.processors import DsPhiPi, DsPhiPiNotebook

BOTH = [DsPhiPi(), DsPhiPiNotebook()]
pytestmark = pytest.mark.usefixtures("without_forks")  # here, processes are those of scripts


def chunks_of(datasets, size):
    return make_chunks(check_files(datasets, DsPhiPi.columns), datasets, size)


@pytest.fixture(scope="module")
def datasets(demo, skim):
    """Data and (what is treated as) simulation, not in alphabetical order."""
    return [
        Dataset("z-skim", {str(path): None for path in skim}),
        Dataset("demo", {str(demo[0]): None}),
        Dataset("mc", {str(demo[1]): None}, is_mc=True),
    ]


@pytest.fixture(scope="module")
def reference(datasets):
    return execute(chunks_of(datasets, 100_000), BOTH)


def run(executor, chunks, processors, client):
    return execute(chunks, processors, executor=executor, workers=2, client=client)


def pairs(often, seldom):
    """Marks pairs of parameters: each value is in one that runs often; the others go their ways."""
    return [
        *(pytest.param(*pair, marks=pytest.mark.integration) for pair in often),
        *(pytest.param(*pair, marks=pytest.mark.soak) for pair in seldom),
    ]


@pytest.mark.parametrize(
    ("executor", "size"),
    pairs(
        [("iterative", 5000), ("futures", 700), ("dask", 700)],
        [("iterative", 700), ("futures", 5000), ("dask", 5000)],
    ),
)
def test_every_executor_and_chunk_size_gives_the_same(executor, size, datasets, reference, client):
    result = run(executor, chunks_of(datasets, size), BOTH, client)
    assert result.files == reference.files
    for name, expected in reference.processors.items():
        found = result.processors[name]
        assert found.cutflow == expected.cutflow
        assert found.counters == expected.counters
        assert found.candidates.type == expected.candidates.type
        assert found.candidates.tolist() == expected.candidates.tolist()
        for key, histogram in expected.histograms.items():
            got = found.histograms[key]
            assert got.axes == histogram.axes
            assert np.array_equal(got.view(flow=True), histogram.view(flow=True))


def test_candidates_are_sorted_and_name_their_file(reference, skim, demo):
    found = reference.processors["dsphipi"].candidates
    origin = list(zip(found.dataset.tolist(), found.file.tolist(), strict=True))
    assert origin == sorted(origin)
    assert list(dict.fromkeys(found.dataset.tolist())) == ["demo", "mc", "z-skim"]
    assert {file for dataset, file in origin if dataset == "z-skim"} == {str(p) for p in skim}
    first = found[found.file == str(demo[0])]
    assert first.event.tolist() == sorted(first.event.tolist())


@pytest.mark.parametrize(
    ("executor", "sample"),
    pairs(
        [("iterative", "demo"), ("iterative", "skim"), ("futures", "skim"), ("dask", "demo")],
        [("futures", "demo"), ("dask", "skim")],
    ),
)
def test_every_executor_finds_what_root_finds(executor, sample, request, oracle, client):
    paths = request.getfixturevalue(sample)
    dataset = Dataset(sample, {str(path): None for path in paths})
    result = run(executor, chunks_of([dataset], 4000), BOTH, client)
    for processor, mode in zip(BOTH, ("intended", "notebook"), strict=True):
        expected = json.loads((oracle / f"dsphipi_{sample}_{mode}.json").read_text())
        found = result.processors[processor.name]
        flow = {step["name"]: step["events"] for step in found.cutflow[sample]}
        assert flow == expected["cutflow"]
        mass = found.histograms["mass"][sample, "nominal", :]
        assert mass.values().tolist() == expected["hist"]
        with (oracle / f"dsphipi_{sample}_{mode}_events.csv").open() as file:
            events = sorted(
                (int(r["run"]), int(r["lumi"]), int(r["evt"]), int(r["triplet"]))
                for r in csv.DictReader(file)
            )
        columns = (found.candidates[name].tolist() for name in ("run", "lumi", "event", "triplet"))
        assert sorted(zip(*columns, strict=True)) == events
        total = ak.sum(found.candidates.vertex_chi2)
        assert total == pytest.approx(expected["sum_chi2"], rel=1e-12)


def test_a_dataset_without_candidates_is_in_every_result(skim):
    chunks = chunks_of([Dataset("none", {str(skim[0]): None})], 1500)
    result = execute([replace(chunks[0], stop=9)], BOTH)  # the first candidate is in entry 9
    found = result.processors["dsphipi"]
    assert len(found.candidates) == 0
    assert found.candidates.fields[:3] == ["dataset", "file", "run"]
    assert "string" in str(found.candidates.dataset.type)
    assert list(found.histograms["mass"].axes["dataset"]) == ["none"]
    assert found.cutflow["none"][0]["events"] == 9


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["iterative", "futures", "dask"])
def test_a_file_that_changed_after_the_check_is_named_and_the_rest_is_kept(
    executor, demo, skim, tmp_path, client
):
    path = tmp_path / "changing.root"
    shutil.copy(demo[0], path)
    chunks = chunks_of([Dataset("one", {str(path): None, str(demo[1]): None})], 4000)
    shutil.copy(skim[0], path)
    result = run(executor, chunks, [DsPhiPi()], client)
    (missing,) = result.incomplete
    assert (missing.path, missing.expected, missing.read) == (str(path), 6000, 0)
    assert "has changed since it was checked" in missing.errors[0]
    assert result.processors["dsphipi"].cutflow["one"][0]["events"] == 6000
    assert set(result.processors["dsphipi"].candidates.file.tolist()) == {str(demo[1])}


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["iterative", "futures", "dask"])
def test_a_failing_processor_is_named_with_file_and_entries(executor, demo, processor_file, client):
    path = processor_file("    def select(self, events, cutflow):\n        return events.nothing\n")
    processors = load_processors([f"{path}:Mine"])
    chunks = chunks_of([Dataset("one", {str(demo[0]): None})], 10_000)
    with pytest.raises(ProcessorError, match=rf"Mine failed on {demo[0]}, entries 0 to 6000") as e:
        run(executor, chunks, processors, client)
    assert "AttributeError" in str(e.value)
    assert "return events.nothing" in e.value.details


@pytest.mark.integration
def test_a_processor_that_kills_its_process_is_an_error_not_a_hang(demo, processor_file):
    path = processor_file(
        "    def select(self, events, cutflow):\n        os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    processors = load_processors([f"{path}:Mine"])
    chunks = chunks_of([Dataset("one", {str(demo[0]): None})], 10_000)
    with pytest.raises(RunError, match="1 chunks killed the process"):
        execute(chunks, processors, executor="futures", workers=1)


def test_no_chunks_are_an_error():
    with pytest.raises(InputError, match="no events to process"):
        execute([], BOTH)


def test_dask_without_client_is_an_error(datasets):
    with pytest.raises(InputError, match="needs a client"):
        execute(chunks_of(datasets[:1], 1500), BOTH, executor="dask")


def test_tasks_for_dask_are_small(datasets):
    """A task of `uproot.dask` would be 10 MB for the same tree."""
    chunk = chunks_of(datasets[:1], 1500)[0]
    packed = pack(process_task, shared_by_tasks(BOTH))
    task = pickle.dumps(Task(0, ChunkTask(chunk), packed, versions_here()))
    assert len(task) < 20_000


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["futures", "dask"])
def test_interrupting_leaves_no_processes(executor, demo, processor_file, tmp_path):
    """Ctrl-C reaches the whole process group, as in a terminal."""
    import os
    import signal

    pids = tmp_path / "pids"
    path = processor_file(
        "    def select(self, events, cutflow):\n"
        "        import time, pathlib\n"
        "        if len(events):\n"
        f"            (pathlib.Path({str(pids)!r}) / str(os.getpid())).touch()\n"
        "            time.sleep(60)\n"
        "        return super().select(events, cutflow)\n"
    )
    pids.mkdir()
    run = subprocess.Popen(
        [sys.executable, "-m", "tau3mu.run", "--executor", executor, "--workers", "2",
         "--processor", f"{path}:Mine", "--no-fit", "--output", str(tmp_path / "out")],
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while len(list(pids.iterdir())) < 2:
        assert time.monotonic() < deadline, "the workers did not start"
        assert run.poll() is None, run.stderr.read()
        time.sleep(0.2)
    os.killpg(run.pid, signal.SIGINT)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    deadline = time.monotonic() + 20
    alive = [pid.name for pid in pids.iterdir()]
    while alive and time.monotonic() < deadline:
        alive = [pid for pid in alive if os.path.exists(f"/proc/{pid}")]  # noqa: PTH110
        time.sleep(0.2)
    assert not alive


@pytest.mark.integration
def test_a_processor_of_a_file_reaches_workers_that_do_not_have_it(
    demo, processor_file, client, reference
):
    path = processor_file("    cut = 1.9\n", name="only_here.py")
    processors = load_processors([f"{path}:Mine"])
    path.unlink()
    chunks = chunks_of([Dataset("demo", {str(demo[0]): None})], 3000)
    found = run("dask", chunks, processors, client).processors["Mine"]
    assert found.cutflow["demo"] == reference.processors["dsphipi"].cutflow["demo"]


def test_steps_that_differ_between_chunks_are_an_error(demo, processor_file):
    path = processor_file(
        "    def select(self, events, cutflow):\n"
        "        from tau3mu.outputs import Selection\n"
        "        from tau3mu.selection import step\n"
        "        found = super().select(events, cutflow)\n"
        "        first = int(events.event[0]) if len(events) else 0\n"
        "        more = (step('odd', found.candidates.weight, 0),) if first > 2000 else ()\n"
        "        return Selection(found.candidates, (*found.cutflow, *more), found.counters)\n"
    )
    processors = load_processors([f"{path}:Mine"])
    chunks = chunks_of([Dataset("one", {str(demo[0]): None})], 2000)
    with pytest.raises(RunError, match=r"Mine has other cutflow steps in .* entries 2000 to 4000"):
        execute(chunks, processors)
