"""Interprets `std::vector<std::string>` branches, which repeat a trigger menu in every event.

Equal entries are found by their bytes and decoded once per basket, by uproot. In the arrays, every
name is an index into the names that differ, so nothing that is done to names is done per event.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from uproot.interpretation.objects import AsObjects

from tau3mu.ntuples.baskets import Decoded, contents, trim

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.ntuples.baskets import Basket

__all__ = ["AsMenus", "distinct"]


class AsMenus(AsObjects):  # type: ignore[misc]
    """Reads lists of strings: `var * string`, the strings as an IndexedArray."""

    @classmethod
    def replaces(cls, standard: Any) -> bool:
        """Tells whether this is the interpretation of a vector of strings."""
        return type(standard) is AsObjects and standard.typename == "std::vector<std::string>"

    def __init__(self, standard: AsObjects) -> None:
        """Takes the interpretation that it stands in for."""
        super().__init__(standard.model, standard.branch)
        self._last: tuple[tuple[bytes, ...], ak.contents.Content] | None = None
        self._recent: deque[tuple[npt.NDArray[np.uint8], _Menus]] = deque(maxlen=4)

    def basket_array(
        self,
        data: npt.NDArray[np.uint8],
        byte_offsets: npt.NDArray[np.int32],
        basket: Any,
        *how: Any,
    ) -> Decoded[_Menus]:
        """Returns the menus of some baskets, and which of them each entry has."""
        return Decoded(
            {one.number: self._decode(one, how) for one in contents(data, byte_offsets, basket)}
        )

    def _decode(self, basket: Basket, how: tuple[Any, ...]) -> _Menus:
        # A block that is stored again is the same place in memory, see decompression.py. Long
        # and short baskets take turns.
        for data, decoded in self._recent:
            if _is_same(basket.data, data):
                return decoded
        menus, which = distinct(basket.data, basket.byte_offsets)
        if self._last is None or self._last[0] != menus:
            branch, _, _, library, options = how
            edges = np.cumsum([0, *(len(menu) for menu in menus)], dtype=np.int32)
            joined = np.frombuffer(b"".join(menus), dtype=np.uint8)
            array = super().basket_array(joined, edges, basket, *how)
            names = super().final_array(
                {0: array}, 0, len(menus), [0, len(menus)], library, branch, options
            )
            self._last = menus, ak.to_layout(names).to_ListOffsetArray64(True)
        self._recent.append((basket.data, _Menus(self._last[1], which)))
        return self._recent[-1][1]

    def final_array(
        self,
        basket_arrays: Mapping[int, Decoded[_Menus]],
        entry_start: int,
        entry_stop: int,
        entry_offsets: Any,
        library: Any,
        branch: Any,
        options: Any,
    ) -> Any:
        """Returns the names in the entries from `entry_start` up to `entry_stop`."""
        if not basket_arrays:
            return super().final_array(
                basket_arrays, entry_start, entry_stop, entry_offsets, library, branch, options
            )
        self._recent.clear()  # which keeps whole baskets
        trimmed = trim(basket_arrays, entry_start, entry_stop, entry_offsets)
        return ak.Array(
            _expand([replace(one, which=one.which[first:last]) for one, first, last in trimmed])
        )


@dataclass(frozen=True)
class _Menus:
    """The menus of a basket, and which of them each entry has."""

    menus: ak.contents.ListOffsetArray
    which: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.which)


def _is_same(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> bool:
    return one.ctypes.data == other.ctypes.data and len(one) == len(other)


def distinct(
    data: npt.NDArray[np.uint8], byte_offsets: npt.NDArray[np.int32]
) -> tuple[tuple[bytes, ...], npt.NDArray[np.int64]]:
    """Returns the entries that differ, and for each entry which of them it is.

    Args:
        data: The bytes of all entries, one after the other.
        byte_offsets: Where each begins and the last one ends.
    """
    n_entries = len(byte_offsets) - 1
    length = int(byte_offsets[1])
    same_length = len(data) == n_entries * length and np.all(np.diff(byte_offsets) == length)
    if same_length and np.array_equal(data[length:], data[:-length]):
        return (data[:length].tobytes(),), np.zeros(n_entries, dtype=np.int64)
    known: dict[bytes, int] = {}
    if same_length:
        rows = data.reshape(n_entries, length)
        starts = np.append(0, np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) + 1)
        numbers = [known.setdefault(rows[i].tobytes(), len(known)) for i in starts.tolist()]
        return tuple(known), np.repeat(numbers, np.diff(starts, append=n_entries))
    text, edges = data.tobytes(), byte_offsets.tolist()
    which = [known.setdefault(text[start:stop], len(known)) for start, stop in pairwise(edges)]
    return tuple(known), np.array(which, dtype=np.int64)


def _expand(baskets: Sequence[_Menus]) -> ak.contents.ListOffsetArray:
    """Returns the list of names of every entry, with each name stored once per menu."""
    menus: list[ak.contents.Content] = []
    which: list[npt.NDArray[np.int64]] = []
    first = 0
    for basket in baskets:
        if not menus or basket.menus is not menus[-1]:
            first += len(menus[-1]) if menus else 0
            menus.append(basket.menus)
        which.append(basket.which + first)
    together = ak.to_layout(ak.concatenate(menus)).to_ListOffsetArray64(True)
    menu = np.concatenate(which)
    starts, counts = together.starts.data[menu], np.diff(together.offsets.data)[menu]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    index = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
    names = ak.contents.IndexedArray(ak.index.Index64(index), together.content)
    return ak.contents.ListOffsetArray(ak.index.Index64(offsets), names)
