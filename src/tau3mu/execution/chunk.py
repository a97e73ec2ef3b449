"""The one function that every executor maps: from a chunk to what the processors find in it.

A chunk becomes an awkward array with one record, `{chunk, entries, error, kind, path, bytes,
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

from tau3mu.errors import InputError, RunError
from tau3mu.ntuples import ReadError, empty_events, read_events
from tau3mu.ntuples.events import own_view
from tau3mu.ntuples.schema import MisalignedError
from tau3mu.ntuples.triggers import used_triggers
from tau3mu.outputs.arrays import one, strings
from tau3mu.processing.behaviors import users_behaviors, without_changes
from tau3mu.processing.distribution import ship_code
from tau3mu.processing.found import check_fill, found
from tau3mu.processing.packing import pack_object, remember
from tau3mu.processing.user_code import is_interrupt, place, said
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.datasets import Chunk
    from tau3mu.processing import Processor
    from tau3mu.processing.packing import Lines

__all__ = [
    "ProcessorError",
    "check_names",
    "empty_record",
    "no_events",
    "pack",
    "process_chunk",
    "process_packed",
    "selected",
    "what",
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

    The union of the columns is read once. If that fails, `error` says why and `kind` what
    follows from it, `entries` is 0 and nothing is found.

    Args:
        index: The place of the chunk in the list of all chunks.
        chunk: What to read.
        processors: What to run on it.

    Raises:
        ProcessorError: A processor failed; it names processor, file and entries.
    """
    begin = time.monotonic()

    def failed(error: str, kind: str, path: str, n_bytes: int = 0) -> ak.Array:
        none = no_events(chunk)
        how: dict[str, Any] = {
            "error": error,
            "kind": kind,
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
        return failed(str(error), error.kind, error.path)
    events, path, n_bytes = reading.events, reading.path, reading.n_bytes
    where = f"{redact(path)}: entries {chunk.start} to {chunk.stop} cannot be"
    if len(events) != chunk.entries:
        message = f"{where} read: {len(events)} came instead of {chunk.entries}"
        return failed(message, "bad_file", path, n_bytes)
    try:
        return _record(index, chunk, events, processors, begin, path=path, n_bytes=n_bytes)
    except ProcessorError as error:
        if not isinstance(error.__cause__, MemoryError):
            raise
        message = f"{error}; choose a smaller --chunk-size, or give the workers more memory"
        return failed(message, "resources", path, n_bytes)
    except MisalignedError as error:
        return failed(f"{where} used: {error}", "bad_file", path, n_bytes)


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
    return _record(index, chunk, no_events(chunk), processors, time.monotonic())


def no_events(chunk: Chunk) -> ak.Array:
    """Returns the events of a chunk in which there are none."""
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
    kind: str = "",
    path: str = "",
    n_bytes: int = 0,
) -> ak.Array:
    check_names(processors)
    results = {processor.name: _select(processor, events, chunk) for processor in processors}
    return one(
        chunk=np.array([index]),
        entries=np.array([len(events)]),
        error=strings([redact(error)]),
        kind=strings([kind]),
        path=strings([redact(path)]),
        bytes=np.array([n_bytes]),
        seconds=np.array([time.monotonic() - begin]),
        worker=strings([f"{platform.node()}:{os.getpid()}"]),
        triggers=strings([_triggers(events, processors)]),
        found=one(**results),
    )


def _triggers(events: ak.Array, processors: Sequence[Processor]) -> str:
    return json.dumps(used_triggers(events, frozenset().union(*(p.columns for p in processors))))


def _select(processor: Processor, events: ak.Array, chunk: Chunk) -> ak.Array:
    try:
        record = selected(processor, events)
        check_fill(processor, record.candidates[0], chunk)
    except MisalignedError:
        raise
    except BaseException as error:  # a user's processor may raise anything
        if is_interrupt(error):
            raise
        message = f"{processor.name} failed on {chunk.label}: {what(error)}"
        raise ProcessorError(message, traceback.format_exc()) from error
    return record


def selected(processor: Processor, events: ak.Array) -> ak.Array:
    """Returns what a processor finds, which can change nothing that others see."""
    with without_changes(processor.name):
        return found(processor.selection(own_view(events)))


def what(error: BaseException) -> str:
    """Returns what a processor raised, and in which line of it."""
    text = said(error)
    if isinstance(error, ValueError) and "read-only" in text:
        text += "; all processors read the same arrays: change a copy"
    return f"{text}{place(error)}"
