"""Linked data: where in the parent the selected events are, rather than the events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.datasets.origin import OBJECT
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from pathlib import Path

    import awkward as ak
    import numpy.typing as npt

    from tau3mu.datasets import Chunk
    from tau3mu.datasets.origin import Origin

__all__ = ["write_keys"]

_NUMBERS: Final = {"run": np.uint32, "lumi": np.uint32, "event": np.uint64}


def write_keys(
    path: Path, chunk: Chunk, events: ak.Array, entries: npt.NDArray[np.int64], origin: Origin
) -> None:
    """Writes the place and the numbers of some events of a chunk.

    Args:
        path: The file.
        chunk: The chunk.
        events: Its events, of which `run`, `lumi` and `event` are taken.
        entries: Which of them are meant.
        origin: What they were selected by.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = {"dataset": chunk.dataset, "uuid": chunk.uuid, "path": redact(chunk.path)}
    texts["tree"] = chunk.tree
    columns: dict[str, Any] = {
        name: pa.DictionaryArray.from_arrays(np.zeros(len(entries), np.int32), [text])
        for name, text in texts.items()
    }
    columns["entry"] = chunk.places[entries]
    for name, kind in _NUMBERS.items():
        columns[name] = np.asarray(events[name]).astype(kind)[entries]
    table = pa.table(columns).replace_schema_metadata({OBJECT: origin.text})
    pq.write_table(table, path, compression="zstd")
