"""What happens to a Dask cluster of real processes while it works, and what comes out."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest
from figures import record_figure

from tau3mu.clusters.dask_settings import SCHEDULER_SETTINGS
from tau3mu.errors import RunError
from tau3mu.execution.chunk import process_task
from tau3mu.execution.dask_pool import DaskPool

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

EVENTS = 12_000
EARLY = 6  # chunks that are finished when something happens
IN_TIME = 60  # on a busy machine, too; Dask itself would wait for ever
FEWER_DEATHS = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}  # each costs some seconds


@pytest.fixture
def connect():
    """Gives clients of a cluster of processes, and closes them."""
    from distributed import Client

    clients = []

    def give(cluster, workers=0):
        clients.append(Client(cluster.address))
        if workers:
            clients[-1].wait_for_workers(workers, timeout=120)
        return clients[-1]

    yield give
    for client in clients:
        client.close()


class Stopwatch:
    """Runs something and remembers when."""

    def __init__(self, action):
        self.action = action
        self.at = float("nan")

    def __call__(self):
        self.action()
        self.at = time.monotonic()

    @property
    def seconds(self):
        return round(time.monotonic() - self.at, 1)


def pids(client):
    """The processes of the workers, not of their nannies."""
    return list(client.run(os.getpid).values())


def test_nothing_is_changed_by_the_way_to_the_workers(work, cluster, connect):
    """A result that depends on where it was made would differ from that of this process."""
    client = connect(cluster(2), 2)
    begin = time.monotonic()
    finished = work.run(DaskPool(client, process_task, work.shared))
    work.check(finished)
    assert len({one.worker for one in finished.values()}) == 2
    seconds = round(time.monotonic() - begin, 1)
    record_figure("no fault", events_in=EVENTS, events_out=work.events(finished), seconds=seconds)


def test_sigkill_of_one_of_two_workers(work, cluster, connect):
    """Chunks of the dead worker would be missing or double, or the run would wait for it."""
    running = cluster(2)
    client = connect(running, 2)
    fault = Stopwatch(running.workers[0].kill)
    finished = work.run(DaskPool(client, process_task, work.shared), after=EARLY, then=fault)
    work.check(finished)
    record_figure(
        "SIGKILL of 1 of 2 workers",
        events_in=EVENTS, events_out=work.events(finished), seconds=fault.seconds,
    )  # fmt: skip


def test_sigkill_of_all_workers_while_others_join_later(work, cluster, connect):
    """The run would end, or forget what the dead workers had, though there is help."""
    running = cluster(2)
    client = connect(running, 2)

    def replace_all():
        for worker in running.workers:
            worker.kill()
        running.add_worker()

    fault = Stopwatch(replace_all)
    finished = work.run(DaskPool(client, process_task, work.shared), after=EARLY, then=fault)
    work.check(finished)
    record_figure(
        "SIGKILL of all workers, another joins",
        events_in=EVENTS, events_out=work.events(finished), seconds=fault.seconds,
    )  # fmt: skip


def test_sigkill_of_all_workers_for_good(work, cluster, connect):
    """Dask itself would wait for ever."""
    running = cluster(1)
    client = connect(running, 1)
    fault = Stopwatch(running.workers[0].kill)
    pool = DaskPool(client, process_task, work.shared, no_workers_timeout=4)
    with pytest.raises(RunError, match="has had no workers for 4 s"):
        work.run(pool, after=EARLY, then=fault)
    assert 4 <= fault.seconds < IN_TIME
    record_figure("SIGKILL of all workers", timeout=4, seconds=fault.seconds)


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)]
)
def test_end_of_the_scheduler(how, work, cluster, connect):
    """The driver would wait for results that nobody can bring."""
    running = cluster(1)
    client = connect(running, 1)
    fault = Stopwatch(partial(running.scheduler.send, how))
    with pytest.raises(RunError, match=rf"scheduler at {running.address} is gone.*--resume"):
        work.run(DaskPool(client, process_task, work.shared), after=EARLY, then=fault)
    assert fault.seconds < IN_TIME
    record_figure(f"{how.name} of the scheduler", seconds=fault.seconds)


def test_sigstop_of_the_scheduler(work, cluster, connect):
    """A scheduler that is there but silent closes no connection: nothing would ever happen."""
    running = cluster(1)
    client = connect(running, 1)
    fault = Stopwatch(running.scheduler.stop)
    pool = DaskPool(client, process_task, work.shared, worker_timeout=4)
    with pytest.raises(RunError, match=rf"{running.address} has not answered for 4 s"):
        work.run(pool, after=EARLY, then=fault)
    assert fault.seconds < IN_TIME
    record_figure("SIGSTOP of the scheduler", timeout=4, seconds=fault.seconds)
    running.scheduler.cont()


@pytest.mark.parametrize("with_nanny", [True, pytest.param(False, marks=pytest.mark.soak)])
def test_sigstop_of_a_worker(with_nanny, work, cluster, connect, caplog):
    """Its chunks would stay with it for ever, since its connections stay open."""
    running = cluster(2)
    client = connect(running, 2)
    if with_nanny:  # is stopped as well
        action = running.workers[0].stop
    else:
        action = partial(os.kill, pids(client)[0], signal.SIGSTOP)
    fault = Stopwatch(action)
    pool = DaskPool(client, process_task, work.shared, worker_timeout=4)
    finished = work.run(pool, after=EARLY, then=fault)
    work.check(finished)
    assert "has not answered for 4 s: it is restarted" in caplog.text
    record_figure(
        f"SIGSTOP of a worker{' and its nanny' * with_nanny}",
        events_in=EVENTS, events_out=work.events(finished), timeout=4, seconds=fault.seconds,
    )  # fmt: skip


def test_workers_that_join_late(work, cluster, connect):
    """A run that counts its workers at the start would not wait, or not use the second."""
    running = cluster(0, TOY_SLEEP="1")
    client = connect(running)
    running.add_worker()
    finished = work.run(
        DaskPool(client, process_task, work.shared), after=1, then=running.add_worker
    )
    work.check(finished)
    workers = len({one.worker for one in finished.values()})
    assert workers == 2
    record_figure(
        "workers join late",
        events_in=EVENTS, events_out=work.events(finished), workers=workers,
    )  # fmt: skip


def test_chunk_that_kills_its_worker(work, cluster, connect):
    """The run would never end, or end without saying which chunk it was, or blame its neighbour."""
    bad = 11
    running = cluster(2, TOY_POISON=work.first_event(bad), **FEWER_DEATHS)
    client = connect(running, 2)
    begin = time.monotonic()
    finished = work.run(DaskPool(client, process_task, work.shared))
    work.check(finished, without=(bad,))
    failure = finished[bad].failure
    assert failure.kind == "worker_lost"
    assert work.chunks[bad].path in failure.message
    assert f"entries {work.chunks[bad].start} to {work.chunks[bad].stop}" in failure.message
    assert finished[bad].worker in failure.message
    assert "--chunk-size" in failure.message
    record_figure(
        "chunk that kills its worker", events_in=EVENTS, events_out=work.events(finished),
        named=1, seconds=round(time.monotonic() - begin, 1),
    )  # fmt: skip


def test_chunk_beyond_the_memory_of_a_worker(work, cluster, connect):
    """The run would end without saying which chunk needs too much, nor that it is the memory."""
    bad = 5
    running = cluster(0, TOY_HOG=work.first_event(bad), **FEWER_DEATHS)
    running.add_worker("--memory-limit", "1.2GB")
    client = connect(running, 1)
    begin = time.monotonic()
    finished = work.run(DaskPool(client, process_task, work.shared))
    work.check(finished, without=(bad,))
    failure = finished[bad].failure
    assert failure.kind == "worker_lost"
    assert "more memory than the limit of 1.2 GB" in failure.message
    record_figure(
        "chunk beyond the memory limit", events_in=EVENTS, events_out=work.events(finished),
        named=1, seconds=round(time.monotonic() - begin, 1),
    )  # fmt: skip


def test_sigkill_and_then_a_poisonous_chunk_in_a_local_cluster(work, monkeypatch):
    """With Dask's own settings the cluster loses its nannies and the run hangs for ever."""
    import dask
    from distributed import Client, LocalCluster

    bad = 30
    monkeypatch.setenv("TOY_POISON", work.first_event(bad))
    monkeypatch.setenv("TOY_SLEEP", "0.2")
    with (
        dask.config.set(SCHEDULER_SETTINGS | {"distributed.scheduler.allowed-failures": 1}),
        LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR"
        ) as local,
        Client(local) as client,
    ):
        (pid,) = pids(client)
        fault = Stopwatch(partial(os.kill, pid, signal.SIGKILL))
        finished = work.run(DaskPool(client, process_task, work.shared), after=EARLY, then=fault)
    work.check(finished, without=(bad,))
    assert finished[bad].failure.kind == "worker_lost"
    record_figure(
        "SIGKILL, then a chunk that kills", events_in=EVENTS, events_out=work.events(finished),
        named=1, seconds=fault.seconds,
    )  # fmt: skip


@pytest.mark.soak
@pytest.mark.parametrize("seconds", [15, 60])
def test_workers_that_die_at_random(seconds, work, cluster, connect):
    """Work would be lost or done twice when any moment of a worker may be its last."""
    from distributed.chaos import KillWorker

    # These deaths have nothing to do with the chunks, so that none is to be given up.
    running = cluster(2, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="50")
    client = connect(running, 2)
    client.register_plugin(KillWorker("12s", mode="segfault"), name="chaos")
    begin = time.monotonic()
    rounds, events, workers = 0, 0, set()
    while rounds == 0 or time.monotonic() < begin + seconds:
        finished = work.run(DaskPool(client, process_task, work.shared))
        work.check(finished)
        rounds += 1
        events += work.events(finished)
        workers |= {one.worker for one in finished.values()}
    assert events == rounds * EVENTS
    record_figure(
        f"workers die at random for {seconds} s", events_in=rounds * EVENTS, events_out=events,
        workers=len(workers), rounds=rounds, seconds=round(time.monotonic() - begin, 1),
    )  # fmt: skip
