"""The one function that every executor maps: from a chunk to what the processors find in it.

A chunk becomes an awkward array with one record, `{chunk, entries, error, found: {processor:
{candidates, cutflow, counts}}}`, of the same type for every chunk. So the same thing is a return
value here, a message between processes there, and a partition of a dask-awkward collection.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.errors import InputError, RunError
from tau3mu.ntuples import ReadError, empty_events, read_events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.selection import Processor, Selection

__all__ = ["ProcessorError", "empty_record", "process_chunk", "rehearse"]


class ProcessorError(RunError):
    """Is raised when a processor fails; `details` is the traceback, as text to cross processes."""

    def __init__(self, message: str, details: str) -> None:
        """Takes the message for the user and the traceback for the log."""
        super().__init__(message, details)
        self.message = message
        self.details = details

    def __str__(self) -> str:
        """Returns the message alone."""
        return self.message


def process_chunk(index: int, chunk: Chunk, processors: Sequence[Processor]) -> ak.Array:
    """Returns one record: what the processors find in the events of a chunk.

    The union of the columns is read once. If that fails, `error` says why, `entries` is 0 and
    nothing is found.

    Args:
        index: The place of the chunk in the list of all chunks.
        chunk: What to read.
        processors: What to run on it.

    Raises:
        ProcessorError: A processor failed; it names processor, file and entries.
    """
    try:
        events = read_events(
            chunk.path,
            tree=chunk.tree,
            layout=chunk.layout,
            branches=chunk.branches,
            start=chunk.start,
            stop=chunk.stop,
            uuid=chunk.uuid,
            metadata=_metadata(chunk),
        )
    except ReadError as error:
        return _record(index, chunk, _no_events(chunk), processors, error=str(error))
    return _record(index, chunk, events, processors)


def empty_record(chunk: Chunk, processors: Sequence[Processor]) -> ak.Array:
    """Returns the record of a chunk in which there is nothing, without reading it."""
    return _record(0, chunk, _no_events(chunk), processors)


def _no_events(chunk: Chunk) -> ak.Array:
    return empty_events(layout=chunk.layout, branches=chunk.branches, metadata=_metadata(chunk))


def _metadata(chunk: Chunk) -> dict[str, Any]:
    return {**chunk.metadata, "dataset": chunk.dataset, "is_mc": chunk.is_mc}


def _record(
    index: int,
    chunk: Chunk,
    events: ak.Array,
    processors: Sequence[Processor],
    *,
    error: str = "",
) -> ak.Array:
    found = {processor.name: _select(processor, events, chunk) for processor in processors}
    return _one(
        chunk=np.array([index]),
        entries=np.array([len(events)]),
        error=ak.Array([error]),
        found=_one(**found),
    )


def rehearse(chunk: Chunk, processors: Sequence[Processor]) -> None:
    """Runs the processors on no events, so that their mistakes show before the work.

    Raises:
        InputError: One fails, or what it returns can't be used; the message names the line.
    """
    for processor in processors:
        _rehearse(chunk, processor)


def _rehearse(chunk: Chunk, processor: Processor) -> None:
    try:
        candidates = _found(processor.select(_no_events(chunk))).candidates[0]
        _check_columns(candidates)
        histograms = processor.histograms()
        processor.fill(histograms, candidates, dataset=chunk.dataset, is_mc=chunk.is_mc)
    except (Exception, SystemExit) as error:  # a user's processor may raise anything
        last = traceback.extract_tb(error.__traceback__)[-1]
        message = (
            f"processor {processor.name} fails on a chunk without events, which a run may "
            f"have: {type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
        )
        raise InputError(message) from error


def _check_columns(candidates: ak.Array) -> None:
    for name in candidates.fields:
        kind = candidates[name].type.content
        if isinstance(kind, ak.types.OptionType):
            kind = kind.content
        if name in {"dataset", "file"}:
            message = f"candidates have a column {name!r}, a name that is taken; choose another"
            raise InputError(message)
        if not isinstance(kind, ak.types.NumpyType):
            plain = ak.type(ak.without_parameters(candidates[name])).content
            message = f"column {name!r} of the candidates holds {plain}: expected one number each"
            raise InputError(message)


def _select(processor: Processor, events: ak.Array, chunk: Chunk) -> ak.Array:
    try:
        return _found(processor.select(events))
    except (Exception, SystemExit) as error:  # a user's processor may raise anything
        message = (
            f"{processor.name} failed on {chunk.path}, entries {chunk.start} to {chunk.stop}: "
            f"{type(error).__name__}: {error}"
        )
        raise ProcessorError(message, traceback.format_exc()) from error


def _found(selection: Selection) -> ak.Array:
    steps, counts = selection.cutflow, selection.counts
    cutflow = _one(
        name=_strings([step.name for step in steps]),
        events=np.array([step.events for step in steps], dtype=np.int64),
        candidates=np.array([step.candidates for step in steps], dtype=np.int64),
        sumw=np.array([step.sumw for step in steps], dtype=np.float64),
    )
    counted = _one(
        name=_strings(list(counts)), count=np.array(list(counts.values()), dtype=np.int64)
    )
    lists = {"candidates": selection.candidates, "cutflow": cutflow, "counts": counted}
    return _one(**{name: ak.unflatten(rows, [len(rows)]) for name, rows in lists.items()})


def _one(**fields: Any) -> ak.Array:
    return ak.zip(fields, depth_limit=1)


def _strings(names: list[str]) -> ak.Array:
    # A list of names begins with one and loses it, so that an empty list is of the same type.
    return ak.Array(["", *names])[1:]
