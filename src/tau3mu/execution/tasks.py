"""The same function for many tasks: in this process, in several, or on a Dask cluster."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from tau3mu.errors import InputError
from tau3mu.execution.local import FuturesPool

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distributed import Client

    from tau3mu.execution.pool import Pool

__all__ = ["run_tasks"]

Shared = TypeVar("Shared")
Task = TypeVar("Task")
Result = TypeVar("Result")

_TICK = 1.0


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
        RunError: A process died of a task twice, or the cluster gave up. An error of the package
            that the function raises is raised here; every other one as a `TaskError`, with the
            traceback in its `details`, unless all is done in this process.
    """
    if workers < 1:
        message = f"there are {workers} workers; expected 1 or more"
        raise InputError(message, code="execution.no-workers", path="workers")
    pool: Pool
    if client is not None:
        from tau3mu.execution.dask_pool import DaskPool

        pool = DaskPool(client, _call, (function, shared))
    elif workers > 1 and len(tasks) > 1:
        pool = FuturesPool(_call, (function, shared), workers=min(workers, len(tasks)))
    else:
        found = []
        for task in tasks:
            found.append(function(shared, task))
            on_result(found[-1])
        return found
    results: dict[int, Result] = {}
    waiting = deque(range(len(tasks)))
    n_flying = 0
    with pool:
        while waiting or n_flying:
            while waiting and n_flying < pool.capacity():
                index = waiting.popleft()
                pool.submit(index, tasks[index])
                n_flying += 1
            for finished in pool.collect(_TICK):
                if finished.failure is not None:
                    raise finished.failure.as_error()
                n_flying -= 1
                results[finished.index] = finished.result
                on_result(finished.result)
    return [results[index] for index in range(len(tasks))]


def _call(_: int, task: Any, shared: Any) -> Any:
    function, common = shared
    return function(common, task)
