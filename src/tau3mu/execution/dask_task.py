"""What runs on a Dask worker, and how it gets there and back whatever the worker lacks."""

from __future__ import annotations

import os
import pickle
import platform
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tau3mu.clusters.versions import difference
from tau3mu.execution.pool import Failure, Finished

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import awkward as ak

    from tau3mu.datasets import Chunk

__all__ = ["Task", "work_off"]


@dataclass(frozen=True)
class Task:
    """A chunk for a worker, which is processed when the pickle of this is loaded.

    A worker that cannot unpickle its task (because it lacks this package, or because the code of
    the task is that of another Python) dies of it. So `pickle.loads`, which every worker has, is
    the function of the task, and these bytes are its argument; what fails then is told.

    Attributes:
        index: The place of the chunk in the list of all chunks.
        chunk: What to read.
        processors: What to run on it, from `pack`.
        versions: Of the software of the driver, from `versions_here`.
    """

    index: int
    chunk: Chunk
    processors: bytes
    versions: Mapping[str, str]

    def __reduce__(self) -> tuple[Callable[..., Finished], tuple[object, ...]]:
        """Says that to unpickle this is to work it off."""
        chunk = pickle.dumps(self.chunk)
        return work_off, (self.index, chunk, self.processors, dict(self.versions))


def work_off(index: int, chunk: bytes, processors: bytes, versions: Mapping[str, str]) -> Finished:
    """Returns what became of a chunk, on a worker; the arguments are those of `Task`, pickled.

    Failures are values: an exception of a class that cannot be unpickled would never arrive. A
    worker of other versions, which may have joined when the run had begun, reads nothing.
    """
    worker = f"{platform.node()}:{os.getpid()}"
    if other := difference(versions, worker):
        return Finished(index, None, Failure("fatal", other), worker)
    from tau3mu.execution.chunk import ProcessorError, process_packed

    record: ak.Array | None = None
    failure = None
    unpacked: Chunk = pickle.loads(chunk)
    try:
        record = process_packed(index, unpacked, processors)
    except ProcessorError as error:
        failure = Failure("fatal", error.message, error.details)
    except Exception as error:  # noqa: BLE001 - a defect, or a module that this worker lacks
        message = f"{unpacked.label} failed on worker {worker}: {type(error).__name__}: {error}"
        failure = Failure("fatal", message, traceback.format_exc())
    return Finished(index, record, failure, worker)
