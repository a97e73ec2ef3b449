"""The driver loop accounts for every chunk: tried again, failed with its file, or named."""

from __future__ import annotations

import time
from dataclasses import replace

import ak_equal
import errors
import pytest
from figures import record_figure
from misbehaving_server import misbehaving_server

from tau3mu.errors import InputError, RunError
from tau3mu.execution import ProcessorError, RetryPolicy, execute
from tau3mu.execution.chunk import ChunkTask, process_chunk
from tau3mu.execution.loop import Listener, process_chunks
from tau3mu.execution.merge import Totals
from tau3mu.execution.pool import Failure, Finished

QUICK = RetryPolicy(retries=2, backoff=0.1, timeout=20)


class Scripted:
    """A pool in which chunks fail as told: by index, the failures of the first tries."""

    def __init__(self, processors, failures=(), capacity=3, *, hang=()):
        self.processors, self.failures = processors, {i: list(f) for i, f in dict(failures).items()}
        self.hang, self.size = set(hang), capacity
        self.flying, self.submitted, self.cancelled = {}, [], []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.flying.clear()

    def capacity(self):
        return self.size

    def submit(self, index, task):
        assert len(self.flying) < self.size
        self.flying[index] = task
        self.submitted.append((index, time.monotonic()))

    def collect(self, timeout):
        ready = [index for index in self.flying if index not in self.hang]
        if not ready:
            time.sleep(timeout)
            return []
        index = ready[-1]
        task = self.flying.pop(index)
        if self.failures.get(index):
            return [Finished(index, None, self.failures[index].pop(0))]
        return [Finished(index, process_chunk(task.chunk, self.processors))]

    def cancel(self, indices):
        self.cancelled += indices
        for index in indices:
            del self.flying[index]


class Kept(Listener):
    """Keeps what it is told."""

    def __init__(self, chunks, processors):
        self.totals = Totals(chunks, processors)
        self.attempts, self.results = [], {}

    def attempted(self, index, attempt):
        self.attempts.append(attempt)

    def done(self, index, result):
        assert index not in self.results
        self.results[index] = result
        self.totals.add(index, result)

    def failed(self, index, reason):
        self.totals.fail(index, reason)

    @property
    def bad(self):
        return self.totals.failed


def run(chunks, pool, retry_policy=QUICK, kept=None):
    kept = kept or Kept(chunks, pool.processors)
    tasks = {index: ChunkTask(chunk) for index, chunk in enumerate(chunks)}
    return process_chunks(tasks, pool, retry_policy=retry_policy, listener=kept), kept


@pytest.fixture
def chunks(counting, demo):
    return counting.chunks(demo, 1000)


@pytest.fixture
def processors(counting):
    return counting.load()


def test_what_may_pass_is_tried_again_later_each_time(chunks, processors):
    """Without back-off a server that is overloaded is asked again at once and fails again."""
    busy = Failure("transient", "busy")
    pool = Scripted(processors, {4: [busy, busy]})
    outcome, kept = run(chunks, pool)
    assert sorted(kept.results) == list(range(12))
    assert [a.outcome for a in kept.attempts if a.start == 4000 and "1.root" in a.file] == [
        "transient", "transient", "done",
    ]  # fmt: skip
    times = [when for index, when in pool.submitted if index == 4]
    assert times[1] - times[0] >= 0.1
    assert times[2] - times[1] >= 0.2
    assert outcome.attempts == 14


def test_what_does_not_pass_fails_the_whole_file(chunks, processors):
    """Otherwise the first half of a broken file would count: the events of chunks before it."""
    pool = Scripted(processors, {3: [Failure("transient", "busy")] * 3})
    _, kept = run(chunks, pool)
    assert kept.bad == {("toy", chunks[0].path, chunks[0].tree): ["busy (3 tries)"]}
    assert [index for index, _ in pool.submitted].count(3) == 3


def test_a_bad_file_is_cancelled_and_not_read_on(chunks, processors):
    pool = Scripted(processors, {2: [Failure("bad_file", "torn")]})
    _, kept = run(chunks, pool)
    assert pool.cancelled
    assert {index for index, _ in pool.submitted} == {0, 1, 2, *range(6, 12)}
    assert kept.bad == {("toy", chunks[0].path, chunks[0].tree): ["torn"]}
    assert [a.reason for a in kept.attempts if a.outcome == "bad_file"] == ["torn"]
    assert set(range(6, 12)) <= set(kept.results)


def test_what_a_process_lacks_is_tried_again(chunks, processors):
    pool = Scripted(processors, {3: [Failure("resources", "not enough memory")] * 2})
    outcome, kept = run(chunks, pool)
    assert (kept.bad, outcome.attempts) == ({}, 14)
    assert [a.outcome for a in kept.attempts].count("resources") == 2


def test_what_a_process_lacks_for_good_ends_the_run_and_no_file_is_bad(chunks, processors):
    """A good file would be skipped: its events would be lost, with exit code 0."""
    pool = Scripted(processors, {3: [Failure("resources", "not enough memory")] * 3})
    with pytest.raises(RunError, match=r"not enough memory \(3 tries\)"):
        run(chunks, pool)
    assert [index for index, _ in pool.submitted].count(3) == 3


@pytest.mark.parametrize("timeout", [0, -1, float("nan")])
def test_times_that_are_no_times(timeout):
    with pytest.raises(InputError):
        RetryPolicy(timeout=timeout)


@pytest.mark.parametrize("timeout", [1e20, float("inf"), 10**300])
def test_times_beyond_all_clocks_are_no_limit(counting, demo, timeout):
    chunks = counting.chunks(demo, 6000)
    found = execute(chunks, counting.load(), retry_policy=RetryPolicy(timeout=timeout))
    assert sum(file.read for file in found.files) == 12_000


def test_one_chunk_that_kills_is_named_and_the_others_are_kept(chunks, processors):
    pool = Scripted(processors, {5: [Failure("worker_lost", "chunk five")]})
    kept = Kept(chunks, processors)
    with errors.raises("execution.worker-lost", mentions=("1 chunks", "chunk five")):
        run(chunks, pool, kept=kept)
    assert sorted(kept.results) == [i for i in range(12) if i != 5]


def test_if_every_chunk_kills_the_run_does_not_try_them_all(chunks, processors):
    pool = Scripted(processors, {i: [Failure("worker_lost", f"chunk {i}")] for i in range(12)})
    with pytest.raises(RunError, match="5 chunks killed the process"):
        run(chunks, pool)


def test_what_cannot_get_better_ends_the_run_at_once(chunks, processors):
    pool = Scripted(processors, {2: [Failure("fatal", "no permission")]})
    with pytest.raises(RunError, match="no permission"):
        run(chunks, pool)
    assert len(pool.submitted) <= 4
    pool = Scripted(
        processors,
        {2: [Failure("fatal", "Mine failed", ProcessorError("Mine failed", "Traceback of it"))]},
    )
    with pytest.raises(ProcessorError, match="Mine failed") as error:
        run(chunks, pool)
    assert error.value.details == "Traceback of it"


def record_late(executor, limit, begin, most):
    """Asserts that a run without progress ended in time, and writes down when it did."""
    seconds = time.monotonic() - begin
    assert seconds < most
    record_figure(f"no chunk finishes: {executor}", limit=limit, seconds=round(seconds, 1))


def test_no_progress_is_an_error_that_names_what_is_in_flight(chunks, processors):
    """Without a watchdog this loop would wait for ever."""
    pool = Scripted(processors, hang={7})
    begin = time.monotonic()
    with pytest.raises(RunError, match=r"no chunk has finished for 1 s.*entries 1000 to 2000"):
        run(chunks, pool, RetryPolicy(timeout=1))
    record_late("a pool", 1, begin, 30)


def test_the_totals_do_not_depend_on_how_often_chunks_were_tried(chunks, processors):
    _, plain = run(chunks, Scripted(processors, capacity=1))
    failures = {1: [Failure("transient", "x")], 9: [Failure("transient", "y")]}
    _, torn = run(chunks, Scripted(processors, failures))
    assert list(torn.results) != list(plain.results)
    plain, torn = (one.totals.result().processors["Mine"] for one in (plain, torn))
    assert ak_equal.same_bits(plain.candidates, torn.candidates)
    assert (plain.cutflow, plain.histograms) == (torn.cutflow, torn.histograms)


@pytest.mark.parametrize("executor", ["iterative", "futures"])
def test_a_server_that_answers_503_twice_costs_time_and_no_events(
    executor, counting, demo, tmp_path
):
    """A run that does not try again would lose the file of a server that is busy for a second."""
    (tmp_path / "x.root").write_bytes(demo[0].read_bytes())
    with misbehaving_server(tmp_path) as (address, requests):
        chunks = [
            replace(chunk, path=f"{address}/503_twice/x.root")
            for chunk in counting.chunks([tmp_path / "x.root"], 3000)
        ]
        result = execute(
            chunks, counting.load(), executor=executor, workers=1,
            retry_policy=RetryPolicy(retries=3, backoff=0.1),
        )  # fmt: skip
        assert requests["/503_twice/x.root"] > 2
    assert not result.incomplete
    assert result.processors["Mine"].cutflow["toy"][0]["events"] == 6000
    assert result.attempts > len(chunks)


def test_a_chunk_that_takes_too_long_ends_an_iterative_run(counting, demo):
    """Nobody else watches a run in one process."""
    chunks = counting.chunks(demo[:1], 3000)
    processors = counting.load(pause=30)
    begin = time.monotonic()
    with pytest.raises(RunError, match=r"no chunk has finished for 1 s.*entries 0 to 3000"):
        execute(chunks, processors, retry_policy=RetryPolicy(timeout=1))
    record_late("iterative", 1, begin, 30)


@pytest.mark.integration
@pytest.mark.usefixtures("without_forks")
def test_a_process_that_hangs_ends_a_run_in_processes(counting, demo):
    chunks = counting.chunks(demo[:1], 3000)
    processors = counting.load(pause=60)
    begin = time.monotonic()
    with pytest.raises(RunError, match="no chunk has finished for 2 s"):
        execute(
            chunks, processors, executor="futures", workers=1, retry_policy=RetryPolicy(timeout=2)
        )
    record_late("futures", 2, begin, 40)


@pytest.mark.integration
@pytest.mark.usefixtures("without_forks")
def test_the_chunk_that_kills_its_process_is_found_among_those_in_flight(counting, demo, tmp_path):
    """With a pool that dies with its process, all chunks in flight would be lost or blamed."""
    chunks = counting.chunks(demo[:1], 500)
    body = "os.kill(os.getpid(), signal.SIGKILL) if number == POISON else None"
    poison = int(chunk_start(chunks[3]))
    processors = counting.load(body=body.replace("POISON", str(poison)))
    begin = time.monotonic()
    with pytest.raises(RunError, match="1 chunks killed the process") as error:
        execute(chunks, processors, executor="futures", workers=2, folder=tmp_path)
    assert f"{chunks[3].path}, entries 1500 to 2000" in str(error.value)
    done = {int(number) for number in counting.calls()}
    assert done == {int(chunk_start(chunk)) for chunk in chunks}
    kept = len(list((tmp_path / "checkpoints").iterdir()))
    assert kept == 11
    record_figure(
        "chunk that kills its process, futures", events_in=6000, events_out=500 * kept, named=1,
        checkpoints=kept, seconds=round(time.monotonic() - begin, 1),
    )  # fmt: skip


@pytest.mark.integration
def test_a_process_that_dies_once_costs_no_events(counting, demo, tmp_path):
    """Such as one that the system killed, since another program needed the memory."""
    chunks = counting.chunks(demo[:1], 500)
    flag = tmp_path / "died"
    body = (
        f"died = Path({str(flag)!r})\n"
        f"            if number == {int(chunk_start(chunks[5]))} and not died.exists():\n"
        "                died.touch()\n"
        "                os.kill(os.getpid(), signal.SIGKILL)"
    )
    processors = counting.load(body=body)
    result = execute(chunks, processors, executor="futures", workers=2)
    expected = execute(chunks, processors)
    assert flag.exists()
    assert result.processors["Mine"].cutflow == expected.processors["Mine"].cutflow
    assert ak_equal.same_bits(
        result.processors["Mine"].candidates, expected.processors["Mine"].candidates
    )


def chunk_start(chunk):
    import uproot

    with uproot.open({chunk.path: None}) as file:
        return file[chunk.tree]["evt"].array(entry_start=chunk.start, entry_stop=chunk.start + 1)[0]
