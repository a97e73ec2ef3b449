"""Splits lists into offsets and contents."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt

__all__ = ["counters", "distinct", "flat", "from_zero"]


def from_zero(lists: ak.contents.Content) -> ak.contents.ListOffsetArray:
    """Returns lists with 64-bit offsets that begin at 0.

    Args:
        lists: Lists of any kind; those that have such offsets are returned as they are.
    """
    if isinstance(lists, ak.contents.ListOffsetArray):
        offsets = lists.offsets
        if offsets.dtype == np.int64 and offsets[0] == 0:
            return lists
    return lists.to_ListOffsetArray64(True)  # copies the offsets in any case


def flat(lists: ak.contents.Content) -> tuple[npt.NDArray[np.int64], ak.contents.Content]:
    """Returns offsets and contents of lists.

    Args:
        lists: Lists of any kind; a missing one, of an event that is masked, counts as empty.
    """
    there = from_zero(lists.project() if lists.is_indexed or lists.is_option else lists)
    offsets = np.asarray(there.offsets.data)
    if lists.is_option:
        numbers = np.zeros(len(lists), dtype=np.int64)
        numbers[np.asarray(lists.mask_as_bool(valid_when=True))] = np.diff(offsets)
        offsets = np.concatenate([[0], np.cumsum(numbers)])
    content = there.content
    # A slice of records costs as much as one of each column.
    return offsets, content if len(content) == offsets[-1] else content[: offsets[-1]]


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


def counters(names: Iterable[str]) -> set[str]:
    """Returns the names that the counters of branches of lists have in NanoAOD.

    The lists `Muon_pt` are as long as `nMuon` says; a list that stands alone has a counter `nName`.

    Args:
        names: Of the branches.
    """
    words = (name.split("_") for name in names)
    return {"n" + "_".join(parts[:k]) for parts in words for k in range(1, len(parts) + 1)}
