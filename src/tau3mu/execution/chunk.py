"""The one function that every executor maps: from a chunk to what the processors find in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import awkward as ak

from tau3mu.derived.parts import has_part, write_part
from tau3mu.errors import InputError, RunError
from tau3mu.execution.by_run import (
    added,
    join_survivors,
    joined_triggers,
    parts_by_run,
    runs_follow,
    shares,
)
from tau3mu.execution.certified import Part, certified_mask, with_certified
from tau3mu.execution.pool import Failure, TaskError, this_process
from tau3mu.execution.set_apart import error_group
from tau3mu.execution.spanning import counts_by_chunk, read_together
from tau3mu.execution.timing import Stopwatch, Timing
from tau3mu.ntuples import ReadError, empty_events, read_events
from tau3mu.ntuples.events import own_view
from tau3mu.ntuples.layout import layout
from tau3mu.ntuples.schema import MisalignedError
from tau3mu.ntuples.triggers import used_triggers
from tau3mu.outputs.arrays import own_copy
from tau3mu.outputs.counted import Counted, counted_of
from tau3mu.processing.behaviors import users_behaviors, without_changes
from tau3mu.processing.distribution import ship_code
from tau3mu.processing.found import check_fill, found
from tau3mu.processing.memo import Memo
from tau3mu.processing.needs import in_order, that_read, with_needed
from tau3mu.processing.user_code import user_errors, what
from tau3mu.redaction import redact
from tau3mu.storage.failures import read_errors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from tau3mu.datasets import Certification, Chunk
    from tau3mu.derived.requests import SkimJob
    from tau3mu.execution.pool import FailureKind
    from tau3mu.execution.set_apart import ErrorGroup
    from tau3mu.ntuples.events import Entries
    from tau3mu.ntuples.reader import Reading
    from tau3mu.outputs import Selection
    from tau3mu.processing import Processor
    from tau3mu.processing.survivors import Survivors

__all__ = [
    "ChunkResult",
    "ChunkTask",
    "ProcessorError",
    "check_names",
    "empty_result",
    "no_events",
    "process_chunk",
    "process_task",
    "selected",
    "shared_by_tasks",
]


class ProcessorError(TaskError):
    """Is raised when a processor fails; `details` is the traceback, as text to cross processes."""

    def __init__(self, message: str, details: str = "") -> None:
        """Creates the error, from the message for the user and the traceback for the log.

        Args:
            message: For the user.
            details: The traceback as text, for the log.
        """
        super().__init__(message, details, code="execution.processor-failed")


@dataclass(frozen=True)
class ChunkResult:
    """The outputs of the processors for a chunk, or why it could not be read.

    Attributes:
        entries: How many events were read; none if there is a failure.
        outputs: What each processor found, by its name.
        triggers: By column, the triggers that the pattern of the column stands for.
        failure: What was in the way.
        path: The place that was read, if it was one of several replicas.
        bytes: How much was read of the file.
        seconds: How long all of it took.
        worker: Where it was done, as `host:pid`.
        set_apart: The errors of processors that failed, by name, if the others were to go on.
        timing: What reading and each processor took.
        runs: What each processor counted and filled of each run, if results are kept by run; its
            candidates are among the others.
        counts: If it is of several chunks, how many candidates of each processor are in each; a
            processor of which that is not sure is not among them.
        resumed: Whether an earlier run did it.
        counted: What was counted of all events that were read.
    """

    entries: int
    outputs: Mapping[str, Selection]
    triggers: Mapping[str, list[str]] = field(default_factory=dict)
    failure: Failure | None = None
    path: str = ""
    bytes: int = 0
    seconds: float = 0.0
    worker: str = ""
    set_apart: Mapping[str, ErrorGroup] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    runs: Mapping[str, Mapping[int, Selection]] = field(default_factory=dict)
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    resumed: bool = field(default=False, compare=False)
    counted: Counted = field(default_factory=Counted)


@dataclass(frozen=True)
class ChunkTask:
    """A chunk that is to be processed.

    Attributes:
        chunk: What to read.
        processors: The names of those that are to run on it, None for all.
        more: Further chunks that are processed together with it, by their indices in the run.
    """

    chunk: Chunk
    processors: frozenset[str] | None = None
    more: Mapping[int, Chunk] = field(default_factory=dict)

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """All that is processed together."""
        return self.chunk, *self.more.values()

    @property
    def label(self) -> str:
        """File and entries, for messages."""
        return self.chunk.label + (f", and {len(self.more)} more files" if self.more else "")


def shared_by_tasks(
    processors: Sequence[Processor],
    skims: Sequence[SkimJob] = (),
    *,
    isolate: bool = False,
    certifications: Mapping[str, Certification] | None = None,
) -> tuple[tuple[Processor, ...], Any, bool, tuple[SkimJob, ...], Mapping[str, Certification]]:
    """Returns what all calls of `process_task` need, fit to be sent to other processes.

    Args:
        processors: All processors of the run.
        skims: What is derived, each by one of the processors.
        isolate: Whether the others go on when one fails.
        certifications: By the hashes by which chunks name them.

    Raises:
        InputError: Something in the processors cannot be sent to another process.
    """
    ship_code(processors)
    behaviors = users_behaviors(processors)
    return tuple(processors), behaviors, isolate, tuple(skims), certifications or {}


def process_task(index: int, task: ChunkTask, shared: Any) -> ChunkResult:  # noqa: ARG001
    """Returns what `process_chunk` does of a task; `shared` is from `shared_by_tasks`."""
    processors, behaviors, isolate, skims, certifications = shared
    ak.behavior.update(behaviors)
    how: dict[str, Any] = {"isolate": isolate, "certifications": certifications}
    if task.processors is None and that_read(processors, task.chunk):
        return process_chunk(task.chunk, processors, skims, more=[*task.more.values()], **how)
    if not task.processors:  # those that were to run are set apart, others have done the chunk
        entries = sum(chunk.entries for chunk in task.chunks)
        return ChunkResult(entries, {}, worker=this_process())
    run = with_needed(processors, task.processors)
    # A part of a skim has all columns, also once some processors are set apart.
    parts = [j for j in skims if j.processor in task.processors and not has_part(j, task.chunk)]
    chunk, *more = task.chunks if parts else (restricted(one, run) for one in task.chunks)
    result = process_chunk(chunk, run, parts, more=more, **how)
    asked = {name: one for name, one in result.outputs.items() if name in task.processors}
    runs = {name: one for name, one in result.runs.items() if name in task.processors}
    counts = {name: one for name, one in result.counts.items() if name in task.processors}
    return replace(result, outputs=asked, runs=runs, counts=counts)


def process_chunk(
    chunk: Chunk,
    processors: Sequence[Processor],
    skims: Sequence[SkimJob] = (),
    *,
    isolate: bool = False,
    certifications: Mapping[str, Certification] | None = None,
    more: Sequence[Chunk] = (),
) -> ChunkResult:
    """Returns what the processors find in the events of a chunk, or why it cannot be read.

    The union of the columns is read once.

    Args:
        chunk: What to read.
        processors: What to run on it, if it is among those that read it.
        skims: What is derived of it, each by one of the processors.
        isolate: Whether the others go on when one fails, which is then in `set_apart`.
        certifications: By the hashes by which chunks name them.
        more: Further chunks, of other files, whose events are processed together with its own.

    Raises:
        ProcessorError: A processor failed; the message names processor, file and entries.
        RunError: The part of a skim cannot be written.
    """
    check_names(processors)
    processors = that_read(processors, chunk)
    watch = Stopwatch()
    path, n_bytes = "", 0

    def failed(kind: FailureKind, message: str) -> ChunkResult:
        failure = Failure(kind, redact(message))
        return _finished(ChunkResult(0, {}, failure=failure), path, n_bytes, watch)

    chunks = chunk, *more
    readings = []
    for one in chunks:
        try:
            reading = _read(one, entries_only=bool(more))
        except ReadError as error:
            path = error.path
            return failed(error.kind, str(error))
        path, n_bytes = reading.path, n_bytes + reading.n_bytes
        where = f"{redact(path)}: entries {one.start} to {one.stop} cannot be"
        if (came := reading.entries.n_events) != one.entries:
            message = f"{where} read: {came} came instead of {one.entries}"
            return failed("bad_file", message)
        readings.append(reading)
    if more:
        try:
            reading = read_together(readings)
        except read_errors() as error:  # whatever it is, the files are done one by one
            return failed("bad_file", f"{where} joined with those of other files: {error}")
    events = reading.events
    read_wall, read_cpu = watch.read()
    asked = {job.processor: job.survivors() for job in skims}
    try:
        passes = certified_mask(events, chunk, certifications or {})
        counted = counted_of(events, passes, is_mc=chunk.is_mc)
        how: dict[str, Any] = {"asked": asked, "isolate": isolate}
        if chunk.per_run:
            result = _by_run(reading.entries, passes, chunk, processors, **how)
        else:
            part = Part.of(reading.entries, passes)
            result = _processed(part, chunk, processors, **how)
    except ProcessorError as error:
        if not isinstance(error.__cause__, MemoryError):
            raise
        message = f"{error}; choose a smaller --chunk-size, or give the workers more memory"
        return failed("resources", message)
    except MisalignedError as error:
        return failed("bad_file", f"{where} used: {error}")
    by_name = {processor.name: processor for processor in processors}
    for job in skims:
        if (selection := result.outputs.get(job.processor)) is not None:  # it is not set apart
            survivors = asked[job.processor]
            write_part(
                job, chunk, by_name[job.processor], selection, survivors, reading.entries, counted
            )
    numbers = [one.entries for one in chunks]
    counts = {
        name: found
        for name, selection in result.outputs.items()
        if more and (found := counts_by_chunk(selection, events, numbers)) is not None
    }
    outputs = {name: replace(one, places=None) for name, one in result.outputs.items()}
    timing = replace(result.timing, read_wall=read_wall, read_cpu=read_cpu)
    result = replace(result, outputs=outputs, counts=counts, timing=timing, counted=counted)
    result = replace(result, entries=sum(numbers))
    return _finished(result, path, n_bytes, watch)


def _read(chunk: Chunk, *, entries_only: bool) -> Reading:
    return read_events(
        (chunk.path, *chunk.replicas),
        tree=chunk.tree,
        layout=chunk.layout,
        branches=chunk.branches,
        start=chunk.start,
        stop=chunk.stop,
        uuid=chunk.uuid,
        metadata=chunk.metadata,
        selected=None if chunk.selected is None else chunk.places,
        entries_only=entries_only,
    )


def _finished(result: ChunkResult, path: str, n_bytes: int, watch: Stopwatch) -> ChunkResult:
    return replace(
        result,
        path=redact(path),
        bytes=n_bytes,
        seconds=watch.read()[0],
        worker=this_process(),
    )


def check_names(processors: Sequence[Processor]) -> None:
    """Checks that the results of no processor would take the place of another's.

    Raises:
        InputError: Two have the same name; the message says which.
    """
    twice = [name for name, n in Counter(p.name for p in processors).items() if n > 1]
    if twice:
        classes = [type(p).__qualname__ for p in processors if p.name == twice[0]]
        message = (
            f"{len(classes)} processors are called {twice[0]!r} ({', '.join(classes)}): results "
            "are kept by name, so give each its own `name`"
        )
        raise InputError(message, code="execution.repeated-name", path=twice[0])


def restricted(chunk: Chunk, processors: Sequence[Processor]) -> Chunk:
    """Returns a chunk of the columns that some of the processors of a run read."""
    readers = that_read(processors, chunk)
    columns = chunk.columns.union(*(processor.columns for processor in readers))
    reference, branches = read_for(chunk.layout, chunk.branches, columns)
    return replace(chunk, layout=reference, branches=branches)


@lru_cache(maxsize=256)
def read_for(
    reference: str, branches: tuple[str, ...], columns: frozenset[str]
) -> tuple[str, tuple[str, ...]]:
    """Returns the layout and the branches that are read for some of the columns of a chunk.

    Args:
        reference: The layout of the chunk.
        branches: All branches of the chunk.
        columns: The columns.
    """
    table = layout(reference)
    wanted = table.resolve(columns, branches)
    own = tuple(name for name in branches if name in wanted)
    return table.reference(wanted), own


def empty_result(
    chunk: Chunk, processors: Sequence[Processor], *, isolate: bool = False
) -> ChunkResult:
    """Returns the result of a chunk in which there is nothing, without reading it."""
    processors = that_read(processors, chunk)
    return _processed(Part(no_events(chunk)), chunk, processors, asked={}, isolate=isolate)


def no_events(chunk: Chunk) -> ak.Array:
    """Returns the events of a chunk in which there are none."""
    return empty_events(layout=chunk.layout, branches=chunk.branches, metadata=chunk.metadata)


def _processed(
    part: Part,
    chunk: Chunk,
    processors: Sequence[Processor],
    *,
    asked: Mapping[str, Survivors],
    isolate: bool,
) -> ChunkResult:
    columns = frozenset().union(*(processor.columns for processor in processors))
    memos = Memo(), Memo()
    found: dict[str, Selection] = {}
    set_apart: dict[str, ErrorGroup] = {}
    timing = Timing()
    for processor in in_order(processors):
        if not found.keys() >= set(processor.needs):  # one of which has just been set apart
            continue
        watch = Stopwatch()
        name = processor.name
        try:
            found[name] = _select(processor, part, chunk, memos, found, asked.get(name))
        except ProcessorError as error:
            if not isolate or isinstance(error.__cause__, MemoryError):
                raise
            set_apart[name] = error_group(error, chunk.label)
        timing.wall[name], timing.cpu[name] = watch.read()
    outputs = {
        one.name: _in_chunk(found[one.name], part) for one in processors if one.name in found
    }
    for survivors in asked.values():
        if survivors.entries is not None:
            survivors.entries = part.in_chunk(survivors.entries)
    triggers = used_triggers(part.events, columns, layout(chunk.layout).absent)
    return ChunkResult(len(part.events), outputs, triggers, set_apart=set_apart, timing=timing)


def _in_chunk(selection: Selection, part: Part) -> Selection:
    """Returns a selection whose places are those in the chunk rather than in a part of it."""
    if selection.places is None or part.places is None:
        return selection
    if len(selection.places) and not 0 <= selection.places.max() < len(part.places):
        return replace(selection, places=None)
    return replace(selection, places=part.in_chunk(selection.places))


def _by_run(
    entries: Entries,
    passes: npt.NDArray[np.bool_] | None,
    chunk: Chunk,
    processors: Sequence[Processor],
    *,
    asked: Mapping[str, Survivors],
    isolate: bool,
) -> ChunkResult:
    """Returns what the processors find in a chunk, with the share of each run."""
    follow = runs_follow(entries)
    left = list(processors)
    results: dict[int, ChunkResult] = {}
    survivors: list[dict[str, Survivors]] = []
    for run, part in parts_by_run(entries, passes):
        survivors.append({name: replace(one) for name, one in asked.items()} if follow else {})
        results[run] = _processed(part, chunk, left, asked=survivors[-1], isolate=isolate)
        left = [one for one in left if one.name in results[run].outputs]
    every = [*results.values()]
    if follow:
        for name, one in asked.items():
            join_survivors(one, [part[name] for part in survivors])
    else:
        everything = Part.of(entries, passes)
        every.append(_processed(everything, chunk, left, asked=asked, isolate=isolate))
        left = [one for one in left if one.name in every[-1].outputs]
    set_apart = {name: one for result in every for name, one in result.set_apart.items()}
    outputs, runs = {}, {}
    for name in (one.name for one in left):
        of_runs = {run: result.outputs[name] for run, result in results.items()}
        try:
            parts = [result.outputs[name] for result in (every if follow else every[-1:])]
            whole = added(name, parts, chunk.label)
            runs[name] = shares(name, whole, of_runs, chunk.label)
            outputs[name] = whole
        except (InputError, RunError) as error:
            if not isolate:
                raise
            set_apart[name] = error_group(error, chunk.label)
    return ChunkResult(
        chunk.entries,
        outputs,
        joined_triggers([result.triggers for result in every]),
        set_apart=set_apart,
        timing=sum((result.timing for result in every), Timing()),
        runs=runs,
    )


def _select(
    processor: Processor,
    part: Part,
    chunk: Chunk,
    memos: tuple[Memo, Memo],
    before: Mapping[str, Selection],
    survivors: Survivors | None,
) -> Selection:
    def failed(error: BaseException) -> ProcessorError:
        return ProcessorError(f"{processor.name} failed on {chunk.label}: {what(error)}")

    with user_errors(failed, MisalignedError):
        selection = selected(processor, part.events, memos[0], before, survivors)
        selection = with_certified(selection, chunk, processor, part, memos[1])
        check_fill(processor, selection.candidates, chunk)
    return selection


def selected(
    processor: Processor,
    events: ak.Array,
    memo: Memo | None = None,
    before: Mapping[str, Selection] | None = None,
    survivors: Survivors | None = None,
) -> Selection:
    """Returns what a processor finds, checked; it can change nothing that others see.

    Args:
        processor: What is run.
        events: The events of a chunk.
        memo: What other processors have computed on them.
        before: What other processors have found in them, of which it gets those that it needs.
        survivors: Is told which events are left at its step.
    """
    needed = {name: _own(before[name]) for name in processor.needs} if before else {}
    with without_changes(processor.name):
        # Classes of users may define `selection` without what is not asked for.
        how: dict[str, Any] = {"needed": needed} if needed else {}
        if survivors is not None:
            how["survivors"] = survivors
        return found(processor.selection(own_view(events), memo, **how))


def _own(selection: Selection) -> Selection:
    """Returns a selection that one processor alone may change."""
    return replace(
        selection,
        candidates=own_copy(selection.candidates),
        counters=dict(selection.counters),
        histograms={name: one.copy() for name, one in selection.histograms.items()},
    )
