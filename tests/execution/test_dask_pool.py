"""The pool of a Dask cluster gives back what it is handed, whatever that is, and leaves nothing."""

from __future__ import annotations

import resource
import time
from dataclasses import replace

import ak_equal
import pytest
from cluster_processes import ClusterProcesses
from figures import record_figure

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import RunError
from tau3mu.execution.chunk import ChunkTask, process_chunk, process_task, shared_by_tasks
from tau3mu.execution.dask_pool import SPARE, DaskPool
from tau3mu.processing import load_processors
from tau3mu.processors import DsPhiPi

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def chunks(demo):
    """Eight chunks of 1500 events."""
    datasets = [Dataset("demo", {str(path): None for path in demo})]
    return make_chunks(check_files(datasets, DsPhiPi.columns), datasets, 1500)


def pool_of(client, processors):
    return DaskPool(client, process_task, shared_by_tasks(processors))


def ours(client):
    """How many tasks the scheduler has that a pool gave it, a moment after the last message."""

    def count(dask_scheduler):
        return sum(str(key).startswith("tau3mu-") for key in dask_scheduler.tasks)

    for _ in range(20):
        if not (left := client.run_on_scheduler(count)):
            break
        time.sleep(0.1)
    return left


def collect(pool, number, timeout=60):
    """Returns that many results by index."""
    deadline = time.monotonic() + timeout
    finished = {}
    while len(finished) < number:
        assert time.monotonic() < deadline
        finished |= {one.index: one for one in pool.collect(0.5)}
    return finished


def test_each_chunk_comes_back_once_and_the_scheduler_forgets_it(chunks, client):
    """Results that stay on a shared scheduler would fill its memory."""
    with pool_of(client, [DsPhiPi()]) as pool:
        for index, chunk in enumerate(chunks):
            pool.submit(index, ChunkTask(chunk))
        finished = collect(pool, len(chunks))
        assert pool.collect(0.2) == []
        assert ours(client) == 0  # already now
    for index, chunk in enumerate(chunks):
        expected = process_chunk(chunk, [DsPhiPi()]).outputs["dsphipi"]
        assert ak_equal.same_selection(finished[index].result.outputs["dsphipi"], expected)
        assert finished[index].worker == finished[index].result.worker


def test_a_failing_processor_is_fatal_for_the_run_and_leaves_nothing(
    chunks, client, processor_file
):
    """An error that stayed on the scheduler would be the answer to the repaired processor, too."""
    path = processor_file("    def select(self, events, cutflow):\n        return events.nothing\n")
    with pool_of(client, load_processors([f"{path}:Mine"])) as pool:
        pool.submit(3, ChunkTask(chunks[3]))
        failure = collect(pool, 1)[3].failure
        assert ours(client) == 0
    assert failure.kind == "fatal"
    assert f"Mine failed on {chunks[3].path}, entries 4500 to 6000" in failure.message
    assert "return events.nothing" in failure.error.details


def test_an_error_that_cannot_be_unpickled_arrives(chunks, client, processor_file):
    """Dask's client would only log that it can't unpickle it and wait for ever."""
    path = processor_file(
        "    def __setstate__(self, state):\n"
        "        class OnlyHere(Exception):\n"
        "            def __init__(self, one, two):\n"
        "                super().__init__('of my own')\n"
        "        raise OnlyHere(1, 2)\n"
        "    def __getstate__(self):\n"
        "        return {'any': 'state'}\n"
    )
    with pool_of(client, load_processors([f"{path}:Mine"])) as pool:
        pool.submit(0, ChunkTask(chunks[0]))
        failure = collect(pool, 1)[0].failure
    assert failure.kind == "fatal"
    assert f"{chunks[0].path}, entries 0 to 1500 failed on worker" in failure.message
    assert "OnlyHere: of my own" in failure.message
    assert "__setstate__" in failure.error.details


def test_a_finished_chunk_can_be_submitted_again(chunks, client):
    """With the same key Dask would return what it found the first time, though it was an error."""
    with pool_of(client, [DsPhiPi()]) as pool:
        results = []
        for _ in range(2):
            pool.submit(0, ChunkTask(chunks[0]))
            results.append(collect(pool, 1)[0].result)
    first, second = (result.outputs["dsphipi"] for result in results)
    assert ak_equal.same_selection(first, second)
    assert results[0].seconds != results[1].seconds


def test_cancelled_chunks_never_come_back(chunks, client):
    """The rest of a bad file would still be processed and counted."""
    with pool_of(client, [DsPhiPi()]) as pool:
        for index, chunk in enumerate(chunks):
            pool.submit(index, ChunkTask(chunk))
        pool.cancel([0, 2, 99])
        finished = collect(pool, len(chunks) - 2)
        assert pool.collect(0.5) == []
    assert sorted(finished) == [1, 3, 4, 5, 6, 7]


def test_leaving_in_the_middle_leaves_nothing(chunks, client):
    """After Ctrl-C a shared cluster would go on with a run that nobody waits for."""

    def interrupted():
        with pool_of(client, [DsPhiPi()]) as pool:
            for index, chunk in enumerate(chunks):
                pool.submit(index, ChunkTask(chunk))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert ours(client) == 0


def test_capacity_follows_the_workers(chunks, client):
    """A number taken at the start would leave workers idle that join later."""
    with pool_of(client, [DsPhiPi()]) as pool:
        deadline = time.monotonic() + 10
        while pool.capacity() == SPARE and time.monotonic() < deadline:
            time.sleep(0.1)
        assert pool.capacity() == 2 * sum(client.nthreads().values()) + SPARE


def test_workers_without_the_package_are_an_error_not_an_end_of_workers(chunks, tmp_path):
    """A task that a worker cannot unpickle takes the worker with it, one after the other."""
    from distributed import Client

    (tmp_path / "tau3mu.py").write_text("raise ModuleNotFoundError('no tau3mu here')\n")
    with ClusterProcesses(tmp_path, environment={"PYTHONPATH": str(tmp_path)}) as cluster:
        cluster.add_worker()
        with Client(cluster.address) as client, pool_of(client, [DsPhiPi()]) as pool:
            pool.submit(0, ChunkTask(chunks[0]))
            failure = collect(pool, 1)[0].failure
    assert failure.kind == "fatal"
    assert "ModuleNotFoundError: no tau3mu here" in failure.message


def test_a_late_worker_of_another_version_ends_the_run_with_a_table(chunks, tmp_path):
    """Versions are compared at the start: a worker that joins later would add its own results."""
    import awkward as ak
    from distributed import Client

    older = tmp_path / "older.py"
    older.write_text("import awkward\nawkward.__version__ = '2.6.1'\n")
    with (
        ClusterProcesses(tmp_path) as cluster,
        Client(cluster.address) as client,
        pool_of(client, [DsPhiPi()]) as pool,
    ):
        cluster.add_worker()
        pool.submit(0, ChunkTask(chunks[0]))
        (first,) = collect(pool, 1).values()
        assert first.failure is None
        cluster.add_worker("--preload", str(older))
        client.wait_for_workers(2, timeout=60)
        for index, chunk in enumerate(chunks[1:], 1):
            pool.submit(index, ChunkTask(chunk))
        done = collect(pool, len(chunks) - 1).values()
    refused = [one for one in done if one.failure is not None]
    assert refused
    assert {one.worker for one in done if one.failure is None} <= {first.worker}
    for one in refused:
        assert one.worker != first.worker
        assert one.result is None
        assert one.failure.kind == "fatal"
        head, _, _, row, todo = one.failure.message.splitlines()
        assert head == f"worker {one.worker} does not have the software of this process:"
        assert row.split() == ["awkward", ak.__version__, "2.6.1"]
        assert f"pip install awkward=={ak.__version__};" in todo


def test_a_restart_by_somebody_else_is_an_error(chunks, tmp_path):
    """A restart of the cluster forgets all tasks, and would leave the driver waiting."""
    from distributed import Client

    with (
        ClusterProcesses(tmp_path) as cluster,
        Client(cluster.address) as client,
        Client(cluster.address) as other,
        pool_of(client, [DsPhiPi()]) as pool,
    ):
        pool.submit(0, ChunkTask(chunks[0]))
        assert pool.collect(0.5) == []
        other.restart(wait_for_workers=False)
        with pytest.raises(RunError, match=r"cancelled the work.*scheduler-restart"):
            collect(pool, 1)


@pytest.mark.integration
@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", [100, pytest.param(500, marks=pytest.mark.soak)])
def test_many_chunks_leave_nothing_behind(chunks, client, number):
    """A pool that keeps every future, or every result, would grow with the number of chunks."""
    one = replace(chunks[0], stop=1)
    done = 0
    with pool_of(client, [DsPhiPi()]) as pool:
        pool.submit(0, ChunkTask(one))
        collect(pool, 1)
        before = resource.getrusage(resource.RUSAGE_SELF)
        flying, waiting = 0, iter(range(number))
        while done < number:
            while flying < pool.capacity() and (index := next(waiting, None)) is not None:
                pool.submit(index, ChunkTask(one))
                flying += 1
            finished = pool.collect(1)
            done += len(finished)
            flying -= len(finished)
        after = resource.getrusage(resource.RUSAGE_SELF)
        assert ours(client) == 0
        assert not [key for key in client.futures if key.startswith("tau3mu-")]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    grown = (after.ru_maxrss - before.ru_maxrss) / 1024
    record_figure("overhead of the Dask pool", ms_per_chunk=1e3 * cpu / number, megabytes=grown)
    assert grown < 50


@pytest.mark.parametrize(("error", "said"), [("CommClosedError", 0), ("TimeoutError", 1)])
def test_a_heartbeat_at_the_end_of_a_scheduler_is_no_news(client, error, said):
    async def beat(dask_worker):
        import builtins
        import logging

        import distributed.comm

        kind = getattr(distributed.comm, error, None) or getattr(builtins, error)

        class Scheduler:
            async def heartbeat_worker(self, **_):
                raise kind

        records = []
        handler = logging.Handler()
        handler.emit = records.append
        logger, scheduler = logging.getLogger("distributed.worker"), dask_worker.scheduler
        logger.addHandler(handler)
        dask_worker.scheduler = Scheduler()
        try:
            await dask_worker.heartbeat()
        finally:
            dask_worker.scheduler = scheduler
            logger.removeHandler(handler)
        return len(records)

    worker = next(iter(client.scheduler_info()["workers"]))
    assert client.run(beat, workers=[worker]) == {worker: said}
