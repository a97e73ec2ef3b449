"""The pool of a Dask cluster: one task per item, whatever happens to the workers meanwhile.

Dask computes an item again when its worker is gone, and gives it up when several workers died
of it. This adds what it lacks: limits for every wait (`cluster_watch`), the name of the item that
kills, errors that cross processes whatever their class, and a scheduler left clean.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import queue
import secrets
import traceback
from collections import deque
from concurrent.futures import CancelledError
from time import monotonic
from typing import TYPE_CHECKING, Any

from tau3mu.clusters.dask_settings import is_connected
from tau3mu.clusters.versions import versions_here
from tau3mu.errors import RunError
from tau3mu.execution.cluster_watch import ClusterWatch
from tau3mu.execution.dask_task import Task
from tau3mu.execution.pool import Failure, Finished, TaskError, label, pack

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from concurrent.futures import Future as Result

    from distributed import Client, Future
    from distributed.scheduler import KilledWorker
    from typing_extensions import Self

__all__ = ["DaskPool"]

log = logging.getLogger(__name__)

SPARE = 200  # items that wait at the scheduler, by which adaptive clusters see how much there is
SETTLE = 1.0  # seconds in which Dask tells of all items that it gave up with the same worker
TICK = 0.25  # seconds between two looks at the connection


class DaskPool:
    """Processes items on the workers of a Dask client; see `Pool`.

    An item fails as `worker_lost` when Dask gave it up, which it does when several workers died
    (four, in its default settings) while the item was theirs. Items that only
    waited on the same workers are told apart: when several are given up at once, each runs again
    with no other beside it.
    """

    def __init__(
        self,
        client: Client,
        function: Callable[[int, Any, Any], Any],
        shared: Any,
        *,
        no_workers_timeout: float = 600.0,
        worker_timeout: float = 120.0,
    ) -> None:
        """Creates the pool; nothing is sent yet.

        Args:
            client: A client of a running cluster, which stays open.
            function: Gets the index of an item, the item, and what is shared.
            shared: What all items need; it is unpacked once per process.
            no_workers_timeout: Seconds without any worker after which `collect` raises.
            worker_timeout: Seconds without a sign of life after which a worker is restarted, or
                after which `collect` raises if it is the scheduler.
        """
        self._client = client
        self._address = client.scheduler.address
        self._packed = pack(function, shared)
        self._versions = versions_here()
        self._watch = ClusterWatch(
            client, no_workers_timeout=no_workers_timeout, worker_timeout=worker_timeout
        )
        self._watching: Result[None] | None = None
        self._run = secrets.token_hex(4)
        self._attempts: dict[int, int] = {}
        self._items: dict[int, Any] = {}  # all that are not finished
        self._futures: dict[int, Future] = {}  # those of them that the scheduler has
        self._waiting: deque[int] = deque()  # those that it will have when suspects are through
        self._suspects: deque[int] = deque()
        self._alone: int | None = None
        self._given_up: dict[str, list[tuple[int, KilledWorker]]] = {}
        self._given_up_at = 0.0
        self._results: queue.SimpleQueue[tuple[int, int, Result[Finished]]] = queue.SimpleQueue()
        self._trouble = ""

    def __enter__(self) -> Self:
        """Begins to watch the cluster."""
        self._watching = asyncio.run_coroutine_threadsafe(
            self._watch.run(), self._client.loop.asyncio_loop
        )
        return self

    def __exit__(self, *_: object) -> None:
        """Cancels what is in flight; the scheduler then knows nothing of this run."""
        if self._watching is not None:
            self._watching.cancel()
        self.cancel(list(self._items))

    def capacity(self) -> int:
        """Returns two items per thread of the workers that are there now, and some more."""
        return 2 * self._watch.threads + SPARE

    def submit(self, index: int, item: Any) -> None:
        """Hands over an item; one that has finished may be submitted again.

        Raises:
            RunError: The scheduler is gone.
        """
        self._items[index] = item
        if self._suspects or self._alone is not None:
            self._waiting.append(index)
        else:
            self._send(index)

    def collect(self, timeout: float) -> list[Finished]:
        """Returns what has finished, after at most `timeout` seconds; nothing if nothing has.

        Raises:
            RunError: The scheduler is gone or does not answer, there are no workers, or somebody
                else canceled the work.
        """
        deadline = monotonic() + timeout
        finished: list[Finished] = []
        while True:
            while not self._results.empty():
                finished += self._take(*self._results.get())
            finished += self._verdicts()
            if finished:
                return finished  # also if there is trouble: what is done is done
            self._raise_trouble()
            self._try_suspects()
            if (left := deadline - monotonic()) <= 0:
                return []
            try:
                finished += self._take(*self._results.get(timeout=min(left, TICK)))
            except queue.Empty:
                continue

    def cancel(self, indices: Collection[int]) -> None:
        """Forgets these items; none of them is returned by `collect` any more."""
        futures = [self._futures.pop(index) for index in indices if index in self._futures]
        for index in indices:
            self._items.pop(index, None)
        self._waiting = deque(index for index in self._waiting if index in self._items)
        self._suspects = deque(index for index in self._suspects if index in self._items)
        if self._alone not in self._items:
            self._alone = None
        if futures and is_connected(self._client):
            self._client.cancel(futures)

    def _send(self, index: int) -> None:
        if not is_connected(self._client):
            raise RunError(self._gone(), code="execution.scheduler-gone", path=self._address)
        attempt = self._attempts[index] = self._attempts.get(index, 0) + 1
        task = Task(index, self._items[index], self._packed, self._versions)
        future = self._client.submit(
            pickle.loads,
            pickle.dumps(task),
            key=f"tau3mu-{self._run}-{index}-{attempt}",
            retries=0,
            pure=False,
        )
        self._futures[index] = future
        # Dask gathers in batches what is awaited at the same time.
        result = asyncio.run_coroutine_threadsafe(_result(future), self._client.loop.asyncio_loop)
        result.add_done_callback(lambda done: self._results.put((index, attempt, done)))

    def _take(self, index: int, attempt: int, result: Result[Finished]) -> list[Finished]:
        """Returns what a result says about its item, in a list, which is empty if that is open."""
        if index not in self._futures or attempt != self._attempts[index]:
            return []  # cancelled
        error = CancelledError() if result.cancelled() else result.exception()
        finished = result.result() if error is None else self._failed(index, error)
        if finished is None:
            return []
        self._forget(index)
        return [finished]

    def _failed(self, index: int, error: BaseException) -> Finished | None:
        """Returns the failure of an item, or None if it is one of the cluster or still open."""
        from distributed.scheduler import KilledWorker, NoWorkerError

        if isinstance(error, KilledWorker):
            if index == self._alone:
                return self._killed(index, error)
            self._futures.pop(index).release()
            self._given_up.setdefault(_address(error), []).append((index, error))
            self._given_up_at = monotonic()
            return None
        if isinstance(error, NoWorkerError):
            self._trouble = f"the Dask cluster has had no workers for {error.timeout:g} s"
        elif isinstance(error, CancelledError):
            self._trouble = f"the Dask cluster cancelled the work: {error}"
        if self._trouble or not is_connected(self._client):
            return None
        where = label(index, self._items[index])
        if isinstance(error, (OSError, asyncio.TimeoutError)):  # while it was fetched
            failure = Failure(
                "transient", f"{where}: its result did not arrive: {type(error).__name__}: {error}"
            )
        else:
            details = "".join(traceback.format_exception(type(error), error, error.__traceback__))
            text = f"{where} failed on the Dask cluster: {type(error).__name__}: {error}"
            failure = Failure("fatal", text, TaskError(text, details))
        return Finished(index, None, failure)

    def _verdicts(self) -> list[Finished]:
        """Returns the items that were given up alone; several of one worker become suspects."""
        if not self._given_up or monotonic() < self._given_up_at + SETTLE:
            return []
        verdicts = []
        for group in self._given_up.values():
            present = [(index, error) for index, error in group if index in self._items]
            if len(present) > 1:
                names = "; ".join(label(index, self._items[index]) for index, _ in present)
                log.warning("one of these killed its workers, each is tried alone: %s", names)
                self._suspects.extend(sorted(index for index, _ in present))
                continue
            for index, error in present:
                verdicts.append(self._killed(index, error))
                self._forget(index)
        self._given_up.clear()
        return verdicts

    def _try_suspects(self) -> None:
        """Sends the next suspect when nothing else is in flight, the others when none is left."""
        if self._futures:
            return
        if self._suspects:
            self._alone = self._suspects.popleft()
            self._send(self._alone)
            return
        while self._waiting:
            self._send(self._waiting.popleft())

    def _forget(self, index: int) -> None:
        del self._items[index]
        if index in self._futures:
            self._futures.pop(index).release()
        if index == self._alone:
            self._alone = None

    def _raise_trouble(self) -> None:
        if not is_connected(self._client):
            raise RunError(self._gone(), code="execution.scheduler-gone", path=self._address)
        if self._watching is not None and self._watching.done():
            self._watching.result()  # the watch itself may have failed
        if trouble := self._trouble or self._watch.trouble:
            raise RunError(trouble, code="execution.cluster", path=self._address)

    def _gone(self) -> str:
        return f"the Dask scheduler at {self._address} is gone; --resume continues with another"

    def _killed(self, index: int, error: KilledWorker) -> Finished:
        worker, deaths = _address(error), error.allowed_failures + 1
        limit = error.last_worker.memory_limit
        memory = f" the limit of {limit / 1e9:.1f} GB of" if limit else ""
        message = (
            f"{label(index, self._items[index])}: {deaths} workers died while they had it, the "
            f"last was {worker}: either it takes more memory than{memory} a worker (less is taken "
            "by a new run with a smaller --chunk-size), or the processor kills its process"
        )
        return Finished(index, None, Failure("worker_lost", message), worker)


async def _result(future: Future) -> Finished:
    finished: Finished = await future
    return finished


def _address(error: KilledWorker) -> str:
    address: str = error.last_worker.address
    return address
