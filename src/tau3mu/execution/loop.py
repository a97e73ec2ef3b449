"""The driver loop, the same for all pools: hands out chunks, and sees to it that each is accounted.

What can pass is tried again, later each time. What is wrong with a file sets the whole file apart,
so that a run never has half of it. A chunk that kills its process is named at the end. What can't
get better ends the run at once.
"""

from __future__ import annotations

import heapq
import logging
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import awkward as ak

from tau3mu.errors import InputError, RunError
from tau3mu.execution.chunk import ProcessorError
from tau3mu.execution.ledger import Attempt
from tau3mu.execution.pool import Failure, no_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.execution.pool import Finished, Pool

__all__ = ["FileKey", "RetryPolicy", "Work", "file_of", "process_chunks"]

log = logging.getLogger(__name__)

FileKey = tuple[str, str, str]
"""Dataset, path and tree."""

_MANY_KILLED = 5
_BATCH = 256
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
        """Refuses what is no time, by which nothing would ever end."""
        if not self.timeout > 0 or not self.backoff >= 0 or self.retries < 0:
            message = (
                f"retries {self.retries}, backoff {self.backoff} s, timeout {self.timeout} s: "
                "expected numbers of at least 0, and a timeout above 0"
            )
            raise InputError(message)


@dataclass
class Work:
    """What became of the chunks.

    Attributes:
        records: Of all chunks that could be read, in any order; `chunk` says which they are.
        bad: The files that failed, with the reasons.
        killed: What killed its process.
        attempts: How often a chunk was tried, all chunks together.
        resumed: How many chunks had been done before.
    """

    bad: dict[FileKey, list[str]] = field(default_factory=dict)
    killed: list[str] = field(default_factory=list)
    attempts: int = 0
    resumed: int = 0
    n_done: int = 0
    _parts: list[ak.Array] = field(default_factory=list)
    _new: list[ak.Array] = field(default_factory=list)

    def add(self, record: ak.Array) -> None:
        """Keeps a record; many small arrays would cost more memory than what they hold."""
        self.n_done += 1
        self._new.append(record)
        if len(self._new) >= _BATCH:
            self._pack()

    def records(self) -> ak.Array | None:
        """Returns the records in one array, None if there are none."""
        self._pack()
        return ak.concatenate(self._parts) if self._parts else None

    def _pack(self) -> None:
        if self._new:
            self._parts.append(ak.to_packed(ak.concatenate(self._new)))
            self._new = []


def file_of(chunk: Chunk) -> FileKey:
    """Returns what tells the file of a chunk from all others."""
    return chunk.dataset, chunk.path, chunk.tree


def process_chunks(
    chunks: Sequence[Chunk],
    pool: Pool,
    *,
    retry_policy: RetryPolicy,
    done: Mapping[int, ak.Array],
    on_attempt: Callable[[int, Attempt], None],
    on_record: Callable[[int, ak.Array], None],
    watch: Callable[[], object] = lambda: None,
) -> Work:
    """Returns what became of the chunks, once each of them is done or given up.

    Args:
        chunks: All chunks of the run.
        pool: Where to work them off; it is entered and left here.
        retry_policy: How often to try and how long to wait.
        done: The records of chunks that need not be done again.
        on_attempt: Is called with each attempt, after it.
        on_record: Is called with the index and the record of each chunk that could be read.
        watch: Is called at least every few seconds; what it raises ends the run.

    Raises:
        ProcessorError: A processor failed.
        RunError: Nothing finished for too long, chunks killed their processes, or an error of
            which all others would die too.
    """
    with pool:
        loop = _Loop(chunks, pool, retry_policy, on_attempt, on_record)
        for index, record in done.items():
            loop.work.add(record)
            loop.work.resumed += 1
            on_attempt(index, _attempt(chunks[index], 0, "resumed", record))
        loop.run(done, watch)
    return loop.work


class _Loop:
    def __init__(
        self,
        chunks: Sequence[Chunk],
        pool: Pool,
        retry_policy: RetryPolicy,
        on_attempt: Callable[[int, Attempt], None],
        on_record: Callable[[int, ak.Array], None],
    ) -> None:
        self.chunks, self.pool, self.retry_policy = chunks, pool, retry_policy
        self.on_attempt, self.on_record = on_attempt, on_record
        self.work = Work()
        self.ready: deque[int] = deque()
        self.delayed: list[tuple[float, int]] = []
        self.flying: dict[int, float] = {}
        self.tries: dict[int, int] = {}
        self.last = time.monotonic()

    def run(self, done: Mapping[int, Any], watch: Callable[[], object]) -> None:
        self.ready.extend(index for index in range(len(self.chunks)) if index not in done)
        while self.ready or self.delayed or self.flying:
            watch()
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
            self.pool.submit(index, self.chunks[index])

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
        self.work.attempts += 1
        chunk, record, failure = self.chunks[index], finished.record, finished.failure
        if record is not None and record.error[0]:
            failure = Failure(record.kind[0], record.error[0])
        outcome = "done" if failure is None else failure.kind
        attempt = _attempt(chunk, self.tries[index], outcome, record)
        if record is None:
            waited = time.monotonic() - begin
            attempt = _attempt(chunk, self.tries[index], outcome, None, finished.worker, waited)
        if failure is None:
            self.on_attempt(index, attempt)
            self.work.add(record)
            self.on_record(index, record)
            return
        self.on_attempt(index, replace(attempt, reason=failure.message))
        self._fail(index, failure)

    def _fail(self, index: int, failure: Failure) -> None:
        if failure.kind == "fatal":
            if failure.details:
                raise ProcessorError(failure.message, failure.details)
            raise RunError(failure.message)
        again = failure.kind in {"transient", "resources"}
        if again and self.tries[index] <= self.retry_policy.retries:
            pause = self.retry_policy.backoff * 2 ** (self.tries[index] - 1)
            log.warning("%s; another try in %g s", failure.message, pause)
            heapq.heappush(self.delayed, (time.monotonic() + pause, index))
        elif failure.kind == "resources":  # which says nothing about the file
            message = f"{failure.message} ({self.tries[index]} tries)"
            raise RunError(message)
        elif failure.kind == "worker_lost":
            log.error("%s", failure.message)
            self.work.killed.append(failure.message)
            if len(self.work.killed) >= max(_MANY_KILLED, self.work.n_done):
                raise RunError(killed_message(self.work.killed))
        else:
            tries = self.tries[index]
            self._set_apart(
                file_of(self.chunks[index]),
                failure.message + (f" ({tries} tries)" if failure.kind == "transient" else ""),
            )

    def _set_apart(self, file: FileKey, reason: str) -> None:
        """Gives up a file, with what of it is waiting or in flight."""
        log.error("%s", reason)
        self.work.bad.setdefault(file, []).append(reason)
        self.ready = deque(i for i in self.ready if file_of(self.chunks[i]) != file)
        self.delayed = [item for item in self.delayed if file_of(self.chunks[item[1]]) != file]
        heapq.heapify(self.delayed)
        flying = [i for i in self.flying if file_of(self.chunks[i]) == file]
        self.pool.cancel(flying)
        for index in flying:
            del self.flying[index]

    def _in_flight(self) -> str:
        shown = [self.chunks[index].label for index in list(self.flying)[:10]]
        more = [f"and {len(self.flying) - 10} more"] if len(self.flying) > 10 else []
        return "; ".join(shown + more)


def killed_message(killed: Sequence[str]) -> str:
    """Returns what to say of chunks that killed their processes, and what to do."""
    lines = "".join(f"\n  {text}" for text in killed[:20])
    more = f"\n  ... and {len(killed) - 20} more" if len(killed) > 20 else ""
    return (
        f"{len(killed)} chunks killed the process that worked on them:{lines}{more}\n"
        "give the workers more memory, or start again with a smaller --chunk-size"
    )


def _attempt(
    chunk: Chunk,
    number: int,
    outcome: str,
    record: ak.Array | None,
    worker: str = "",
    seconds: float = 0.0,
) -> Attempt:
    attempt = Attempt(
        dataset=chunk.dataset,
        file=chunk.path,
        tree=chunk.tree,
        uuid=chunk.uuid,
        start=chunk.start,
        stop=chunk.stop,
        attempt=number,
        outcome=outcome,
        worker=worker,
        seconds=round(seconds, 3),
    )
    if record is None:
        return attempt
    return replace(
        attempt,
        entries=int(record.entries[0]),
        worker=record.worker[0],
        seconds=round(float(record.seconds[0]), 3),
        bytes=int(record.bytes[0]),
        replica=record.path[0],
    )
