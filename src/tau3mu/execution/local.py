"""The pools without a cluster: this process, or several on this machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tau3mu.clusters.forking import forks
from tau3mu.console.streams import make_streams_last
from tau3mu.errors import RunError, Tau3muError
from tau3mu.execution.pool import Failure, Finished, call, label, no_progress, pack
from tau3mu.processing.user_code import OutOfTimeError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from typing_extensions import Self

__all__ = ["FuturesPool", "IterativePool"]

_LONGEST = 1e8
"""Seconds, some three years; the clock of the system takes no more than it has bits for."""

_PARENT_SECONDS = 1.0
"""How often a process of a pool looks whether its parent is still there."""


class IterativePool:
    """Processes one item after the other in this process; see `Pool`."""

    def __init__(
        self, function: Callable[[int, Any, Any], Any], shared: Any, *, timeout: float = 1800
    ) -> None:
        """Creates the pool.

        Args:
            function: Gets the index of an item, the item, and what is shared.
            shared: What all items need.
            timeout: Seconds after which an item is given up.
        """
        self._function, self._shared = function, shared
        self._timeout = timeout
        self._waiting: deque[tuple[int, Any]] = deque()

    def __enter__(self) -> Self:
        """Returns the pool."""
        return self

    def __exit__(self, *_: object) -> None:
        """Forgets what is waiting."""
        self._waiting.clear()

    def capacity(self) -> int:
        """Returns one: only the item that is processed."""
        return 1

    def submit(self, index: int, item: Any) -> None:
        """Queues an item."""
        self._waiting.append((index, item))

    def collect(self, timeout: float) -> list[Finished]:  # noqa: ARG002 - an item takes its time
        """Processes the next item and returns what came of it.

        Raises:
            RunError: The item took longer than the pool's `timeout`.
        """
        if not self._waiting:
            return []
        index, item = self._waiting.popleft()
        try:
            with _alarm(self._timeout):
                return [Finished(index, self._function(index, item, self._shared))]
        except Tau3muError as error:
            return [Finished(index, None, Failure("fatal", str(error), error))]
        except OutOfTimeError as error:
            raise no_progress(self._timeout, label(index, item)) from error

    def cancel(self, indices: Collection[int]) -> None:
        """Forgets these items."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] not in indices)


class FuturesPool:
    """Processes items in processes of this machine, and outlives their deaths; see `Pool`.

    When a process dies, the operating system does not say what it was working on. So each item
    that was in flight is tried again alone; the one that kills its process again is to blame.
    """

    def __init__(
        self, function: Callable[[int, Any, Any], Any], shared: Any, *, workers: int
    ) -> None:
        """Creates the pool; its processes start with the first item.

        Args:
            function: Gets the index of an item, the item, and what is shared.
            shared: What all items need; it is unpacked once per process.
            workers: The number of processes.
        """
        self._packed = pack(function, shared)
        self._workers = workers
        self._executor: Any = None
        self._flying: dict[Any, tuple[int, Any]] = {}
        self._waiting: deque[tuple[int, Any]] = deque()
        self._suspects: deque[tuple[int, Any]] = deque()
        self._alone = False

    def __enter__(self) -> Self:
        """Returns the pool."""
        return self

    def __exit__(self, *_: object) -> None:
        """Ends all processes."""
        self._shut_down()

    def capacity(self) -> int:
        """Returns two items per process: one in work, one waiting for it."""
        return 2 * self._workers

    def submit(self, index: int, item: Any) -> None:
        """Queues an item."""
        self._waiting.append((index, item))
        self._feed()

    def collect(self, timeout: float) -> list[Finished]:
        """Returns what has finished, after at most `timeout` seconds."""
        from loky import FIRST_COMPLETED, wait
        from loky.process_executor import BrokenProcessPool

        done, _ = wait(list(self._flying), timeout=timeout, return_when=FIRST_COMPLETED)
        finished = []
        broken = False
        for future in done:
            index, item = self._flying[future]
            try:
                finished.append(future.result())
            except BrokenProcessPool:
                broken = True
                continue
            except (MemoryError, OSError) as error:
                text = f"its result did not arrive: {type(error).__name__}: {error}"
                failure = Failure("resources", f"{label(index, item)}: {text}")
                finished.append(Finished(index, None, failure))
            del self._flying[future]
        if broken:
            finished += self._after_a_death()
        self._feed()
        return finished

    def cancel(self, indices: Collection[int]) -> None:
        """Forgets these items; what is in work already is finished and thrown away."""
        self._waiting = deque(entry for entry in self._waiting if entry[0] not in indices)
        self._suspects = deque(entry for entry in self._suspects if entry[0] not in indices)
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

    def _start(self, entry: tuple[int, Any]) -> bool:
        """Returns whether the item is in flight: not if a process of the others has just died."""
        from loky import ProcessPoolExecutor
        from loky.process_executor import BrokenProcessPool

        if self._executor is None:
            context = forks()
            self._executor = ProcessPoolExecutor(
                max_workers=self._workers, context=context,
                initializer=_live_with,
                initargs=(None, dict(os.environ)) if context else (os.getpid(), {}),
            )  # fmt: skip
        try:
            with _interrupts_later():
                future = self._executor.submit(call, *entry, self._packed)
        except BrokenProcessPool:
            if self._flying:
                return False
            self._shut_down()  # what died was at work on an item that had been cancelled
            return self._start(entry)
        except OSError as error:  # no more processes or memory, no working directory any more
            message = f"cannot start a worker process: {error.strerror or error}"
            raise RunError(message, code="execution.no-process") from error
        self._flying[future] = entry
        return True

    def _after_a_death(self) -> list[Finished]:
        """Returns the failure of an item that died alone; else suspects all that were in flight."""
        lost = list(self._flying.values())
        self._flying.clear()
        self._shut_down()
        if not self._alone:
            self._suspects.extend(lost)
            return []
        ((index, item),) = lost
        message = (
            f"{label(index, item)}: the worker process died of it twice; it may have run out of "
            "memory"
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


def _live_with(parent: int | None, environment: Mapping[str, str]) -> None:
    """Leaves Ctrl-C to the parent of this process, and ends this process when it is gone.

    It may be gone already, since a process takes seconds to start. What a processor prints may
    have no reader any more, which is no failure of its chunk.

    Args:
        parent: The process that has started this one, None if it had a fork made.
        environment: What that process has set since, such as where the grid proxy is.
    """
    os.environ |= environment
    make_streams_last()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int | None) -> None:
    if parent is None:
        if (asking := multiprocessing.parent_process()) is not None:
            asking.join()
    else:
        while os.getppid() == parent:
            time.sleep(_PARENT_SECONDS)
    os._exit(1)
