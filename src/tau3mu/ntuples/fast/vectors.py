"""Interprets `std::vector` branches of numbers, all baskets of a read at once.

ROOT writes ten bytes before the items of every vector. uproot removes them basket by basket with a
mask over all bytes; here the position of each item is computed once, from the lengths of the
vectors, and shared by all branches whose vectors have the same lengths, as those of a collection.
The items are taken from there when they are used (see `lazy`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
import uproot

from tau3mu.ntuples.fast.baskets import Decoded, contents, trim
from tau3mu.ntuples.fast.lazy import LazyNumbers
from tau3mu.ntuples.fast.uproot_names import AsJagged

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["AsVectors", "forget_positions"]

_HEADER = 10
"""Bytes before the items of a vector: their number in bytes, a version, and how many they are."""


class AsVectors(AsJagged):  # type: ignore[misc]
    """Reads the same awkward arrays as uproot's own interpretation of a vector of numbers."""

    @classmethod
    def replaces(cls, standard: Any) -> bool:
        """Returns whether this is the interpretation of a vector of plain numbers."""
        return (
            type(standard) is AsJagged
            and standard.header_bytes == _HEADER
            and type(standard.content) is uproot.AsDtype
            and standard.content.from_dtype.names is None
            and standard.content.from_dtype.subdtype is None
        )

    def __init__(self, standard: AsJagged) -> None:
        """Creates it in the place of the interpretation of uproot."""
        super().__init__(
            standard.content,
            header_bytes=standard.header_bytes,
            typename=standard.typename,
            original=standard.original,
        )

    def basket_array(
        self,
        data: npt.NDArray[np.uint8],
        byte_offsets: npt.NDArray[np.int32],
        basket: Any,
        *_: Any,
    ) -> Decoded[_Bytes]:
        """Returns the bytes as they are."""
        return Decoded(
            {
                one.number: _Bytes(one.data, one.byte_offsets)
                for one in contents(data, byte_offsets, basket)
            }
        )

    def final_array(
        self,
        basket_arrays: Mapping[int, Decoded[_Bytes]],
        entry_start: int,
        entry_stop: int,
        entry_offsets: Any,
        library: Any,
        branch: Any,
        options: Any,
    ) -> Any:
        """Returns the vectors of the entries from `entry_start` up to `entry_stop`."""
        if not basket_arrays:
            return super().final_array(
                basket_arrays, entry_start, entry_stop, entry_offsets, library, branch, options
            )
        pieces, lengths = [], []
        for basket, first, last in trim(basket_arrays, entry_start, entry_stop, entry_offsets):
            edges = basket.byte_offsets[first : last + 1]
            pieces.append(basket.data[edges[0] : edges[-1]])
            lengths.append(np.diff(edges))
        stored = self.content.from_dtype
        data = np.concatenate(pieces)
        items = _find_items(np.concatenate(lengths), len(data), stored.itemsize)
        kind = self.content.to_dtype

        def numbers(which: Any = slice(None)) -> npt.NDArray[Any]:
            return _gather(data, items.positions[which], stored).astype(kind, copy=False)

        lazy = LazyNumbers.of(len(items.positions), kind, numbers, numbers)
        return ak.Array(
            ak.contents.ListOffsetArray(
                ak.index.Index64(items.offsets), ak.contents.NumpyArray(lazy)
            )
        )


@dataclass(frozen=True)
class _Bytes:
    data: npt.NDArray[np.uint8]
    byte_offsets: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.byte_offsets) - 1


@dataclass(frozen=True)
class _Items:
    """Where the items of vectors are: `positions` in bytes, `offsets` in items."""

    lengths: npt.NDArray[np.int32]
    n_bytes: int
    itemsize: int
    offsets: npt.NDArray[np.int64]
    positions: npt.NDArray[np.int64]


_recent: deque[_Items] = deque(maxlen=8)


def forget_positions() -> None:
    """Frees what is shared by the branches of one read, and of no use for the next."""
    _recent.clear()


def _find_items(lengths: npt.NDArray[np.int32], n_bytes: int, itemsize: int) -> _Items:
    for items in tuple(_recent):
        alike = (items.itemsize, items.n_bytes) == (itemsize, n_bytes)
        if alike and np.array_equal(items.lengths, lengths):
            return items
    counts, rest = np.divmod(lengths - _HEADER, itemsize)
    if np.any(rest) or np.any(counts < 0):
        message = f"vectors are not made of {itemsize} bytes per item: the basket is damaged"
        raise ValueError(message)
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    positions = np.repeat(np.arange(1, len(counts) + 1) * _HEADER, counts)
    positions += np.arange(0, itemsize * len(positions), itemsize)
    items = _Items(lengths, n_bytes, itemsize, offsets, positions)
    _recent.append(items)
    return items


def _gather(
    data: npt.NDArray[np.uint8], positions: npt.NDArray[np.int64], stored: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Returns the big-endian numbers of type `stored` that begin at the positions."""
    # One number begins at every byte of this view; those that are none are never looked at.
    shape = (max(len(data) - stored.itemsize + 1, 0),)
    windows = np.ndarray(shape, np.dtype(f"u{stored.itemsize}"), data, strides=(1,))
    numbers = windows[positions]
    if stored.byteorder == ">":
        numbers.byteswap(inplace=True)
    return numbers.view(stored.newbyteorder("="))
