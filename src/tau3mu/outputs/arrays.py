"""Awkward arrays in memory of their own, and of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["own_copy", "strings"]


def own_copy(rows: ak.Array) -> ak.Array:
    """Returns rows in memory of their own."""
    layout = ak.to_layout(rows)
    if layout.is_record and all(column.is_numpy for column in layout.contents):
        columns = [  # which may be longer than the record
            ak.contents.NumpyArray(
                np.array(column.data[: layout.length]), parameters=column.parameters
            )
            for column in layout.contents
        ]
        return ak.Array(ak.contents.RecordArray(columns, layout.fields))
    form, length, buffers = ak.to_buffers(ak.to_packed(rows))
    return ak.from_buffers(form, length, {key: np.array(data) for key, data in buffers.items()})


def strings(names: Sequence[str]) -> ak.Array:
    """Returns texts, of the same type also if there are none."""
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
