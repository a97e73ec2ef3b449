"""The driver loop, the same for all pools: hands out chunks and accounts for each of them.

What may go well later is tried again, after a longer pause each time. If a file cannot be read, it
fails as a whole, so that a run never has half of it. A chunk that kills its process is named at the
end. What cannot get better ends the run at once.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tau3mu.errors import InputError, RunError
from tau3mu.execution.ledger import Attempt
from tau3mu.execution.merge import file_of
from tau3mu.execution.pool import Failure, no_progress

if TYPE_CHECKING:
    from collections.abc import Iterable, MutableMapping, Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.execution.chunk import ChunkResult, ChunkTask
    from tau3mu.execution.merge import FileKey
    from tau3mu.execution.pool import FailureKind, Finished, Pool

__all__ = ["Listener", "Outcome", "RetryPolicy", "attempt_at", "process_chunks"]

log = logging.getLogger(__name__)

_MANY_KILLED = 5
_TICK = 1.0


@dataclass(frozen=True)
class RetryPolicy:
    """How often to try a chunk, and how long to wait.

    Attributes:
        retries: How often a chunk is tried again after an error that may pass.
        backoff: Seconds before the first of these tries; twice as long before each further one.
        timeout: Seconds without any chunk that finishes, after which the run ends.
    """

    retries: int = 2
    backoff: float = 1.0
    timeout: float = 1800.0

    def __post_init__(self) -> None:
        """Refuses times by which nothing would ever end."""
        if not self.timeout > 0 or not self.backoff >= 0 or self.retries < 0:
            message = (
                f"retries {self.retries}, backoff {self.backoff} s, timeout {self.timeout} s: "
                "expected numbers of at least 0, and a timeout above 0"
            )
            raise InputError(message, code="execution.retry-policy")


class Listener:
    """Is told what happens to the chunks; by default it does nothing."""

    def attempted(self, index: int, attempt: Attempt) -> None:
        """Is called after each attempt."""

    def done(self, index: int, result: ChunkResult) -> None:
        """Is called with the result of each chunk that could be read."""

    def failed(self, index: int, reason: str) -> None:
        """Is called when the file of a chunk has failed."""

    def split(self, index: int, members: Sequence[int]) -> None:
        """Is called when the chunks of a task are to be done one by one.

        Args:
            index: That of the task.
            members: All of its chunks, which are tasks now.
        """

    def watch(self) -> None:
        """Is called at least every few seconds; what it raises ends the run."""


@dataclass
class Outcome:
    """How the processing went.

    Attributes:
        killed: The chunks that killed their processes.
        attempts: How often a chunk was tried, all chunks together.
    """

    killed: list[str] = field(default_factory=list)
    attempts: int = 0


def process_chunks(
    tasks: MutableMapping[int, ChunkTask],
    pool: Pool,
    *,
    retry_policy: RetryPolicy,
    listener: Listener,
) -> Outcome:
    """Returns how it went once each chunk is done or given up.

    Args:
        tasks: What to do, in this order, by the index of the chunk. One of several chunks is
            replaced by one for each when they cannot be processed together.
        pool: Where to process them; it is entered and left here.
        retry_policy: How often to try and how long to wait.
        listener: Is told what happens.

    Raises:
        ProcessorError: A processor failed.
        RunError: Nothing finished for too long, chunks killed their processes, or an error of
            which all others would die too.
    """
    with pool:
        loop = _Loop(tasks, pool, retry_policy, listener)
        loop.run()
    if loop.outcome.killed:
        raise _killed(loop.outcome.killed)
    return loop.outcome


class _Loop:
    def __init__(
        self,
        tasks: MutableMapping[int, ChunkTask],
        pool: Pool,
        retry_policy: RetryPolicy,
        listener: Listener,
    ) -> None:
        self.tasks, self.pool = tasks, pool
        self.retry_policy, self.listener = retry_policy, listener
        self.outcome = Outcome()
        self.n_done = 0
        self.ready: deque[int] = deque(tasks)
        self.delayed: list[tuple[float, int]] = []
        self.flying: dict[int, float] = {}
        self.tries: dict[int, int] = {}
        self.last = time.monotonic()

    def run(self) -> None:
        while self.ready or self.delayed or self.flying:
            self.listener.watch()
            self._submit()
            self._collect()

    def _submit(self) -> None:
        now = time.monotonic()
        while self.delayed and self.delayed[0][0] <= now:
            self.ready.append(heapq.heappop(self.delayed)[1])
        if not self.flying:
            self.last = now  # nobody could have finished anything
        while self.ready and len(self.flying) < self.pool.capacity():
            index = self.ready.popleft()
            self.tries[index] = self.tries.get(index, 0) + 1
            self.flying[index] = now
            self.pool.submit(index, self.tasks[index])

    def _collect(self) -> None:
        wait = _TICK
        if self.delayed:
            wait = min(wait, max(self.delayed[0][0] - time.monotonic(), 0))
        if not self.flying:
            time.sleep(wait)
            return
        finished = self.pool.collect(wait)
        for one in finished:
            self._take(one)
        now = time.monotonic()
        if finished:
            self.last = now
        elif now - self.last > self.retry_policy.timeout:
            raise no_progress(self.retry_policy.timeout, self._in_flight())

    def _take(self, finished: Finished) -> None:
        index = finished.index
        begin = self.flying.pop(index, None)
        if begin is None:  # of a file that has failed
            return
        self.outcome.attempts += 1
        result: ChunkResult | None = finished.result
        failure = finished.failure or (result.failure if result is not None else None)
        task = self.tasks[index]
        attempt = attempt_at(task.chunk, self.tries[index], result, more=[*task.more.values()])
        if result is None:
            waited = round(time.monotonic() - begin, 3)
            attempt = replace(attempt, worker=finished.worker, seconds=waited)
        if task.more and (reason := _not_together(result, failure)):
            self.listener.attempted(index, replace(attempt, outcome="split", reason=reason))
            self._split(index, reason)
        elif failure is not None:
            attempt = replace(attempt, outcome=failure.kind, reason=failure.message)
            self.listener.attempted(index, attempt)
            self._fail(index, failure)
        elif result is not None:
            self.listener.attempted(index, attempt)
            self.n_done += 1
            self.listener.done(index, result)

    def _split(self, index: int, reason: str) -> None:
        """Does the chunks of a task one by one from now on."""
        task = self.tasks[index]
        log.info("%s: done one by one, since %s", task.label, reason)
        members = {index: task.chunk, **task.more}
        for number, chunk in members.items():
            self.tasks[number] = replace(task, chunk=chunk, more={})
            self.tries.pop(number, None)
        self.listener.split(index, [*members])
        self.ready.extendleft(reversed(members))

    def _fail(self, index: int, failure: Failure) -> None:
        tries = self.tries[index]
        may_pass = failure.kind in {"transient", "resources"}
        message = failure.message + (f" ({tries} tries)" if may_pass else "")
        if may_pass and tries <= self.retry_policy.retries:
            pause = self.retry_policy.backoff * 2 ** (tries - 1)
            log.warning("%s; another try in %g s", failure.message, pause)
            heapq.heappush(self.delayed, (time.monotonic() + pause, index))
        elif failure.kind == "fatal":
            raise failure.as_error()
        elif failure.kind == "resources":  # which says nothing about the file
            raise Failure("resources", message).as_error()
        elif failure.kind == "worker_lost":
            log.error("%s", message)
            self.outcome.killed.append(message)
            if len(self.outcome.killed) >= max(_MANY_KILLED, self.n_done):
                raise _killed(self.outcome.killed)
        else:
            self._fail_file(index, message)

    def _fail_file(self, index: int, reason: str) -> None:
        """Gives up the file of a chunk, with what of it is waiting or in flight."""
        log.error("%s", reason)
        file = self._file(index)
        self.listener.failed(index, reason)
        self.ready = deque(i for i in self.ready if self._file(i) != file)
        self.delayed = [item for item in self.delayed if self._file(item[1]) != file]
        heapq.heapify(self.delayed)
        flying = [i for i in self.flying if self._file(i) == file]
        self.pool.cancel(flying)
        for one in flying:
            del self.flying[one]

    def _file(self, index: int) -> FileKey:
        return file_of(self.tasks[index].chunk)

    def _in_flight(self) -> str:
        return _listed([self.tasks[index].label for index in self.flying], 10, "; ")


def _not_together(result: ChunkResult | None, failure: Failure | None) -> str:
    """Returns why the chunks of a task have to be done one by one, nothing if they need not."""
    if failure is not None:
        return failure.message
    if result is None:
        return "nothing came of them"
    if result.set_apart:
        return f"{', '.join(result.set_apart)} failed"
    if unsure := sorted(result.outputs.keys() - result.counts.keys()):
        return f"it is not sure of which events the candidates of {', '.join(unsure)} are"
    return ""


def _killed(killed: Sequence[str]) -> RunError:
    message = (
        f"{len(killed)} chunks killed the process that worked on them:\n  "
        f"{_listed(killed, 20, chr(10) + '  ')}\n"
        "give the workers more memory, or start again with a smaller --chunk-size"
    )
    return RunError(message, code="execution.worker-lost")


def _listed(texts: Iterable[str], most: int, separator: str) -> str:
    texts = list(texts)
    more = [f"and {len(texts) - most} more"] if len(texts) > most else []
    return separator.join([*texts[:most], *more])


def attempt_at(
    chunk: Chunk,
    number: int,
    result: ChunkResult | None,
    outcome: FailureKind | str = "done",
    *,
    more: Sequence[Chunk] = (),
) -> Attempt:
    """Returns the line of the ledger for an attempt at a chunk.

    Args:
        chunk: What was to be read.
        number: 1 for the first attempt, 0 for a result of an earlier run.
        result: What came of it, None if nothing arrived.
        outcome: How it ended.
        more: Further chunks that were processed together with it.
    """
    attempt = Attempt(
        dataset=chunk.dataset,
        file=chunk.path,
        tree=chunk.tree,
        uuid=chunk.uuid,
        start=chunk.start,
        stop=chunk.stop,
        attempt=number,
        outcome=outcome,
        more_files=[one.path for one in more],
    )
    if result is None:
        return attempt
    return replace(
        attempt,
        entries=result.entries,
        worker=result.worker,
        seconds=round(result.seconds, 3),
        bytes=result.bytes,
        replica=result.path,
        timing=result.timing.rounded(),
    )
