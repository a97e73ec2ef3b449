"""The one function that every executor maps: from a chunk to what the processors find in it.

A chunk becomes an awkward array with one record, `{chunk, entries, error, severity, path, bytes,
seconds, worker, triggers, found: {processor: {candidates, cutflow, counts}}}`, of the same type for
every chunk. So the same thing is a return value here, a message between processes there, and a
checkpoint on disk.
"""

from __future__ import annotations

import json
import os
import pickle
import platform
import time
import traceback
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import awkward as ak
import cloudpickle
import numpy as np

from tau3mu.behaviors import users_behaviors, without_changes
from tau3mu.clusters.code import ship_code
from tau3mu.errors import InputError, RunError
from tau3mu.execution.histograms import fill_directly, fill_lazily
from tau3mu.ntuples import ReadError, empty_events, read_events
from tau3mu.ntuples.events import own_view
from tau3mu.ntuples.schema import MisalignedError
from tau3mu.ntuples.triggers import used_triggers
from tau3mu.packing import pack_object, remember
from tau3mu.redaction import redact
from tau3mu.user_code import is_interrupt, place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.packing import Lines
    from tau3mu.selection import Processor, Selection

__all__ = [
    "ProcessorError",
    "check_names",
    "empty_record",
    "pack",
    "process_chunk",
    "process_packed",
    "rehearse",
]


class ProcessorError(RunError):
    """Is raised when a processor fails; `details` is the traceback, as text to cross processes."""

    def __init__(self, message: str, details: str) -> None:
        """Takes the message for the user and the traceback for the log."""
        super().__init__(message, details)
        self.message = redact(message)
        self.details = redact(details)

    def __str__(self) -> str:
        """Returns the message alone."""
        return self.message


def process_chunk(index: int, chunk: Chunk, processors: Sequence[Processor]) -> ak.Array:
    """Returns one record: what the processors find in the events of a chunk.

    The union of the columns is read once. If that fails, `error` says why and `severity` what
    follows from it, `entries` is 0 and nothing is found.

    Args:
        index: The place of the chunk in the list of all chunks.
        chunk: What to read.
        processors: What to run on it.

    Raises:
        ProcessorError: A processor failed; it names processor, file and entries.
    """
    begin = time.monotonic()

    def failed(error: str, severity: str, path: str, n_bytes: int = 0) -> ak.Array:
        none = _no_events(chunk)
        how: dict[str, Any] = {
            "error": error,
            "severity": severity,
            "path": path,
            "n_bytes": n_bytes,
        }
        return _record(index, chunk, none, processors, begin, **how)

    try:
        reading = read_events(
            (chunk.path, *chunk.replicas),
            tree=chunk.tree,
            layout=chunk.layout,
            branches=chunk.branches,
            start=chunk.start,
            stop=chunk.stop,
            uuid=chunk.uuid,
            metadata=_metadata(chunk),
        )
    except ReadError as error:
        return failed(str(error), error.severity, error.path)
    events, path, n_bytes = reading.events, reading.path, reading.n_bytes
    where = f"{redact(path)}: entries {chunk.start} to {chunk.stop} cannot be"
    if len(events) != chunk.entries:
        message = f"{where} read: {len(events)} came instead of {chunk.entries}"
        return failed(message, "file", path, n_bytes)
    try:
        return _record(index, chunk, events, processors, begin, path=path, n_bytes=n_bytes)
    except ProcessorError as error:
        if not isinstance(error.__cause__, MemoryError):
            raise
        message = f"{error}; choose a smaller --chunk-size, or give the workers more memory"
        return failed(message, "process", path, n_bytes)
    except MisalignedError as error:
        return failed(f"{where} used: {error}", "file", path, n_bytes)


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
        raise InputError(message)


def pack(processors: Sequence[Processor]) -> bytes:
    """Returns the processors as bytes for `process_packed`.

    Bytes, since a pool would send the class of a user's file by a name that workers do not know,
    and since they are unpacked once per process rather than once per chunk.

    Raises:
        InputError: Something in them cannot be sent to another process.
    """
    ship_code(processors)
    content = tuple(processors), users_behaviors(processors)
    return pickle.dumps(tuple(pack_object(content)))


def process_packed(index: int, chunk: Chunk, processors: bytes) -> ak.Array:
    """Returns what `process_chunk` does, in a process that got its processors from `pack`."""
    unpacked, lines = _unpacked(processors)
    remember(lines)
    return process_chunk(index, chunk, unpacked)


@lru_cache(maxsize=2)
def _unpacked(packed: bytes) -> tuple[Sequence[Processor], Lines]:
    content, lines = pickle.loads(packed)
    processors, behaviors = cloudpickle.loads(content)
    ak.behavior.update(behaviors)
    return processors, lines


def empty_record(index: int, chunk: Chunk, processors: Sequence[Processor]) -> ak.Array:
    """Returns the record of a chunk in which there is nothing, without reading it."""
    return _record(index, chunk, _no_events(chunk), processors, time.monotonic())


def _no_events(chunk: Chunk) -> ak.Array:
    return empty_events(layout=chunk.layout, branches=chunk.branches, metadata=_metadata(chunk))


def _metadata(chunk: Chunk) -> dict[str, Any]:
    return {**chunk.metadata, "dataset": chunk.dataset, "is_mc": chunk.is_mc}


def _record(
    index: int,
    chunk: Chunk,
    events: ak.Array,
    processors: Sequence[Processor],
    begin: float,
    *,
    error: str = "",
    severity: str = "",
    path: str = "",
    n_bytes: int = 0,
) -> ak.Array:
    check_names(processors)
    found = {processor.name: _select(processor, events, chunk) for processor in processors}
    return _one(
        chunk=np.array([index]),
        entries=np.array([len(events)]),
        error=_strings([redact(error)]),
        severity=_strings([severity]),
        path=_strings([redact(path)]),
        bytes=np.array([n_bytes]),
        seconds=np.array([time.monotonic() - begin]),
        worker=_strings([f"{platform.node()}:{os.getpid()}"]),
        triggers=_strings([_triggers(events, processors)]),
        found=_one(**found),
    )


def _triggers(events: ak.Array, processors: Sequence[Processor]) -> str:
    return json.dumps(used_triggers(events, frozenset().union(*(p.columns for p in processors))))


def rehearse(chunk: Chunk, processors: Sequence[Processor], *, lazily: bool = False) -> None:
    """Runs the processors on no events, so that their mistakes show before the work.

    Args:
        chunk: One of those that are going to be worked off.
        processors: What is going to run.
        lazily: Whether dask-awkward is going to fill the histograms.

    Raises:
        InputError: One fails, or what it returns can't be used; the message names the line.
    """
    for processor in processors:
        _rehearse(chunk, processor, lazily=lazily)


def _rehearse(chunk: Chunk, processor: Processor, *, lazily: bool) -> None:
    try:
        candidates = _selected(processor, _no_events(chunk)).candidates[0]
        _check_columns(candidates)
        fill = fill_lazily if lazily else fill_directly
        fill(processor, processor.histograms(), candidates, chunk.dataset, is_mc=chunk.is_mc)
    except BaseException as error:  # a user's processor may raise anything
        if is_interrupt(error):
            raise
        message = (
            f"processor {processor.name} fails on a chunk without events, which a run may "
            f"have: {_what(error)}"
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
        return _selected(processor, events)
    except MisalignedError:
        raise
    except BaseException as error:  # a user's processor may raise anything
        if is_interrupt(error):
            raise
        message = f"{processor.name} failed on {chunk.label}: {_what(error)}"
        raise ProcessorError(message, traceback.format_exc()) from error


def _selected(processor: Processor, events: ak.Array) -> ak.Array:
    """Returns what a processor finds, which can change nothing that others see."""
    with without_changes(processor.name):
        return _found(processor.select(own_view(events)))


def _what(error: BaseException) -> str:
    """Returns what a processor raised, and in which line of it."""
    hint = ""
    if isinstance(error, ValueError) and "read-only" in str(error):
        hint = "; all processors read the same arrays: change a copy"
    return f"{type(error).__name__}: {error}{hint}{place(error)}"


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
    lists = {"candidates": _own_copy(selection.candidates), "cutflow": cutflow, "counts": counted}
    return _one(**{name: _only(rows) for name, rows in lists.items()})


def _own_copy(rows: ak.Array) -> ak.Array:
    """Returns rows in memory of their own: a processor may use its own again for the next chunk."""
    form, length, buffers = ak.to_buffers(ak.to_packed(rows))
    return ak.from_buffers(form, length, {key: np.array(data) for key, data in buffers.items()})


def _only(rows: ak.Array) -> ak.Array:
    """Returns a list of one item, which is the rows."""
    edges = np.array([0, len(rows)], dtype=np.int64)
    return ak.Array(ak.contents.ListOffsetArray(ak.index.Index64(edges), ak.to_layout(rows)))


def _one(**fields: Any) -> ak.Array:
    contents = [ak.to_layout(value) for value in fields.values()]
    return ak.Array(ak.contents.RecordArray(contents, list(fields)))


def _strings(names: Sequence[str]) -> ak.Array:
    # ak.Array looks at names one by one, and makes something else of none.
    encoded = [name.encode() for name in names]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int64)
    characters = np.frombuffer(b"".join(encoded), dtype=np.uint8)
    return ak.Array(
        ak.contents.ListOffsetArray(
            ak.index.Index64(offsets),
            ak.contents.NumpyArray(characters, parameters={"__array__": "char"}),
            parameters={"__array__": "string"},
        )
    )
