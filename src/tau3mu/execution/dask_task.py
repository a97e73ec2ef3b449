"""What runs on a Dask worker, and how it gets there and back whatever the worker lacks."""

from __future__ import annotations

import os
import platform
import traceback
from typing import TYPE_CHECKING

from tau3mu.execution.chunk import ProcessorError, process_packed
from tau3mu.execution.pool import Failure, Finished

if TYPE_CHECKING:
    from collections.abc import Callable

    import awkward as ak

    from tau3mu.datasets import Chunk

__all__ = ["make_task", "work_off_chunk"]


def make_task() -> Callable[[int, bytes, bytes], Finished]:
    """Returns a function of index, pickled chunk and packed processors that travels by value.

    A worker that cannot unpickle its task (because it lacks this package, say) dies of it; one
    that cannot import in a task says so.
    """

    def work(index: int, chunk: bytes, processors: bytes) -> Finished:
        import pickle

        from tau3mu.execution.dask_task import work_off_chunk

        return work_off_chunk(index, pickle.loads(chunk), processors)

    return work


def work_off_chunk(index: int, chunk: Chunk, processors: bytes) -> Finished:
    """Returns what became of a chunk.

    Failures are values: an exception of a class that cannot be unpickled would never arrive.

    Args:
        index: The place of the chunk in the list of all chunks.
        chunk: What to read.
        processors: What to run on it, from `pack`.
    """
    worker = f"{platform.node()}:{os.getpid()}"
    record: ak.Array | None = None
    failure = None
    try:
        record = process_packed(index, chunk, processors)
    except ProcessorError as error:
        failure = Failure("run", error.message, error.details)
    except Exception as error:  # noqa: BLE001 - a defect, or a module that this worker lacks
        message = f"{chunk.label} failed on worker {worker}: {type(error).__name__}: {error}"
        failure = Failure("run", message, traceback.format_exc())
    return Finished(index, record, failure, worker)
