"""From the results of the chunks to the result of the run, whatever their order."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tau3mu.errors import RunError
from tau3mu.execution.chunk import ProcessorError, empty_result
from tau3mu.execution.run_totals import RunTotals
from tau3mu.execution.set_apart import NoneLeftError, error_group
from tau3mu.execution.timing import Timing
from tau3mu.outputs.contract import NO_EVENTS, Contract
from tau3mu.outputs.counted import Counted, added_up
from tau3mu.outputs.histograms import DATASET
from tau3mu.outputs.repeated import repeated_events
from tau3mu.outputs.totals import ProcessorTotal, on_datasets
from tau3mu.processing.histograms import fill_histograms
from tau3mu.processing.user_code import user_errors, what
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import awkward as ak
    from hist import Hist

    from tau3mu.datasets import Chunk
    from tau3mu.execution.chunk import ChunkResult
    from tau3mu.execution.set_apart import ErrorGroup, SetApart
    from tau3mu.outputs import Selection
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor

__all__ = ["FileKey", "FileRead", "ProcessorResult", "RunResult", "Totals", "file_of"]

FILLING = "the histograms of all chunks"
"""Where processors fail that have done all chunks."""

FileKey = tuple[str, str, str]
"""Dataset, path and tree."""


def file_of(chunk: Chunk) -> FileKey:
    """Returns what distinguishes the file of a chunk from all others."""
    return chunk.dataset, chunk.path, chunk.tree


def _refuse_other_datasets(
    processor: str, histograms: Mapping[str, Hist[Any]], chunk: Chunk
) -> None:
    """Raises an error if a chunk has entries of other datasets, which would be mixed."""
    for name, histogram in histograms.items():
        if DATASET not in histogram.axes.name:
            continue
        if other := sorted(set(histogram.axes[DATASET]) - {chunk.dataset}):
            message = (
                f"histogram {name!r} of processor {processor} has dataset {other[0]!r} in "
                f"{chunk.label} of dataset {chunk.dataset!r}: fill events.metadata['dataset']"
            )
            raise RunError(message, code="outputs.other-dataset", path=f"{processor}.{name}")


@dataclass(frozen=True)
class FileRead:
    """How many events of a file were expected and read; `errors` says what was in the way.

    Of a file that could not be opened at the start, `expected` is None unless its dataset says it.
    """

    dataset: str
    path: str
    expected: int | None
    read: int
    errors: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProcessorResult:
    """The results of one processor.

    Attributes:
        candidates: One row per selected event, sorted by dataset, file and entry; the fields
            `dataset` and `file` come before those of the processor.
        histograms: By name, with the axes of the processor.
        cutflow: By dataset, the steps as dictionaries of name, events, candidates and sumw; a step
            of several cuts has a list `cuts` of such dictionaries.
        counters: By dataset, the further counts of the processor.
        runs: By dataset of data and run number, cutflow, counters and histograms, if the results
            are kept by run.
    """

    candidates: ak.Array
    histograms: dict[str, Hist[Any]]
    cutflow: dict[str, list[dict[str, Any]]]
    counters: dict[str, dict[str, int]]
    runs: Mapping[str, Mapping[int, Selection]] = field(default_factory=dict)


@dataclass(frozen=True)
class RunResult:
    """The results of a run, by processor, and the events that it read, by file.

    Attributes:
        processors: By name; empty if a run that may not leave out files could not read them all.
        files: All files that were to be read.
        chunks: How many chunks there were.
        resumed: How many of them an earlier run had done.
        attempts: How often chunks were tried, all together.
        warnings: What is odd about the results but no error.
        keys: The keys of the chunks, if the run had a folder for their checkpoints.
        triggers: By dataset and column, the triggers that the pattern of the column stands for.
        set_apart: The errors of processors that failed while the others went on, by name.
        timing: What reading and each processor took, all chunks together.
        bytes: How much was read.
        counted: By dataset, what was counted of all events of the files that are in the results.
    """

    processors: dict[str, ProcessorResult]
    files: tuple[FileRead, ...]
    chunks: int = 0
    resumed: int = 0
    attempts: int = 0
    warnings: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    triggers: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)
    set_apart: Mapping[str, list[ErrorGroup]] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    bytes: int = 0
    counted: Mapping[str, Counted] = field(default_factory=dict)

    @property
    def incomplete(self) -> list[FileRead]:
        """The files of which events are missing."""
        return [file for file in self.files if file.read != file.expected]


class Totals:
    """Adds up the results of chunks, in the order of dataset, file and entry.

    So nothing depends on the order in which they come. A file counts as a whole or not at all: its
    results wait until all of its chunks are there, and all files before it.

    Attributes:
        failed: The files that could not be read, with the reasons.
        timing: What reading and each processor took so far.
        bytes: How much was read so far.
    """

    def __init__(
        self,
        chunks: Sequence[Chunk],
        processors: Sequence[Processor],
        expected: Mapping[str, Returned] | None = None,
        set_apart: SetApart | None = None,
    ) -> None:
        """Creates totals of nothing.

        Args:
            chunks: All chunks of the run.
            processors: What runs on each.
            expected: What each processor returns for no events.
            set_apart: Where processors that fail are kept, so that the others go on.
        """
        self.failed: dict[FileKey, list[str]] = {}
        self.timing, self.bytes = Timing(), 0
        self._chunks, self._processors, self._set_apart = chunks, processors, set_apart
        self._contract = Contract(expected)
        self._entries: Counter[FileKey] = Counter()
        self._missing: Counter[FileKey] = Counter()
        for chunk in chunks:
            self._entries[file_of(chunk)] += chunk.entries
            self._missing[file_of(chunk)] += 1
        order = {file_of(one): (one.dataset, one.sorted_as or one.path) for one in chunks}
        self._files = sorted(self._entries, key=lambda file: (*order[file], file[2]))
        self._next = 0
        self._waiting: dict[FileKey, list[tuple[int, int, ChunkResult, tuple[int, ...]]]] = {}
        self._read: Counter[FileKey] = Counter()
        self._totals = {processor.name: ProcessorTotal() for processor in processors}
        self._runs = {processor.name: RunTotals() for processor in processors}
        self._triggers: dict[str, dict[str, set[str]]] = {}
        self._counted: dict[str, list[Counted]] = {}
        self._by_dataset = {chunk.dataset: chunk for chunk in chunks}

    def add(self, index: int, result: ChunkResult, more: Sequence[int] = ()) -> None:
        """Adds the result of a chunk that could be read.

        Args:
            index: That of the chunk.
            result: What was found in it.
            more: Further chunks of which it is the result as well: each the only one of its file,
                and all files next to each other in the order of the sum.

        Raises:
            NoneLeftError: All processors are set apart.
            RunError: A processor returned something else than for other chunks.
        """
        chunk = self._chunks[index]
        self.timing, self.bytes = self.timing + result.timing, self.bytes + result.bytes
        self._check(result, chunk, chunk.label)
        waiting = self._waiting.setdefault(file_of(chunk), [])
        heapq.heappush(waiting, (chunk.start, index, result, (index, *more)))
        for one in (self._chunks[number] for number in (index, *more)):
            self._read[file_of(one)] += one.entries if more else result.entries
            self._missing[file_of(one)] -= 1
        self._advance()

    def _check(self, result: ChunkResult, chunk: Chunk, where: str) -> None:
        for name, group in result.set_apart.items():
            self._leave_out(name, group)
        for name, selection in result.outputs.items():
            if name not in self._totals:
                continue
            try:
                self._contract.check({name: selection}, where)
                _refuse_other_datasets(name, selection.histograms, chunk)
            except RunError as error:
                self._fail_processor(name, error, where)

    def _fail_processor(self, name: str, error: RunError, where: str) -> None:
        """Sets a processor apart by its error, or raises it if the others are not to go on."""
        if self._set_apart is None or isinstance(error.__cause__, MemoryError):
            raise error
        self._leave_out(name, error_group(error, where))

    def _leave_out(self, name: str, group: ErrorGroup) -> None:
        if self._set_apart is not None:
            self._set_apart.add(name, group)
            left = {one.name for one in self._set_apart.left}
            self._totals = {name: one for name, one in self._totals.items() if name in left}
            if not left:
                raise NoneLeftError

    def fail(self, index: int, reason: str) -> None:
        """Leaves out the file of a chunk, for a reason."""
        file = file_of(self._chunks[index])
        self.failed.setdefault(file, []).append(reason)
        self._waiting.pop(file, None)
        self._advance()

    def _advance(self) -> None:
        """Adds up the files that are complete and before all that are not."""
        while self._next < len(self._files):
            file = self._files[self._next]
            if file not in self.failed:
                if self._missing[file]:
                    return
                results = self._waiting.pop(file, [])  # none if it is there with one before it
                while results:
                    self._include(file, *heapq.heappop(results)[2:])
            self._next += 1

    def _include(self, file: FileKey, result: ChunkResult, chunks: Sequence[int] = ()) -> None:
        dataset, path = file[0], redact(file[1])
        paths = [redact(self._chunks[index].path) for index in chunks]
        for name, total in self._totals.items():
            if not self._by_dataset[dataset].is_read_by(name):
                continue
            numbers = zip(paths, result.counts[name], strict=True) if len(paths) > 1 else ()
            total.add(result.outputs[name], dataset, path, [*numbers])
        for name, of_runs in result.runs.items():
            self._runs[name].add(dataset, of_runs)
        self._counted.setdefault(dataset, []).append(result.counted)
        known = self._triggers.setdefault(dataset, {})
        for column, triggers in result.triggers.items():
            known.setdefault(column, set()).update(triggers)

    def files(self) -> tuple[FileRead, ...]:
        """Returns what was expected and read of each file, by dataset and file."""
        return tuple(
            FileRead(
                *key[:2],
                expected=self._entries[key],
                read=0 if key in self.failed else self._read[key],
                errors=tuple(self.failed.get(key, ())),
            )
            for key in self._files
        )

    def result(self, *, lazily: bool = False) -> RunResult:
        """Returns the result of the run, once each chunk was added or its file has failed.

        Args:
            lazily: Whether dask-awkward fills the histograms.

        Raises:
            NoneLeftError: All processors are set apart.
            ProcessorError: A processor failed to fill its histograms.
            RunError: It returns something else where there are no events.
        """
        # A dataset of which nothing is left has its place in the results too.
        for chunk in {chunk.dataset: chunk for chunk in reversed(self._chunks)}.values():
            if chunk.dataset not in self._triggers:
                isolate = self._set_apart is not None
                nothing = empty_result(chunk, self._left, isolate=isolate)
                self._check(nothing, chunk, f"{NO_EVENTS} of dataset {chunk.dataset}")
                self._include(file_of(chunk), nothing)
        data = sorted({chunk.dataset for chunk in self._chunks if not chunk.is_mc})
        results = {}
        for one in self._left:
            if not any(chunk.is_read_by(one.name) for chunk in self._by_dataset.values()):
                continue
            if (result := self._tried(one, lazily=lazily)) is not None:
                results[one.name] = result
        # What was found by one that needs a processor whose histograms fail goes as well.
        results = {name: one for name, one in results.items() if name in self._totals}
        columns = frozenset[str]().union(*(processor.columns for processor in self._left))
        return RunResult(
            results,
            self.files(),
            triggers={
                dataset: {name: sorted(known[name]) for name in sorted(columns & known.keys())}
                for dataset, known in sorted(self._triggers.items())
            },
            counted={dataset: added_up(parts) for dataset, parts in self._counted.items()},
            warnings=tuple(
                f"{name}: {text}"
                for name, result in results.items()
                for text in (*repeated_events(result.candidates, data), *_not_finite(result))
            ),
        )

    @property
    def _left(self) -> list[Processor]:
        """The processors that are not set apart."""
        return [one for one in self._processors if one.name in self._totals]

    def _tried(self, processor: Processor, *, lazily: bool) -> ProcessorResult | None:
        """Returns the result of a processor, None if it has just been set apart."""
        try:
            return self._result_of(processor, lazily=lazily)
        except RunError as error:
            self._fail_processor(processor.name, error, FILLING)
            return None

    def _result_of(self, processor: Processor, *, lazily: bool) -> ProcessorResult:
        total = self._totals[processor.name]
        candidates = total.candidates()
        own = [chunk for chunk in self._chunks if chunk.is_read_by(processor.name)]
        histograms = _filled(processor, candidates, own, lazily=lazily)
        datasets = sorted(total.histograms)
        for name in total.histograms[datasets[0]]:
            if name in histograms:
                message = f"processor {processor.name} has two histograms {name!r}: rename one"
                raise RunError(message, code="outputs.repeated-histogram", path=name)
            parts = {dataset: total.histograms[dataset][name] for dataset in datasets}
            histograms[name] = on_datasets(parts, datasets)
        counters = {dataset: dict(total.counters[dataset]) for dataset in datasets}
        cutflow = total.cutflow()
        ordered = {dataset: cutflow[dataset] for dataset in datasets}
        chunks = {chunk.dataset: chunk for chunk in own if chunk.per_run}
        runs = self._runs[processor.name].selections(processor, candidates, chunks)
        by_run = {dataset: runs.get(dataset, {}) for dataset in sorted(chunks)}
        return ProcessorResult(candidates, histograms, ordered, counters, by_run)


def _filled(
    processor: Processor, candidates: ak.Array, chunks: Sequence[Chunk], *, lazily: bool
) -> dict[str, Hist[Any]]:
    def failed(error: BaseException) -> ProcessorError:
        message = f"{processor.name} failed when its histograms were filled: {what(error)}"
        return ProcessorError(message)

    with user_errors(failed):
        return fill_histograms(processor, candidates, chunks, lazily=lazily)


def _not_finite(result: ProcessorResult) -> Iterator[str]:
    for dataset, steps in result.cutflow.items():
        for step in steps:
            if not math.isfinite(step["sumw"]):
                yield (
                    f"the sum of the weights of dataset {dataset} at cutflow step "
                    f"{step['name']!r} is {step['sumw']}: some weights are not finite numbers"
                )
                break
