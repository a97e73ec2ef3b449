"""Events to look at, in a notebook or a test, without a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.datasets.chunks import make_chunks
from tau3mu.datasets.finding import datasets
from tau3mu.datasets.preflight import check_files
from tau3mu.errors import InputError
from tau3mu.ntuples import read_events

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import awkward as ak

__all__ = ["events"]


def events(
    source: str | Path,
    columns: Any,
    *,
    prefix: str | None = None,
    layout: str | None = None,
    max_events: int = 100_000,
) -> ak.Array:
    """Returns the first events of a file, as processors get them.

    `tau3mu.events("demo", DsPhiPi())` is what `DsPhiPi().n_minus_one` takes. A column is read when
    it is used.

    Args:
        source: What `tau3mu.datasets` takes; of several files, the first is read.
        columns: Names of columns, such as `muon.pt`, or a processor, whose columns are meant.
        prefix: Put before the paths in dataset files.
        layout: A shipped layout or a table of your own (`.tsv`).
        max_events: How many events to read at most.

    Raises:
        InputError: The file cannot be found or read, has no events, or lacks a column.
    """
    found = datasets(source, prefix=prefix, max_files=1, layout=layout)[:1]
    wanted: Collection[str] = getattr(columns, "columns", columns)
    if isinstance(wanted, str):
        wanted = {wanted}
    files = check_files(found, frozenset(wanted))
    chunks = make_chunks(files, found, max(file.entries for file in files) or 1)
    if not chunks:
        message = f"{files[0].path} has no events"
        raise InputError(message, code="dataset.no-events", path=files[0].path)
    chunk = chunks[0]
    return read_events(
        (chunk.path, *chunk.replicas),
        tree=chunk.tree,
        layout=chunk.layout,
        branches=chunk.branches,
        start=0,
        stop=min(chunk.stop, max_events),
        uuid=chunk.uuid,
        metadata=chunk.metadata,
    ).events
