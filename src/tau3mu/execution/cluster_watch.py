"""Watches a Dask cluster from the client: is there a scheduler, are there workers, do they answer.

Dask itself waits for ever for workers that never come, for a scheduler that is stopped rather than
dead, and (five minutes, if its settings are not ours) for a worker that is. What is judged here are
times between two answers of the scheduler, measured with the clock of this process alone.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distributed import Client

__all__ = ["ClusterWatch"]

log = logging.getLogger(__name__)

INTERVAL = 2.0  # seconds between two questions to the scheduler
RESTART_TIMEOUT = 10.0  # seconds for a nanny to kill its worker, before the scheduler forgets both


@dataclass
class _Seen:
    """The last heartbeat of a worker that the scheduler told of, and how old that is here."""

    heartbeat: float
    age: float = 0.0


class ClusterWatch:
    """Asks the scheduler every two seconds who is there, restarts workers that are silent.

    Attributes:
        threads: How many threads all workers together have.
        trouble: Why the cluster is of no use any more, empty as long as it is.
    """

    def __init__(self, client: Client, *, no_workers_timeout: float, worker_timeout: float) -> None:
        """Watches nothing until `run` does.

        Args:
            client: The client whose scheduler is asked.
            no_workers_timeout: Seconds without any worker that are trouble.
            worker_timeout: Seconds without heartbeat after which a worker is restarted, or without
                an answer after which the scheduler itself is trouble.
        """
        self.threads = 0
        self.trouble = ""
        self._scheduler = client.scheduler
        self._no_workers_timeout = no_workers_timeout
        self._worker_timeout = worker_timeout
        self._interval = min(INTERVAL, no_workers_timeout / 4, worker_timeout / 4)
        self._without_workers: float | None = None
        self._workers: dict[str, _Seen] = {}
        self._restarts: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Watches until it is cancelled or there is trouble; runs in the event loop of the client.

        A wait counts as at most two intervals, so that a pause of the scheduler or of this process
        is not taken for a pause of the workers.
        """
        answered = monotonic()
        while not self.trouble:
            try:
                identity = await asyncio.wait_for(self._scheduler.identity(), self._worker_timeout)
            except (OSError, asyncio.TimeoutError) as error:
                log.debug("the scheduler did not answer: %r", error)
                if monotonic() - answered >= self._worker_timeout:
                    self.trouble = (
                        f"the scheduler at {self._scheduler.address} has not answered for "
                        f"{self._worker_timeout:g} s"
                    )
            else:
                waited = min(monotonic() - answered, 2 * self._interval)
                answered = monotonic()
                self._judge(identity["workers"], waited)
            await asyncio.sleep(self._interval)

    def _judge(self, workers: Mapping[str, Mapping[str, Any]], waited: float) -> None:
        self.threads = sum(worker["nthreads"] for worker in workers.values())
        if workers:
            self._without_workers = None
        elif self._without_workers is None:
            self._without_workers = 0.0
        else:
            self._without_workers += waited
        if (self._without_workers or 0.0) >= self._no_workers_timeout:
            self.trouble = (
                f"the Dask cluster at {self._scheduler.address} has had no workers for "
                f"{self._no_workers_timeout:g} s"
            )
        before, self._workers = self._workers, {}
        for address, worker in workers.items():
            seen = before.get(address)
            if seen is None or seen.heartbeat != worker["last_seen"]:
                seen = _Seen(worker["last_seen"])
            else:
                seen.age += waited
            self._workers[address] = seen
            if seen.age >= self._worker_timeout:
                seen.age = 0.0  # if it is still there after as long again, another try
                restart = asyncio.ensure_future(self._restart(address))
                self._restarts.add(restart)  # the event loop itself keeps no reference to it
                restart.add_done_callback(self._restarts.discard)

    async def _restart(self, address: str) -> None:
        """Makes the scheduler give the chunks of a worker to others, and its nanny restart it."""
        log.warning(
            "worker %s has not answered for %g s: it is restarted, its chunks go to others",
            address,
            self._worker_timeout,
        )
        why = "tau3mu-silent-worker"
        try:
            await asyncio.wait_for(
                self._scheduler.restart_workers(
                    workers=[address],
                    timeout=RESTART_TIMEOUT,
                    wait_for_workers=False,
                    stimulus_id=why,
                ),
                2 * RESTART_TIMEOUT,
            )
        except (OSError, asyncio.TimeoutError) as error:
            log.debug("worker %s was not restarted by its nanny: %r", address, error)
            with suppress(OSError, asyncio.TimeoutError):
                await asyncio.wait_for(
                    self._scheduler.unregister(address=address, stimulus_id=why), RESTART_TIMEOUT
                )
