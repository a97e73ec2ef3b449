"""The same function for many tasks: in this process, in several, or on a Dask cluster."""

from __future__ import annotations

import signal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import cloudpickle

from tau3mu.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distributed import Client

__all__ = ["run_tasks"]

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")


def run_tasks(
    function: Callable[[Shared, Task], Result],
    shared: Shared,
    tasks: Sequence[Task],
    *,
    workers: int = 1,
    client: Client | None = None,
    on_result: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Returns the results of all tasks, in their order.

    Args:
        function: Of a module, called with what is shared and a task.
        shared: What all tasks need; it is unpacked once per process.
        tasks: One after the other.
        workers: The number of processes on this machine; one means this one.
        client: Of a Dask cluster, which then does the work.
        on_result: Is called in this process with each result as it comes.

    Raises:
        InputError: There is no worker.
        RunError: A process died, or the cluster gave up.
    """
    if workers < 1:
        message = f"expected 1 worker or more, got {workers}"
        raise InputError(message, code="fit.wrong-value", path="--workers")
    if client is not None:
        return _on_cluster(client, function, shared, tasks, on_result)
    if workers > 1 and len(tasks) > 1:
        return _in_processes(min(workers, len(tasks)), function, shared, tasks, on_result)
    results = []
    for task in tasks:
        results.append(function(shared, task))
        on_result(results[-1])
    return results


def _in_processes(
    workers: int, function: Any, shared: Any, tasks: Sequence[Any], on_result: Any
) -> list[Any]:
    from loky import ProcessPoolExecutor, as_completed
    from loky.process_executor import TerminatedWorkerError

    packed = cloudpickle.dumps(shared)
    # Ctrl-C is for this process, which then ends the others.
    pool = ProcessPoolExecutor(
        workers, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    )
    try:
        futures = [pool.submit(_call, function, packed, task) for task in tasks]
        for future in as_completed(futures):
            on_result(future.result())
        return [future.result() for future in futures]
    except TerminatedWorkerError as error:
        message = "a worker process died; it may have run out of memory: choose fewer --workers"
        raise RunError(message, code="fit.worker-lost") from error
    finally:
        pool.shutdown(wait=True, kill_workers=True)


def _on_cluster(
    client: Client, function: Any, shared: Any, tasks: Sequence[Any], on_result: Any
) -> list[Any]:
    from distributed import as_completed
    from distributed.client import FutureCancelledError
    from distributed.comm import CommClosedError
    from distributed.scheduler import KilledWorker, NoWorkerError

    packed = client.scatter(cloudpickle.dumps(shared), broadcast=True, hash=False)
    futures = [client.submit(_call, function, packed, task, pure=False) for task in tasks]
    try:
        for future in as_completed(futures):
            on_result(future.result())
        return [future.result() for future in futures]
    except (KilledWorker, NoWorkerError, FutureCancelledError, CommClosedError) as error:
        message = f"the Dask cluster failed: {type(error).__name__}: {error}"
        raise RunError(message, code="fit.cluster-failed") from error


def _call(function: Any, packed: bytes, task: Any) -> Any:
    return function(_unpacked(packed), task)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> Any:
    return cloudpickle.loads(packed)
