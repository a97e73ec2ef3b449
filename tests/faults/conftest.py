"""Chunks, what should come out of them, and a loop as the driver has it, but as short as can be."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import awkward as ak
import pytest
import uproot
from cluster_processes import ClusterProcesses

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.execution.chunk import ChunkTask, process_chunk, shared_by_tasks
from tau3mu.processing import load_processors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tau3mu.datasets import Chunk
    from tau3mu.execution.chunk import ChunkResult
    from tau3mu.execution.pool import Finished, Pool
    from tau3mu.processing import Processor


@dataclass
class Work:
    """Chunks of the demo files, the processors, and what this process finds."""

    chunks: list[Chunk]
    processors: list[Processor]
    reference: list[ChunkResult]

    @property
    def shared(self) -> object:
        """What the pools need."""
        return shared_by_tasks(self.processors)

    def first_event(self, index: int) -> str:
        """The run and number of the first event of a chunk, by which the toy processor knows it."""
        chunk = self.chunks[index]
        with uproot.open(chunk.path) as file:
            first = file[chunk.tree].arrays(
                ["run", "evt"], entry_start=chunk.start, entry_stop=chunk.start + 1
            )[0]
        return f"{first.run}:{first.evt}"

    def run(
        self,
        pool: Pool,
        *,
        after: int = 0,
        then: Callable[[], object] = lambda: None,
        timeout: float = 300.0,
    ) -> dict[int, Finished]:
        """Returns what became of each chunk; calls `then` once `after` chunks have finished."""
        waiting = list(enumerate(self.chunks))
        finished: dict[int, Finished] = {}
        flying = 0
        called = False
        deadline = time.monotonic() + timeout
        with pool:
            while len(finished) < len(self.chunks):
                assert time.monotonic() < deadline, f"{len(finished)} chunks after {timeout} s"
                while waiting and flying < pool.capacity():
                    index, chunk = waiting.pop(0)
                    pool.submit(index, ChunkTask(chunk))
                    flying += 1
                for one in pool.collect(0.5):
                    assert one.index not in finished
                    finished[one.index] = one
                    flying -= 1
                if not called and len(finished) >= after:
                    called = True
                    then()
        return finished

    def events(self, finished: dict[int, Finished]) -> int:
        """How many events were read."""
        return sum(one.result.entries for one in finished.values() if one.result is not None)

    def check(self, finished: dict[int, Finished], *, without: tuple[int, ...] = ()) -> None:
        """Asserts that all results are, bit by bit, those of this process."""
        assert sorted(finished) == list(range(len(self.chunks)))
        for index, one in finished.items():
            if index in without:
                continue
            assert one.failure is None, one.failure
            assert_same(one.result, self.reference[index])


def assert_same(result: ChunkResult, expected: ChunkResult) -> None:
    """Asserts that two results have the same types and the same bits."""
    assert (result.entries, result.outputs.keys()) == (expected.entries, expected.outputs.keys())
    for name, wanted in expected.outputs.items():
        found = result.outputs[name]
        assert (found.cutflow, found.counters) == (wanted.cutflow, wanted.counters)
        form, length, buffers = ak.to_buffers(found.candidates)
        wanted_form, wanted_length, wanted_buffers = ak.to_buffers(wanted.candidates)
        assert (form, length) == (wanted_form, wanted_length)
        for key, buffer in buffers.items():
            assert buffer.tobytes() == wanted_buffers[key].tobytes(), key


@pytest.fixture(scope="session")
def work(demo) -> Work:
    """40 chunks of 300 events, of both demo files."""
    processors = load_processors([f"{Path(__file__).parent / 'toy_processor.py'}:Toy"])
    datasets = [Dataset("demo", {str(path): None for path in demo})]
    chunks = make_chunks(check_files(datasets, processors[0].columns), datasets, 300)
    reference = [process_chunk(chunk, processors) for chunk in chunks]
    assert not [result.failure for result in reference if result.failure]
    return Work(chunks, processors, reference)


@pytest.fixture
def cluster(tmp_path) -> Iterator[Callable[..., ClusterProcesses]]:
    """Starts a scheduler and some workers, with this environment; all end with the test."""
    started = []

    def start(workers: int, **environment: str) -> ClusterProcesses:
        folder = tmp_path / f"cluster-{len(started)}"
        one = ClusterProcesses(folder, environment={"TOY_SLEEP": "0.2", **environment})
        started.append(one.__enter__())
        for _ in range(workers):
            one.add_worker()
        return one

    yield start
    for one in started:
        one.__exit__(None, None, None)
