"""Reads files from wherever, and keeps what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import awkward as ak

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.ntuples import ReadError, Reading, read_events
from tau3mu.processors import DsPhiPi

__all__ = ["IN_TIME", "SECONDS", "Attempt", "attempt", "chunk_of", "raw"]

SECONDS = 3
"""Without an answer for so long, a request has failed in the tests of remote files."""

IN_TIME = SECONDS + 25
"""Until then it has failed on a busy machine, too; without the limit it takes minutes."""


@dataclass
class Attempt:
    """What came of reading, and after how long."""

    reading: Reading | None
    error: ReadError | None
    seconds: float

    @property
    def outcome(self):
        return self.error.kind if self.error else "read"

    @property
    def entries(self):
        return 0 if self.reading is None else len(self.reading.events)


def raw(events):
    """The bytes of all columns, for comparisons bit by bit."""
    buffers = ak.to_buffers(ak.to_packed(ak.materialize(events)))[2]
    return {name: buffer.tobytes() for name, buffer in buffers.items()}


def chunk_of(path, start=1000, stop=4000):
    dataset = Dataset("x", {str(path): None})
    (whole,) = make_chunks(check_files([dataset], DsPhiPi.columns), [dataset], 10**9)
    return replace(whole, start=start, stop=min(stop, whole.stop))


def attempt(chunk, *paths, **changes):
    """Reads the entries of a chunk from these places."""
    options = {
        "tree": chunk.tree, "layout": chunk.layout, "branches": chunk.branches,
        "start": chunk.start, "stop": chunk.stop, "uuid": chunk.uuid, "metadata": {},
    }  # fmt: skip
    began = time.monotonic()
    try:
        reading = read_events([str(path) for path in paths], **{**options, **changes})
    except ReadError as error:
        return Attempt(None, error, time.monotonic() - began)
    return Attempt(reading, None, time.monotonic() - began)
