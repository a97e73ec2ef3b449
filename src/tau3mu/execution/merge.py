"""From the records of the chunks to the result of the run, whatever their order."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from hist import Hist
from hist.axis import StrCategory

from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from tau3mu.datasets import Chunk
    from tau3mu.selection import Processor

__all__ = ["FileRead", "ProcessorResult", "RunResult", "empty_histograms", "merge"]


@dataclass(frozen=True)
class FileRead:
    """How many events of a file were expected and read; `errors` says what was in the way."""

    dataset: str
    path: str
    expected: int
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
        counts: By dataset, the further counts of the processor.
    """

    candidates: ak.Array
    histograms: dict[str, Hist[Any]]
    cutflow: dict[str, list[dict[str, Any]]]
    counts: dict[str, dict[str, int]]


@dataclass(frozen=True)
class RunResult:
    """What a run found, by processor, and what it read, by file."""

    processors: dict[str, ProcessorResult]
    files: tuple[FileRead, ...]

    @property
    def incomplete(self) -> list[FileRead]:
        """The files of which events are missing."""
        return [file for file in self.files if file.read != file.expected]


def merge(
    records: Sequence[ak.Array],
    chunks: Sequence[Chunk],
    processors: Sequence[Processor],
    histograms: dict[str, dict[str, Hist[Any]]] | None = None,
) -> RunResult:
    """Returns the sum of all records.

    Args:
        records: What `process_chunk` returned for each of the chunks, in any order.
        chunks: All chunks of the run.
        processors: What ran on each.
        histograms: By processor, where they have been filled already; else they are filled here.
    """

    def place(index: int) -> tuple[str, str, int]:
        return chunks[index].dataset, chunks[index].path, chunks[index].start

    everything = ak.concatenate(sorted(records, key=lambda record: place(record.chunk[0])))
    order = [chunks[index] for index in everything.chunk.tolist()]
    for processor in processors:
        _check_steps(processor.name, everything.found[processor.name].cutflow.name, order)
    results = {
        processor.name: _sum(everything.found[processor.name], order) for processor in processors
    }
    for processor in processors:
        result = results[processor.name]
        if histograms is None:
            result.histograms.update(_filled(processor, result.candidates, chunks))
        else:
            result.histograms.update(histograms[processor.name])
    return RunResult(results, _files(everything, order))


def _check_steps(processor: str, names: ak.Array, chunks: Sequence[Chunk]) -> None:
    steps = names.to_list()
    for chunk, found in zip(chunks, steps, strict=True):
        if found != steps[0]:
            message = (
                f"processor {processor} has other cutflow steps in {chunk.path}, entries "
                f"{chunk.start} to {chunk.stop}, than in the first chunk: {', '.join(found)}; "
                f"expected {', '.join(steps[0])}"
            )
            raise RunError(message)


def _sum(found: ak.Array, chunks: Sequence[Chunk]) -> ProcessorResult:
    lengths = ak.to_numpy(ak.num(found.candidates))
    rows = ak.flatten(found.candidates)
    origin = {
        "dataset": np.repeat([chunk.dataset for chunk in chunks], lengths),
        "file": np.repeat([chunk.path for chunk in chunks], lengths),
    }
    columns = {name: ak.enforce_type(ak.Array(values), "string") for name, values in origin.items()}
    columns |= {name: rows[name] for name in rows.fields}
    datasets = np.array([chunk.dataset for chunk in chunks])
    return ProcessorResult(
        candidates=ak.zip(columns, depth_limit=1),
        histograms={},
        cutflow={name: _cutflow(found.cutflow[datasets == name]) for name in _unique(datasets)},
        counts={name: _counts(found.counts[datasets == name]) for name in _unique(datasets)},
    )


def _cutflow(steps: ak.Array) -> list[dict[str, Any]]:
    columns = {
        "events": ak.to_numpy(ak.sum(steps.events, axis=0)),
        "candidates": ak.to_numpy(ak.sum(steps.candidates, axis=0)),
        "sumw": ak.to_numpy(ak.sum(steps.sumw, axis=0)),
    }
    return [
        {"name": name, **{column: values[i].item() for column, values in columns.items()}}
        for i, name in enumerate(steps.name[0].tolist())
    ]


def _counts(counted: ak.Array) -> dict[str, int]:
    total: Counter[str] = Counter()
    for one in ak.flatten(counted).tolist():
        total[one["name"]] += one["count"]
    return dict(total)


def _filled(
    processor: Processor, candidates: ak.Array, chunks: Sequence[Chunk]
) -> dict[str, Hist[Any]]:
    histograms = empty_histograms(processor, chunks)
    for dataset, is_mc in {chunk.dataset: chunk.is_mc for chunk in chunks}.items():
        rows = candidates[candidates.dataset == dataset]
        processor.fill(histograms, rows, dataset=dataset, is_mc=is_mc)
    return histograms


def empty_histograms(processor: Processor, chunks: Sequence[Chunk]) -> dict[str, Hist[Any]]:
    """Returns the histograms of a processor, empty, with all datasets on their dataset axis.

    A growing axis alone would not know a dataset in which nothing was selected.
    """
    names = sorted({chunk.dataset for chunk in chunks})
    return {
        name: Hist(
            *(
                StrCategory(names, growth=True, name=axis.name, label=axis.label)
                if axis.name == "dataset"
                else axis
                for axis in histogram.axes
            ),
            storage=histogram.storage_type(),
        )
        for name, histogram in processor.histograms().items()
    }


def _files(everything: ak.Array, chunks: Sequence[Chunk]) -> tuple[FileRead, ...]:
    expected: Counter[tuple[str, str]] = Counter()
    read: Counter[tuple[str, str]] = Counter()
    errors: dict[tuple[str, str], list[str]] = {}
    for chunk, entries, error in zip(
        chunks, everything.entries.tolist(), everything.error.tolist(), strict=True
    ):
        key = (chunk.dataset, chunk.path)
        expected[key] += chunk.stop - chunk.start
        read[key] += entries
        errors.setdefault(key, []).extend([error] if error else [])
    return tuple(
        FileRead(*key, expected=expected[key], read=read[key], errors=tuple(errors[key]))
        for key in expected
    )


def _unique(names: npt.NDArray[Any]) -> list[str]:
    return list(dict.fromkeys(names.tolist()))
