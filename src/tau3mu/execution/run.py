"""Runs processors over chunks with the executor of choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tau3mu.errors import InputError
from tau3mu.execution.cluster import run_dask
from tau3mu.execution.local import run_futures, run_iterative
from tau3mu.execution.merge import RunResult, merge

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import awkward as ak
    from distributed import Client

    from tau3mu.datasets import Chunk
    from tau3mu.selection import Processor

__all__ = ["execute"]


def execute(
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    *,
    executor: Literal["iterative", "futures", "dask"] = "iterative",
    workers: int = 2,
    client: Client | None = None,
    on_record: Callable[[ak.Array], None] = lambda _: None,
) -> RunResult:
    """Runs all processors over all chunks in one pass and returns what they found.

    The result is the same under every executor and for every size of the chunks.

    Args:
        chunks: What to read, from `make_chunks`.
        processors: What to run; their columns must be among the branches of the chunks.
        executor: `iterative` in this process, `futures` in processes of this machine, `dask` on
            the cluster of `client`.
        workers: Number of processes for `futures`.
        client: Needed for `dask`.
        on_record: Is called with the record of each chunk as it comes, for instance to advance a
            progress bar by its `entries`.

    Raises:
        InputError: There are no chunks, or no client for `dask`.
        ProcessorError: A processor failed.
        RunError: A worker died, or the cluster gave up.
    """
    if not chunks:
        message = "there are no events to process: all files are empty"
        raise InputError(message)
    if executor == "iterative":
        return merge(run_iterative(chunks, processors, on_record=on_record), chunks, processors)
    if executor == "futures":
        records = run_futures(chunks, processors, workers=workers, on_record=on_record)
        return merge(records, chunks, processors)
    if client is None:
        message = "executor 'dask' needs a client: see tau3mu.execution.connect"
        raise InputError(message)
    records, histograms = run_dask(client, chunks, processors, on_record=on_record)
    return merge(records, chunks, processors, histograms)
