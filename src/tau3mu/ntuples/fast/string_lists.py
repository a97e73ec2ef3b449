"""Interprets `std::vector<std::string>` branches, with the same trigger names in each event.

Equal entries are found by their bytes and decoded once per read, by uproot. In the arrays, every
name is an index into the names that differ, so nothing that is done to names is done per event.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.ntuples.fast.baskets import Decoded, contents, trim
from tau3mu.ntuples.fast.uproot_names import AsObjects
from tau3mu.ntuples.offsets import distinct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.ntuples.fast.baskets import Basket

__all__ = ["AsStringLists"]


class AsStringLists(AsObjects):  # type: ignore[misc]
    """Reads lists of strings: `var * string`, the strings as an IndexedArray."""

    @classmethod
    def replaces(cls, standard: Any) -> bool:
        """Returns whether this is the interpretation of a vector of strings."""
        return type(standard) is AsObjects and standard.typename == "std::vector<std::string>"

    def __init__(self, standard: AsObjects) -> None:
        """Creates it in the place of the interpretation of uproot."""
        super().__init__(standard.model, standard.branch)
        self._last: tuple[tuple[bytes, ...], ak.contents.ListOffsetArray] | None = None

    def basket_array(
        self,
        data: npt.NDArray[np.uint8],
        byte_offsets: npt.NDArray[np.int32],
        basket: Any,
        *how: Any,
    ) -> Decoded[_StringLists]:
        """Returns the lists of some baskets that differ, and which of them each entry is."""
        known: dict[bytes, int] = {}
        which: dict[int, npt.NDArray[np.int64]] = {}
        recent: deque[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]] = deque(maxlen=4)
        for one in contents(data, byte_offsets, basket):
            # A block that is stored again is the same place in memory, see `baskets`. Long and
            # short baskets take turns.
            same = [found for block, found in recent if _is_same(one.data, block)]
            if not same:
                lists, numbers = distinct(one.data, one.byte_offsets)
                among_all = [known.setdefault(each, len(known)) for each in lists]
                same = [np.array(among_all, dtype=np.int64)[numbers]]
                recent.append((one.data, same[0]))
            which[one.number] = same[0]
        if not which:
            return Decoded({})
        names = self._decode(tuple(known), one, how)
        return Decoded({number: _StringLists(names, found) for number, found in which.items()})

    def _decode(
        self, lists: tuple[bytes, ...], basket: Basket, how: tuple[Any, ...]
    ) -> ak.contents.ListOffsetArray:
        """Returns the names in some lists."""
        if self._last is None or self._last[0] != lists:
            branch, _, _, library, options = how
            edges = np.cumsum([0, *(len(one) for one in lists)], dtype=np.int32)
            joined = np.frombuffer(b"".join(lists), dtype=np.uint8)
            array = super().basket_array(joined, edges, basket, *how)
            names = super().final_array(
                {0: array}, 0, len(lists), [0, len(lists)], library, branch, options
            )
            self._last = lists, ak.to_layout(names).to_ListOffsetArray64(True)
        return self._last[1]

    def final_array(
        self,
        basket_arrays: Mapping[int, Decoded[_StringLists]],
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
        trimmed = trim(basket_arrays, entry_start, entry_stop, entry_offsets)
        return ak.Array(
            _expand([replace(one, which=one.which[first:last]) for one, first, last in trimmed])
        )


@dataclass(frozen=True)
class _StringLists:
    """The lists that differ in some baskets, and which of them each entry of one basket is."""

    lists: ak.contents.ListOffsetArray
    which: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.which)


def _is_same(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8]) -> bool:
    return one.ctypes.data == other.ctypes.data and len(one) == len(other)


def _expand(baskets: Sequence[_StringLists]) -> ak.contents.ListOffsetArray:
    """Returns the list of names of every entry, of which equal ones share their names."""
    lists: list[ak.contents.Content] = []
    which: list[npt.NDArray[np.int64]] = []
    first = 0
    for basket in baskets:
        if not lists or basket.lists is not lists[-1]:
            first += len(lists[-1]) if lists else 0
            lists.append(basket.lists)
        which.append(basket.which + first)
    together = ak.to_layout(ak.concatenate(lists)).to_ListOffsetArray64(True)
    entry = np.concatenate(which)
    starts, counts = together.starts.data[entry], np.diff(together.offsets.data)[entry]
    offsets = np.concatenate([[0], np.cumsum(counts)])
    index = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])
    names = ak.contents.IndexedArray(ak.index.Index64(index), together.content)
    return ak.contents.ListOffsetArray(ak.index.Index64(offsets), names)
