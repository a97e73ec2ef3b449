"""From the records of the chunks to the result of the run, whatever their order."""

from __future__ import annotations

import json
import math
import traceback
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.execution.chunk import ProcessorError, empty_record
from tau3mu.execution.loop import file_of
from tau3mu.outputs.contract import NO_EVENTS, Contract
from tau3mu.outputs.repeated import repeated_events
from tau3mu.processing.histograms import fill_histograms
from tau3mu.processing.user_code import is_interrupt, said
from tau3mu.redaction import redact
from tau3mu.selection.sums import rounded_sum

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    from hist import Hist

    from tau3mu.datasets import Chunk
    from tau3mu.execution.loop import FileKey
    from tau3mu.processing import Processor

__all__ = ["FileRead", "ProcessorResult", "RunResult", "count_files", "merge"]


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
    """What one processor found.

    Attributes:
        candidates: One row per selected event, sorted by dataset, file and entry; the fields
            `dataset` and `file` come before those of the processor.
        histograms: By name, with the axes of the processor.
        cutflow: By dataset, the steps as dictionaries of name, events, candidates and sumw.
        counters: By dataset, the further counts of the processor.
    """

    candidates: ak.Array
    histograms: dict[str, Hist[Any]]
    cutflow: dict[str, list[dict[str, Any]]]
    counters: dict[str, dict[str, int]]


@dataclass(frozen=True)
class RunResult:
    """What a run found, by processor, and what it read, by file.

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


def merge(
    records: ak.Array | None,
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    *,
    bad: Mapping[FileKey, Sequence[str]] | None = None,
    lazily: bool = False,
    contract: Contract | None = None,
) -> RunResult:
    """Returns the sum of all records, of which the order does not matter.

    Args:
        records: What `process_chunk` returned for the chunks.
        chunks: All chunks of the run.
        processors: What ran on each.
        bad: The files that are left out, whole, with the reasons.
        lazily: Whether dask-awkward fills the histograms.
        contract: What all chunks returned alike.

    Raises:
        ProcessorError: A processor failed to fill its histograms.
        RunError: It returns something else where there are no events.
    """
    bad = bad or {}
    everything, order = _in_order(records, chunks, processors, bad, contract or Contract())
    data = sorted({chunk.dataset for chunk in chunks if not chunk.is_mc})
    results = {}
    for processor in processors:
        result = _sum(everything.found[processor.name], order)
        result.histograms.update(_filled(processor, result.candidates, chunks, lazily=lazily))
        results[processor.name] = result
    return RunResult(
        results,
        count_files(everything, chunks, bad),
        triggers=_triggers(everything, order),
        warnings=tuple(
            f"{name}: {text}"
            for name, result in results.items()
            for text in (*repeated_events(result.candidates, data), *_not_finite(result))
        ),
    )


def _filled(
    processor: Processor, candidates: ak.Array, chunks: Sequence[Chunk], *, lazily: bool
) -> dict[str, Hist[Any]]:
    try:
        return fill_histograms(processor, candidates, chunks, lazily=lazily)
    except BaseException as error:  # a user's processor may raise anything
        if is_interrupt(error):
            raise
        message = f"{processor.name} failed when its histograms were filled: {said(error)}"
        raise ProcessorError(message, traceback.format_exc()) from error


def _in_order(
    records: ak.Array | None,
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    bad: Mapping[FileKey, Sequence[str]],
    contract: Contract,
) -> tuple[ak.Array, list[Chunk]]:
    """Returns the records of the good files by dataset, file and entry, and their chunks."""
    indices = [] if records is None else records.chunk.tolist()
    good = [i for i, index in enumerate(indices) if file_of(chunks[index]) not in bad]
    parts = [] if records is None else [records[good]]
    indices = [indices[i] for i in good]
    # A dataset of which nothing is left has its place in the results too.
    there = {chunks[index].dataset for index in indices}
    for index, chunk in enumerate(chunks):
        if chunk.dataset not in there:
            there.add(chunk.dataset)
            nothing = empty_record(index, chunk, processors)
            contract.check(nothing, f"{NO_EVENTS} of dataset {chunk.dataset}")
            parts.append(nothing)
            indices.append(index)

    def place(position: int) -> tuple[str, str, int]:
        chunk = chunks[indices[position]]
        return chunk.dataset, chunk.path, chunk.start

    order = sorted(range(len(indices)), key=place)
    return ak.concatenate(parts)[order], [chunks[indices[i]] for i in order]


def _not_finite(result: ProcessorResult) -> Iterator[str]:
    for dataset, steps in result.cutflow.items():
        for step in steps:
            if not math.isfinite(step["sumw"]):
                yield (
                    f"the sum of the weights of dataset {dataset} at cutflow step "
                    f"{step['name']!r} is {step['sumw']}: some weights are no finite numbers"
                )
                break


def _sum(found: ak.Array, chunks: Sequence[Chunk]) -> ProcessorResult:
    rows = ak.flatten(found.candidates)
    chunk_of = np.repeat(np.arange(len(chunks)), ak.to_numpy(ak.num(found.candidates)))
    columns = {
        "dataset": ak.Array([chunk.dataset for chunk in chunks])[chunk_of],
        "file": ak.Array([redact(chunk.path) for chunk in chunks])[chunk_of],
    }
    columns |= {name: rows[name] for name in rows.fields}
    datasets = np.array([chunk.dataset for chunk in chunks])
    return ProcessorResult(
        candidates=ak.zip(columns, depth_limit=1),
        histograms={},
        cutflow={name: _cutflow(found.cutflow[datasets == name]) for name in _unique(datasets)},
        counters={name: _counters(found.counters[datasets == name]) for name in _unique(datasets)},
    )


def _cutflow(steps: ak.Array) -> list[dict[str, Any]]:
    columns = {
        "events": ak.to_numpy(ak.sum(steps.events, axis=0)),
        "candidates": ak.to_numpy(ak.sum(steps.candidates, axis=0)),
    }
    return [
        {
            "name": name,
            **{column: values[i].item() for column, values in columns.items()},
            "sumw": rounded_sum(ak.flatten(steps.sumw[:, i]).tolist()),
        }
        for i, name in enumerate(steps.name[0].tolist())
    ]


def _counters(counted: ak.Array) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in ak.flatten(counted).tolist():
        total[one["name"]] += one["count"]
    return dict(total)


def count_files(
    records: ak.Array | None, chunks: Sequence[Chunk], bad: Mapping[FileKey, Sequence[str]]
) -> tuple[FileRead, ...]:
    """Returns what was expected and read of each file, by dataset and file."""
    expected: Counter[FileKey] = Counter()
    read: Counter[FileKey] = Counter()
    for chunk in chunks:
        expected[file_of(chunk)] += chunk.entries
    if records is not None:
        for index, entries in zip(records.chunk.tolist(), records.entries.tolist(), strict=True):
            key = file_of(chunks[index])
            read[key] += 0 if key in bad else entries
    return tuple(
        FileRead(*key[:2], expected=expected[key], read=read[key], errors=tuple(bad.get(key, ())))
        for key in sorted(expected)
    )


def _triggers(records: ak.Array, chunks: Sequence[Chunk]) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, set[str]]] = {}
    for text, chunk in zip(records.triggers.tolist(), chunks, strict=True):
        known = found.setdefault(chunk.dataset, {})
        for column, names in json.loads(text).items():
            known.setdefault(column, set()).update(names)
    return {
        dataset: {column: sorted(names) for column, names in sorted(columns.items())}
        for dataset, columns in found.items()
    }


def _unique(names: npt.NDArray[Any]) -> list[str]:
    return list(dict.fromkeys(names.tolist()))
