"""Runs processors over chunks with the executor of choice."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from tau3mu.errors import InputError, RunError
from tau3mu.execution.checkpoints import Checkpoints, chunk_keys
from tau3mu.execution.chunk import check_names
from tau3mu.execution.ledger import Ledger
from tau3mu.execution.local import FuturesPool, IterativePool
from tau3mu.execution.loop import RetryPolicy, killed_message, process_chunks
from tau3mu.execution.merge import RunResult, count_files, merge
from tau3mu.outputs.contract import Contract
from tau3mu.storage.names import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import awkward as ak
    from distributed import Client

    from tau3mu.datasets import Chunk
    from tau3mu.execution.ledger import Attempt
    from tau3mu.execution.loop import Work
    from tau3mu.execution.pool import Pool
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor

__all__ = ["Executor", "execute"]

log = logging.getLogger(__name__)

Executor = Literal["iterative", "futures", "dask"]


def execute(
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    *,
    executor: Executor = "iterative",
    workers: int = 2,
    client: Client | None = None,
    folder: Path | None = None,
    resume: bool = False,
    skip_bad_files: bool = True,
    retry_policy: RetryPolicy | None = None,
    expected: Mapping[str, Returned] | None = None,
    on_record: Callable[[ak.Array], None] = lambda _: None,
    watch: Callable[[], object] = lambda: None,
) -> RunResult:
    """Runs all processors over all chunks in one pass and returns what they found.

    The result is the same under every executor and for every size of the chunks. A file of which
    anything cannot be read is left out as a whole.

    Args:
        chunks: What to read, from `make_chunks`.
        processors: What to run; their columns must be among the branches of the chunks.
        executor: `iterative` in this process, `futures` in processes of this machine, `dask` on
            the cluster of `client`.
        workers: Number of processes for `futures`; no more are started than there are chunks to do.
        client: Needed for `dask`.
        folder: Where to keep the ledger and, from five seconds on, checkpoints.
        resume: Whether to begin with the checkpoints that are in the folder.
        skip_bad_files: Whether to sum up what is left if files cannot be read; else the result
            has no processors then, and the folder has checkpoints.
        retry_policy: How often to try and how long to wait.
        expected: What each processor returns for no events, from `dry_run`.
        on_record: Is called with the record of each chunk as it comes, for instance to advance a
            progress bar by its `entries`.
        watch: Is called at least every few seconds; what it raises ends the run.

    Raises:
        InputError: There are no chunks, two processors of one name, or no client for `dask`; or
            something in a processor cannot be sent to other processes.
        ProcessorError: A processor failed.
        RunError: Chunks killed their processes, nothing finished for too long, the cluster gave
            up, the folder cannot be written, or a processor returns columns, types or cutflow
            steps for a chunk that differ from those of others. What was done is in the
            checkpoints.
    """
    if not chunks:
        message = "there are no events to process: all files are empty"
        raise InputError(message)
    check_names(processors)
    retry_policy = retry_policy or RetryPolicy()
    keys = [] if folder is None else chunk_keys(chunks, processors)
    checkpoints = None if folder is None else Checkpoints(folder, keys)
    done = checkpoints.load() if checkpoints is not None and resume else {}
    workers = max(1, min(workers, len(chunks) - len(done)))
    pool = _pool(executor, processors, workers, client, retry_policy)
    contract = Contract(expected)

    def take(record: ak.Array) -> None:
        contract.check(record, chunks[int(record.chunk[0])].label)
        on_record(record)

    if folder is None or checkpoints is None:
        work = process_chunks(
            chunks,
            pool,
            retry_policy=retry_policy,
            done={},
            on_attempt=lambda *_: None,
            on_record=lambda _, record: take(record),
            watch=watch,
        )
    else:
        if resume:
            log.info("%d of %d chunks were done before", len(done), len(chunks))
        work = _recorded(
            chunks,
            pool,
            folder,
            checkpoints,
            done,
            retry_policy,
            on_record=take,
            watch=watch,
        )
    if work.killed:
        raise RunError(killed_message(work.killed))
    records = work.records()
    if records is None or (work.bad and not skip_bad_files):
        result = RunResult({}, count_files(records, chunks, work.bad))
    else:
        try:
            result = merge(
                records,
                chunks,
                processors,
                bad=work.bad,
                lazily=executor == "dask",
                contract=contract,
            )
        except RunError:  # such as of `fill`: the chunks need not run again once it is fixed
            if checkpoints is not None:
                checkpoints.flush()
            raise
    return replace(
        result,
        chunks=len(chunks),
        resumed=work.resumed,
        attempts=work.attempts,
        keys=tuple(keys),
    )


def _recorded(
    chunks: Sequence[Chunk],
    pool: Pool,
    folder: Path,
    checkpoints: Checkpoints,
    done: Mapping[int, ak.Array],
    retry_policy: RetryPolicy,
    *,
    on_record: Callable[[ak.Array], None],
    watch: Callable[[], object],
) -> Work:
    """Returns what became of the chunks, with a ledger and checkpoints."""
    for record in done.values():
        on_record(record)

    def keep(index: int, record: ak.Array) -> None:
        checkpoints.add(index, record)
        on_record(record)

    with ExitStack() as stack:
        ledger = stack.enter_context(Ledger(folder / LEDGER))

        def write(_: int, attempt: Attempt) -> None:
            ledger.write(attempt)

        try:
            work = process_chunks(
                chunks,
                pool,
                retry_policy=retry_policy,
                done=done,
                on_attempt=write,
                on_record=keep,
                watch=watch,
            )
        except BaseException:
            try:
                checkpoints.flush()
            except RunError as error:  # such as the full disk that ended the run
                log.warning("%s", error)
            raise
        if work.bad or work.killed:
            checkpoints.flush()
        return work


def _pool(
    executor: Executor,
    processors: Sequence[Processor],
    workers: int,
    client: Client | None,
    retry_policy: RetryPolicy,
) -> Pool:
    if executor == "iterative":
        return IterativePool(processors, timeout=retry_policy.timeout)
    if executor == "futures":
        return FuturesPool(processors, workers=workers)
    if client is None:
        message = "executor 'dask' needs a client: see tau3mu.clusters.connect"
        raise InputError(message)
    from tau3mu.execution.dask_pool import DaskPool

    return DaskPool(client, processors)
