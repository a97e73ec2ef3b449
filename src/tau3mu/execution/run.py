"""Runs processors over chunks with the executor of choice."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from tau3mu.derived.parts import has_part
from tau3mu.errors import InputError, RunError
from tau3mu.execution.certified import certification_warnings
from tau3mu.execution.checkpoints import Checkpoints, Keys, together
from tau3mu.execution.chunk import ChunkTask, check_names, process_task, shared_by_tasks
from tau3mu.execution.grouping import are_alike, groups_of, in_order_of_sum, may_span_files
from tau3mu.execution.ledger import Ledger
from tau3mu.execution.local import FuturesPool, IterativePool
from tau3mu.execution.loop import Listener, RetryPolicy, attempt_at, process_chunks
from tau3mu.execution.merge import RunResult, Totals
from tau3mu.execution.set_apart import NoneLeftError, SetApart
from tau3mu.ntuples.open_files import close_files
from tau3mu.processing.needs import in_order, that_read
from tau3mu.storage.names import LEDGER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from distributed import Client

    from tau3mu.datasets import Certification, Chunk
    from tau3mu.derived.requests import SkimJob
    from tau3mu.execution.chunk import ChunkResult
    from tau3mu.execution.ledger import Attempt
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
    certifications: Mapping[str, Certification] | None = None,
    executor: Executor = "iterative",
    workers: int = 2,
    client: Client | None = None,
    folder: Path | None = None,
    resume: bool = False,
    skip_bad_files: bool = True,
    isolate: bool = False,
    retry_policy: RetryPolicy | None = None,
    expected: Mapping[str, Returned] | None = None,
    skims: Sequence[SkimJob] = (),
    together: int = 0,
    on_result: Callable[[ChunkResult], None] = lambda _: None,
    watch: Callable[[], object] = lambda: None,
) -> RunResult:
    """Runs all processors over all chunks in one pass and returns what they found.

    The result is the same under every executor and for every size of the chunks. A file of which
    anything cannot be read is left out as a whole.

    Args:
        chunks: What to read, from `make_chunks`.
        processors: What to run; their columns must be among the branches of the chunks.
        certifications: Those of the datasets, from `certifications_of`; chunks name them by hash.
        executor: `iterative` in this process, `futures` in processes of this machine, `dask` on
            the cluster of `client`.
        workers: Number of processes for `futures`; no more are started than there are chunks to do.
        client: Needed for `dask`.
        folder: Where to keep the ledger and, from five seconds on, checkpoints.
        resume: Whether to begin with the checkpoints that are in the folder. Of a chunk that only
            some of the processors have done, the others do what is left.
        skip_bad_files: Whether to sum up what is left if files cannot be read; else the result
            has no processors then, and the folder has checkpoints.
        isolate: Whether the others go on when a processor fails, which is then named in the
            `set_apart` of the result; if all fail, the run ends without results.
        retry_policy: How often to try and how long to wait.
        expected: What each processor returns for no events, from `dry_run`.
        skims: What the workers derive, each by one of the processors.
        together: So many entries of files that are one chunk each may be processed together, if
            there are many files and no skims, and `may_span_files` the processors. It changes
            nothing but the time.
        on_result: Is called with the result of each chunk as it comes, for instance to advance a
            progress bar by its `entries`.
        watch: Is called at least every few seconds; what it raises ends the run.

    Raises:
        InputError: There are no chunks, two processors of one name, one needs another that is
            not there, or no client for `dask`; or something in a processor cannot be sent to
            other processes.
        ProcessorError: A processor failed, and the others are not to go on.
        RunError: Chunks killed their processes, nothing finished for too long, the cluster gave
            up, the folder cannot be written, or a processor returns columns, types or cutflow
            steps for a chunk that differ from those of others. What was done is in the
            checkpoints.
    """
    if not chunks:
        message = "there are no events to process: all files are empty"
        raise InputError(message, code="execution.no-events")
    check_names(processors)
    _check_certifications(chunks, certifications or {})
    in_order(processors)
    retry_policy = retry_policy or RetryPolicy()
    set_apart = SetApart(processors) if isolate else None
    totals = Totals(chunks, processors, expected, set_apart)
    with ExitStack() as stack:
        run = _Run(chunks, totals, set_apart, on_result, watch)
        if folder is not None:
            run.keys = Keys(chunks, processors)
            run.checkpoints = Checkpoints(folder, run.keys)
            run.ledger = stack.enter_context(Ledger(folder / LEDGER))
            stack.push(run.flush_after)
        try:
            together = 0 if skims else together
            tasks = run.find_tasks(processors, resume=resume, skims=skims, together=together)
            workers = max(1, min(workers, len(tasks)))
            shared = tuple(processors), tuple(skims), isolate, certifications or {}
            pool = _pool(executor, shared, workers, client, retry_policy, stack)
            process_chunks(tasks, pool, retry_policy=retry_policy, listener=run)
            if run.n_read == 0 or (totals.failed and not skip_bad_files):
                result = RunResult({}, totals.files())
            else:
                result = totals.result(lazily=executor == "dask")
                result = _with_warnings(result, chunks, certifications or {})
        except NoneLeftError:
            result = RunResult({}, totals.files())
        if not result.processors or totals.failed or set_apart:
            run.flush()
    return replace(
        result,
        chunks=len(chunks),
        resumed=run.n_resumed,
        attempts=run.n_attempts,
        keys=tuple(run.keys.every()) if run.keys is not None else (),
        set_apart=set_apart.groups if set_apart is not None else {},
        timing=totals.timing,
        bytes=totals.bytes,
    )


def _with_warnings(
    result: RunResult, chunks: Sequence[Chunk], certifications: Mapping[str, Certification]
) -> RunResult:
    if not result.processors:
        return result
    cutflow: dict[str, Any] = {}
    of_runs: dict[str, Any] = {}
    for found in reversed(result.processors.values()):  # any that has read a dataset will do
        cutflow |= found.cutflow
        of_runs |= found.runs
    runs = of_runs if any(chunk.per_run for chunk in chunks) else None
    texts = certification_warnings(chunks, cutflow, runs, certifications)
    return replace(result, warnings=(*result.warnings, *texts))


def _check_certifications(
    chunks: Sequence[Chunk], certifications: Mapping[str, Certification]
) -> None:
    asked = {chunk.certification: chunk.dataset for chunk in chunks if chunk.certification}
    if missing := asked.keys() - certifications.keys():
        dataset = asked[min(missing)]
        message = (
            f"the certification of dataset {dataset!r} is not given: pass "
            "certifications=certifications_of(datasets)"
        )
        raise InputError(message, code="execution.no-certification", path=dataset)


class _Run(Listener):
    """Keeps totals, ledger and checkpoints of a run as its chunks are done."""

    def __init__(
        self,
        chunks: Sequence[Chunk],
        totals: Totals,
        set_apart: SetApart | None,
        on_result: Callable[[ChunkResult], None],
        watch: Callable[[], object],
    ) -> None:
        self.chunks, self.totals, self.set_apart = chunks, totals, set_apart
        self.on_result, self._watch = on_result, watch
        self.keys: Keys | None = None
        self.checkpoints: Checkpoints | None = None
        self.ledger: Ledger | None = None
        self.partial: set[int] = set()
        self.tasks: dict[int, ChunkTask] = {}
        self.n_read = self.n_resumed = self.n_attempts = 0

    def find_tasks(
        self,
        processors: Sequence[Processor],
        *,
        resume: bool,
        skims: Sequence[SkimJob] = (),
        together: int = 0,
    ) -> dict[int, ChunkTask]:
        """Returns what is to be done, in the order in which it is added up.

        Args:
            processors: All of them.
            resume: Whether to begin with the checkpoints.
            skims: A chunk of which their parts are not there is done again.
            together: The most entries of files that are processed together.
        """
        order = in_order_of_sum(self.chunks)
        done: set[int] = set()
        if self.checkpoints is not None and resume:
            spanning = not skims and may_span_files(self.chunks, processors)
            done = self._find_done(self.checkpoints, order, processors, skims, spanning=spanning)
        left = [None if index in done else index for index in order]
        groups = groups_of(self.chunks, left, entries=together)
        if len(groups) < len(order) - len(done) and not may_span_files(self.chunks, processors):
            groups = [(index,) for index in left if index is not None]
        for index, *more in groups:
            further = {number: self.chunks[number] for number in more}
            self.tasks[index] = ChunkTask(self.chunks[index], more=further)
        place = {index: number for number, index in enumerate(order)}
        self.tasks = dict(sorted(self.tasks.items(), key=lambda item: place[item[0]]))
        self._run_no_more()
        return self.tasks

    def _find_done(
        self,
        checkpoints: Checkpoints,
        order: Sequence[int],
        processors: Sequence[Processor],
        skims: Sequence[SkimJob],
        *,
        spanning: bool,
    ) -> set[int]:
        """Returns the chunks of which there are checkpoints, after taking what is in them.

        Args:
            checkpoints: Those of the folder.
            order: The chunks in the order in which they are added up.
            processors: All of them.
            skims: What is derived.
            spanning: Whether some of the processors may be run on chunks together.
        """
        done: set[int] = set()
        place = {index: number for number, index in enumerate(order)}
        for index, *more in [*checkpoints.groups(), *((index,) for index in order)]:
            indices = index, *more
            places = [place[one] for one in indices]
            follow = places == list(range(places[0], places[0] + len(places)))
            alike = are_alike([self.chunks[one] for one in indices])
            if done.intersection(indices) or not (follow and alike):
                continue
            found = checkpoints.load(index, more)
            names = {one.name for one in that_read(processors, self.chunks[index])}
            if self._found_in(found, index, more, names, skims, spanning=spanning):
                done.update(indices)
        if checkpoints and not self.partial and not self.n_resumed:
            log.warning(
                "none of the checkpoints in %s fits: processors, their configuration, the files "
                "or the chunk size have changed; everything is done again",
                checkpoints.folder,
            )
        log.info("%d of %d chunks were done before", self.n_resumed, len(self.chunks))
        if self.partial:
            log.info("%d chunks were done for some of the processors", len(self.partial))
        return done

    def _found_in(
        self,
        found: ChunkResult | None,
        index: int,
        more: Sequence[int],
        names: set[str],
        skims: Sequence[SkimJob],
        *,
        spanning: bool,
    ) -> bool:
        """Returns whether a checkpoint of chunks can be used, after taking what is in it."""
        if found is not None and not _has_parts(found, skims, self.chunks[index]):
            found = None
        missing = names - set(found.outputs if found is not None else ())
        if found is None or missing == names:
            return False
        further = {number: self.chunks[number] for number in more}
        if missing:
            if more and not spanning:
                return False
            self.partial.add(index)
            self.tasks[index] = ChunkTask(self.chunks[index], frozenset(missing), further)
        else:
            self.n_resumed += 1 + len(more)
            chunks = [*further.values()]
            attempt = attempt_at(self.chunks[index], 0, found, "resumed", more=chunks)
            self.attempted(index, attempt)
            self._take(index, found, more)
        return True

    def attempted(self, index: int, attempt: Attempt) -> None:  # noqa: ARG002
        self.n_attempts += attempt.outcome != "resumed"
        if self.ledger is not None:
            self.ledger.write(attempt)

    def done(self, index: int, result: ChunkResult) -> None:
        n_failed = len(self.set_apart.groups) if self.set_apart is not None else 0
        more = self.tasks[index].more
        if self.checkpoints is not None:
            if result.outputs:
                self.checkpoints.add(index, result, more)
            if index in self.partial:
                before = self.checkpoints.load(index, more)
                result = result if before is None else together(before, result)
        self._take(index, result, [*more])
        if self.set_apart is not None and len(self.set_apart.groups) > n_failed:
            self._run_no_more()

    def failed(self, index: int, reason: str) -> None:
        self.totals.fail(index, reason)

    def split(self, index: int, members: Sequence[int]) -> None:
        if index in self.partial:  # what is known of them is of all together, and of no use
            self.partial.discard(index)
            for one in members:
                self.tasks[one] = replace(self.tasks[one], processors=None)
            self._run_no_more()

    def watch(self) -> None:
        self._watch()

    def _run_no_more(self) -> None:
        """Takes the processors that are set apart from what is still to be done."""
        if self.set_apart:
            left = frozenset(one.name for one in self.set_apart.left)
            for index, task in self.tasks.items():
                names = left if task.processors is None else task.processors & left
                if task.chunk.readers is not None:
                    names &= task.chunk.readers
                self.tasks[index] = replace(task, processors=names)

    def _take(self, index: int, result: ChunkResult, more: Sequence[int] = ()) -> None:
        self.n_read += 1
        self.totals.add(index, result, more)
        self.on_result(result)

    def flush(self) -> None:
        if self.checkpoints is not None:
            self.checkpoints.flush()

    def flush_after(self, kind: type[BaseException] | None, *_: object) -> None:
        """Writes the checkpoints of a run that fails, so that it need not begin again."""
        if kind is not None:
            try:
                self.flush()
            except RunError as error:  # such as the full disk that ended the run
                log.warning("%s", error)


def _has_parts(result: ChunkResult, skims: Sequence[SkimJob], chunk: Chunk) -> bool:
    """Returns whether the parts of skims are there that a checkpoint came with."""
    return all(has_part(job, chunk) for job in skims if job.processor in result.outputs)


def _pool(
    executor: Executor,
    what: tuple[tuple[Processor, ...], tuple[SkimJob, ...], bool, Mapping[str, Certification]],
    workers: int,
    client: Client | None,
    retry_policy: RetryPolicy,
    stack: ExitStack,
) -> Pool:
    processors, skims, isolate, certifications = what
    if executor == "iterative":
        stack.callback(close_files)
        here: tuple[Any, ...] = processors, {}, isolate, skims, certifications
        return IterativePool(process_task, here, timeout=retry_policy.timeout)
    if executor == "dask" and client is None:
        message = "executor 'dask' needs a client: see tau3mu.clusters.connect"
        raise InputError(message, code="execution.no-client", path="executor")
    shared = shared_by_tasks(processors, skims, isolate=isolate, certifications=certifications)
    if executor == "futures" or client is None:
        return FuturesPool(process_task, shared, workers=workers)
    from tau3mu.execution.dask_pool import DaskPool

    return DaskPool(client, process_task, shared)
