"""From the results of the chunks to the result of the run, whatever their order."""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tau3mu.errors import RunError
from tau3mu.execution.chunk import ProcessorError, empty_result
from tau3mu.outputs.contract import NO_EVENTS, Contract
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
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor

__all__ = ["FileKey", "FileRead", "ProcessorResult", "RunResult", "Totals", "file_of"]

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
    """

    candidates: ak.Array
    histograms: dict[str, Hist[Any]]
    cutflow: dict[str, list[dict[str, Any]]]
    counters: dict[str, dict[str, int]]


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
    """

    processors: dict[str, ProcessorResult]
    files: tuple[FileRead, ...]
    chunks: int = 0
    resumed: int = 0
    attempts: int = 0
    warnings: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    triggers: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)

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
    """

    def __init__(
        self,
        chunks: Sequence[Chunk],
        processors: Sequence[Processor],
        expected: Mapping[str, Returned] | None = None,
    ) -> None:
        """Creates totals of nothing.

        Args:
            chunks: All chunks of the run.
            processors: What runs on each.
            expected: What each processor returns for no events.
        """
        self.failed: dict[FileKey, list[str]] = {}
        self._chunks, self._processors = chunks, processors
        self._contract = Contract(expected)
        self._entries: Counter[FileKey] = Counter()
        self._missing: Counter[FileKey] = Counter()
        for chunk in chunks:
            self._entries[file_of(chunk)] += chunk.entries
            self._missing[file_of(chunk)] += 1
        self._files = sorted(self._entries)
        self._next = 0
        self._waiting: dict[FileKey, list[tuple[int, int, ChunkResult]]] = {}
        self._read: Counter[FileKey] = Counter()
        self._totals = {processor.name: ProcessorTotal() for processor in processors}
        self._columns = frozenset().union(*(processor.columns for processor in processors))
        self._triggers: dict[str, dict[str, set[str]]] = {}

    def add(self, index: int, result: ChunkResult) -> None:
        """Adds the result of a chunk that could be read.

        Raises:
            RunError: A processor returned something else than for other chunks.
        """
        chunk = self._chunks[index]
        self._contract.check(result.outputs, chunk.label)
        for name, selection in result.outputs.items():
            _refuse_other_datasets(name, selection.histograms, chunk)
        file = file_of(chunk)
        heapq.heappush(self._waiting.setdefault(file, []), (chunk.start, index, result))
        self._read[file] += result.entries
        self._missing[file] -= 1
        self._advance()

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
                results = self._waiting.pop(file)
                while results:
                    self._include(file, heapq.heappop(results)[2])
            self._next += 1

    def _include(self, file: FileKey, result: ChunkResult) -> None:
        dataset, path = file[0], redact(file[1])
        for name, total in self._totals.items():
            total.add(result.outputs[name], dataset, path)
        known = self._triggers.setdefault(dataset, {})
        for column in self._columns & result.triggers.keys():
            known.setdefault(column, set()).update(result.triggers[column])

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
            ProcessorError: A processor failed to fill its histograms.
            RunError: It returns something else where there are no events.
        """
        # A dataset of which nothing is left has its place in the results too.
        for chunk in {chunk.dataset: chunk for chunk in reversed(self._chunks)}.values():
            if chunk.dataset not in self._triggers:
                nothing = empty_result(chunk, self._processors)
                where = f"{NO_EVENTS} of dataset {chunk.dataset}"
                self._contract.check(nothing.outputs, where)
                self._include(file_of(chunk), nothing)
        data = sorted({chunk.dataset for chunk in self._chunks if not chunk.is_mc})
        results = {one.name: self._result_of(one, lazily=lazily) for one in self._processors}
        return RunResult(
            results,
            self.files(),
            triggers={
                dataset: {column: sorted(names) for column, names in sorted(columns.items())}
                for dataset, columns in sorted(self._triggers.items())
            },
            warnings=tuple(
                f"{name}: {text}"
                for name, result in results.items()
                for text in (*repeated_events(result.candidates, data), *_not_finite(result))
            ),
        )

    def _result_of(self, processor: Processor, *, lazily: bool) -> ProcessorResult:
        total = self._totals[processor.name]
        candidates = total.candidates()
        histograms = _filled(processor, candidates, self._chunks, lazily=lazily)
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
        return ProcessorResult(candidates, histograms, ordered, counters)


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
