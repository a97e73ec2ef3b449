"""The executors without a cluster: one process, or several on this machine."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tau3mu.errors import RunError
from tau3mu.execution.chunk import process_chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import awkward as ak

    from tau3mu.datasets import Chunk
    from tau3mu.selection import Processor

__all__ = ["run_futures", "run_iterative"]


def run_iterative(
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    *,
    on_record: Callable[[ak.Array], None],
) -> list[ak.Array]:
    """Returns the records of all chunks, worked off one after the other in this process.

    Args:
        chunks: What to read.
        processors: What to run on each.
        on_record: Is called with each record as it comes.

    Raises:
        ProcessorError: A processor failed.
    """
    records = []
    for index, chunk in enumerate(chunks):
        record = process_chunk(index, chunk, processors)
        on_record(record)
        records.append(record)
    return records


def run_futures(
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    *,
    workers: int,
    on_record: Callable[[ak.Array], None],
) -> list[ak.Array]:
    """Returns the records of all chunks, worked off by processes on this machine.

    The processes are gone when this returns or raises, also after Ctrl-C.

    Args:
        chunks: What to read.
        processors: What to run on each.
        workers: Number of processes.
        on_record: Is called in this process with each record as it comes.

    Raises:
        ProcessorError: A processor failed.
        RunError: A process died.
    """
    from loky import ProcessPoolExecutor, as_completed
    from loky.process_executor import TerminatedWorkerError

    pool = ProcessPoolExecutor(max_workers=workers, initializer=_leave_interrupts_to_parent)
    try:
        futures = [
            pool.submit(process_chunk, index, chunk, processors)
            for index, chunk in enumerate(chunks)
        ]
        records = []
        for future in as_completed(futures):
            records.append(future.result())
            on_record(records[-1])
    except TerminatedWorkerError as error:
        message = (
            "a worker process died; it may have run out of memory: "
            "choose a smaller --chunk-size or fewer --workers"
        )
        raise RunError(message) from error
    finally:
        pool.shutdown(wait=True, kill_workers=True)
    return records


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
