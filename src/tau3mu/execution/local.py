"""The pools without a cluster: this process, or several on this machine."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tau3mu.console.streams import make_streams_last
from tau3mu.errors import RunError
from tau3mu.execution.chunk import ProcessorError, pack, process_chunk, process_packed
from tau3mu.execution.pool import Failure, Finished, no_progress
from tau3mu.ntuples.open_files import close_files
from tau3mu.processing.user_code import OutOfTimeError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from types import TracebackType

    from typing_extensions import Self

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor

__all__ = ["FuturesPool", "IterativePool"]

_LONGEST = 1e8
"""Seconds, some three years; the clock of the system takes no more than it has bits for."""

_PARENT_SECONDS = 1.0
"""How often a process of a pool looks whether its parent is still there."""


class IterativePool:
    """Works off one chunk after the other in this process."""

    def __init__(self, processors: Sequence[Processor], *, timeout: float = 1800) -> None:
        """Takes what to run on each chunk, and the seconds after which a chunk is given up."""
        self._processors = processors
        self._timeout = timeout
        self._waiting: deque[tuple[int, Chunk]] = deque()

    def __enter__(self) -> Self:
        """Returns the pool."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Forgets what is waiting, and closes the files."""
        self._waiting.clear()
        close_files()

    def capacity(self) -> int:
        """Returns one: only the chunk that is worked on."""
        return 1

    def submit(self, index: int, chunk: Chunk) -> None:
        """Queues a chunk."""
        self._waiting.append((index, chunk))

    def collect(self, timeout: float) -> list[Finished]:  # noqa: ARG002 - a chunk takes its time
        """Works off the next chunk and returns what became of it.

        Raises:
            RunError: The chunk took longer than the pool's `timeout`.
        """
        if not self._waiting:
            return []
        index, chunk = self._waiting.popleft()
        try:
            with _alarm(self._timeout):
                return [Finished(index, process_chunk(index, chunk, self._processors), None)]
        except ProcessorError as error:
            return [Finished(index, None, Failure("fatal", error.message, error.details))]
        except OutOfTimeError as error:
            raise no_progress(self._timeout, chunk.label) from error

    def cancel(self, indices: Collection[int]) -> None:
        """Forgets these chunks."""
        self._waiting = deque(item for item in self._waiting if item[0] not in indices)


class FuturesPool:
    """Works off chunks in processes of this machine, and outlives their deaths.

    When a process dies, the operating system does not tell what it was working on. So each chunk
    that was in flight is tried again alone; the one that kills its process again is to blame.
    """

    def __init__(self, processors: Sequence[Processor], *, workers: int) -> None:
        """Takes what to run on each chunk, and the number of processes."""
        self._processors = pack(processors)
        self._workers = workers
        self._executor: Any = None
        self._flying: dict[Any, tuple[int, Chunk]] = {}
        self._waiting: deque[tuple[int, Chunk]] = deque()
        self._suspects: deque[tuple[int, Chunk]] = deque()
        self._alone = False

    def __enter__(self) -> Self:
        """Returns the pool; processes start with the first chunk."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Ends all processes."""
        self._shut_down()

    def capacity(self) -> int:
        """Returns two chunks per process: one in work, one waiting for it."""
        return 2 * self._workers

    def submit(self, index: int, chunk: Chunk) -> None:
        """Queues a chunk."""
        self._waiting.append((index, chunk))
        self._feed()

    def collect(self, timeout: float) -> list[Finished]:
        """Returns what has finished, after at most `timeout` seconds."""
        from loky import FIRST_COMPLETED, wait
        from loky.process_executor import BrokenProcessPool

        done, _ = wait(list(self._flying), timeout=timeout, return_when=FIRST_COMPLETED)
        finished = []
        broken = False
        for future in done:
            index, chunk = self._flying[future]
            try:
                record = future.result()
            except ProcessorError as error:
                failure = Failure("fatal", error.message, error.details)
                finished.append(Finished(index, None, failure))
            except BrokenProcessPool:
                broken = True
                continue
            except (MemoryError, OSError) as error:
                text = f"its result did not arrive: {type(error).__name__}: {error}"
                failure = Failure("resources", f"{chunk.label}: {text}")
                finished.append(Finished(index, None, failure))
            else:
                finished.append(Finished(index, record, None, record.worker[0]))
            del self._flying[future]
        if broken:
            finished += self._after_a_death()
        self._feed()
        return finished

    def cancel(self, indices: Collection[int]) -> None:
        """Forgets these chunks; what is in work already is finished and thrown away."""
        self._waiting = deque(item for item in self._waiting if item[0] not in indices)
        self._suspects = deque(item for item in self._suspects if item[0] not in indices)
        for future, (index, _) in list(self._flying.items()):
            if index in indices:
                future.cancel()
                del self._flying[future]

    def _feed(self) -> None:
        if self._suspects and not self._flying:
            self._alone = True
            self._start(self._suspects.popleft())
        elif not self._suspects and not (self._alone and self._flying):
            self._alone = False
            while self._waiting and len(self._flying) < self.capacity():
                if not self._start(self._waiting[0]):
                    return
                self._waiting.popleft()

    def _start(self, item: tuple[int, Chunk]) -> bool:
        """Returns whether the chunk is in flight: not if a process of the others has just died."""
        from loky import ProcessPoolExecutor
        from loky.process_executor import BrokenProcessPool

        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                max_workers=self._workers, initializer=_live_with, initargs=(os.getpid(),)
            )
        try:
            with _interrupts_later():
                future = self._executor.submit(process_packed, *item, self._processors)
        except BrokenProcessPool:
            if self._flying:
                return False
            self._shut_down()  # what died was at work on a chunk that had been cancelled
            return self._start(item)
        except OSError as error:  # no more processes or memory, no working directory any more
            message = f"cannot start a worker process: {error.strerror or error}"
            raise RunError(message) from error
        self._flying[future] = item
        return True

    def _after_a_death(self) -> list[Finished]:
        """Returns the failure of a chunk that died alone; else sets apart all that were there."""
        lost = list(self._flying.values())
        self._flying.clear()
        self._shut_down()
        if not self._alone:
            self._suspects.extend(lost)
            return []
        ((index, chunk),) = lost
        message = (
            f"{chunk.label}: the worker process died of it twice; it may have run out of memory"
        )
        return [Finished(index, None, Failure("worker_lost", message))]

    def _shut_down(self) -> None:
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raises `OutOfTimeError` in a block of the main thread that takes longer."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ring(*_: object) -> None:
        raise OutOfTimeError

    begin = time.monotonic()
    handler = signal.signal(signal.SIGALRM, ring)
    left, interval = signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # somebody else's alarm, which is to ring when it would have
            remaining = max(left - (time.monotonic() - begin), 1e-3)
            signal.setitimer(signal.ITIMER_REAL, remaining, interval)


@contextmanager
def _interrupts_later() -> Iterator[None]:
    """Holds Ctrl-C back in a block that starts processes, which then never see it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live_with(parent: int) -> None:
    """Leaves Ctrl-C to the parent of this process, and ends this process when it is gone.

    It may be gone already, since a process takes seconds to start. What a processor prints may
    have no reader any more, which is no failure of its chunk.
    """
    make_streams_last()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_SECONDS)
    os._exit(1)
