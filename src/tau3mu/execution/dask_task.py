"""The task of a Dask worker, which gets there and back whatever the worker lacks."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tau3mu.clusters.versions import difference
from tau3mu.execution.pool import Failure, Finished, call, this_process

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Task", "run_task"]


@dataclass(frozen=True)
class Task:
    """An item for a worker, which is processed when the pickle of this is loaded.

    A worker that cannot unpickle its task (because it lacks this package, or because the code of
    the task is that of another Python) dies of it. So `pickle.loads`, which every worker has, is
    the function of the task, and these bytes are its argument; what fails then is told.

    Attributes:
        index: The place of the item in the list of all items.
        item: What to process.
        packed: The function and what it shares, from `pack`.
        versions: Of the software of the driver, from `versions_here`.
    """

    index: int
    item: Any
    packed: bytes
    versions: Mapping[str, str]

    def __reduce__(self) -> tuple[Callable[..., Finished], tuple[object, ...]]:
        """Returns a call that processes the item when this is unpickled."""
        return run_task, (self.index, pickle.dumps(self.item), self.packed, dict(self.versions))


def run_task(index: int, item: bytes, packed: bytes, versions: Mapping[str, str]) -> Finished:
    """Returns what came of an item, on a worker; the arguments are those of `Task`, pickled.

    A worker of other versions, which may have joined when the run had begun, reads nothing.
    """
    worker = this_process()
    if other := difference(versions, worker):
        return Finished(index, None, Failure("fatal", other), worker)
    return call(index, pickle.loads(item), packed)
