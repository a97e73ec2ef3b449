"""The check of many files by several processes, or by the workers of a cluster."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.printable import printable
from tau3mu.datasets.inspection import inspect_file
from tau3mu.execution.tasks import run_tasks
from tau3mu.storage.locations import is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distributed import Client

    from tau3mu.datasets.checked import Inspection
    from tau3mu.datasets.inspection import FileJob

__all__ = ["inspect_by_workers"]

_BATCH: Final = 10
_AT_A_TIME: Final = 8


def inspect_by_workers(
    jobs: Sequence[FileJob],
    take: Callable[[Inspection], object],
    *,
    workers: int = 1,
    client: Client | None = None,
) -> list[Inspection]:
    """Returns what is found in files, in their order.

    Args:
        jobs: The files, which are not kept open.
        take: Is called in this process with each of them as it comes.
        workers: The number of processes on this machine.
        client: Of a Dask cluster, whose workers then do it.
    """
    starts = range(0, len(jobs), _BATCH)
    batches = [_Batch(tuple(jobs[start : start + _BATCH])) for start in starts]

    def take_all(found: Sequence[Inspection]) -> None:
        for one in found:
            take(one)

    how: dict[str, Any] = {"workers": workers, "client": client, "on_result": take_all}
    return [one for found in run_tasks(_inspect, None, batches, **how) for one in found]


@dataclass(frozen=True)
class _Batch:
    jobs: tuple[FileJob, ...]

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"the check of {printable(self.jobs[0].path)} to {printable(self.jobs[-1].path)}"


def _inspect(_: None, batch: _Batch) -> list[Inspection]:
    if any(is_url(place) for job in batch.jobs for place in job.places):
        with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:  # what takes time is to wait
            return list(pool.map(inspect_file, batch.jobs))
    # A tree is thousands of objects, among which a fifth of the time is spent to look for garbage.
    enabled = gc.isenabled()
    gc.disable()
    try:
        return [inspect_file(job) for job in batch.jobs]
    finally:
        if enabled:
            gc.enable()
