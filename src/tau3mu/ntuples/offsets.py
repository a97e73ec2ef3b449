"""Splits lists into offsets and contents."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

__all__ = ["counters", "distinct", "flat", "from_zero", "indexed_texts", "joined"]


_FEW_BORDERS = 20
"""With more entries than this between changes of their length, rows are compared at once."""


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
    lengths = np.diff(byte_offsets)
    borders = np.flatnonzero(lengths[1:] != lengths[:-1]) + 1
    same_length = not len(borders) and len(data) == n_entries * length
    if same_length and np.array_equal(data[length:], data[:-length]):
        return (data[:length].tobytes(),), np.zeros(n_entries, dtype=np.int64)
    starts = _starts(data, byte_offsets, [0, *borders.tolist(), n_entries])
    known: dict[bytes, int] = {}
    text = data.tobytes()
    places = zip(byte_offsets[starts].tolist(), byte_offsets[starts + 1].tolist(), strict=True)
    numbers = [known.setdefault(text[start:stop], len(known)) for start, stop in places]
    return tuple(known), np.repeat(numbers, np.diff(starts, append=n_entries))


def _starts(
    data: npt.NDArray[np.uint8], byte_offsets: npt.NDArray[np.int32], borders: list[int]
) -> npt.NDArray[np.int64]:
    """Returns entries of which the others, up to the next one, are repetitions.

    Args:
        data: As for `distinct`.
        byte_offsets: As for `distinct`.
        borders: Where entries of another length begin, the first one and the end included.
    """
    n_entries = borders[-1]
    if len(borders) > n_entries // _FEW_BORDERS + 2:
        return np.arange(n_entries)
    starts = []
    for first, last in pairwise(borders):
        begin, second, end = byte_offsets[[first, first + 1, last]].tolist()
        rows = data[begin:end].reshape(last - first, second - begin)
        starts.append(np.array([first]))
        differs = rows[1:] != rows[:-1]
        if differs.any():  # row by row, it takes longer
            starts.append(np.flatnonzero(differs.any(axis=1)) + first + 1)
    return np.concatenate(starts)


def indexed_texts(lists: ak.contents.Content) -> ak.contents.Content:
    """Returns lists of texts, each text as an index into those that differ.

    Menus of triggers repeat from event to event, so that nothing has to be done for each name of
    each event.

    Args:
        lists: Lists of texts, one after the other.
    """
    whole = from_zero(lists)
    if not len(whole) or whole.content.is_indexed:
        return whole
    texts = from_zero(whole.content)
    offsets, edges = np.asarray(whole.offsets.data), np.asarray(texts.offsets.data)
    _, menu = distinct(np.asarray(texts.content.data), edges[offsets])
    firsts = np.unique(menu, return_index=True)[1]
    # The same bytes may be cut into names in another way.
    counts = np.diff(offsets)
    if not np.array_equal(counts, counts[firsts][menu]):
        return whole
    numbers = np.concatenate([np.arange(offsets[e], offsets[e + 1]) for e in firsts])
    few = ak.to_list(texts[numbers])
    known = {name: number for number, name in enumerate(dict.fromkeys(few))}
    which = np.array([known[name] for name in few], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts[firsts])])[:-1]
    places = np.arange(offsets[-1]) + np.repeat(starts[menu] - offsets[:-1], counts)
    names = ak.to_layout(list(known)) if known else texts[:0]
    if not _are_cut_alike(edges, offsets, firsts[menu], counts):
        return whole
    content = ak.contents.IndexedArray(ak.index.Index64(which[places]), names)
    return whole.copy(content=content)


def _are_cut_alike(
    edges: npt.NDArray[np.int64],
    offsets: npt.NDArray[np.int64],
    like: npt.NDArray[np.int64],
    counts: npt.NDArray[np.int64],
) -> bool:
    """Returns whether the texts of each event are as long as those of another one."""
    lengths = np.diff(edges[: offsets[-1] + 1])
    other = np.arange(offsets[-1]) + np.repeat(offsets[like] - offsets[:-1], counts)
    return bool(np.array_equal(lengths, lengths[other]))


def joined(parts: Sequence[ak.contents.Content]) -> ak.contents.Content:
    """Returns entries one after the other, as one reading would give them.

    Numbers and lists are joined in a few calls of NumPy, where awkward needs many; of texts by
    index, each is kept once.

    Args:
        parts: At least one.

    Raises:
        ValueError: They are not of one type.
    """
    if all(part.is_numpy for part in parts):
        if len(kinds := {str(part.dtype) for part in parts}) > 1:
            message = f"values of {' and '.join(sorted(kinds))} cannot be joined"
            raise ValueError(message)
        return ak.contents.NumpyArray(
            np.concatenate([np.asarray(part.data) for part in parts]),
            parameters=parts[0].parameters,
        )
    if all(part.is_list for part in parts):
        lists = [from_zero(part) for part in parts]
        ends = np.cumsum([0, *(int(one.offsets[-1]) for one in lists)])
        offsets = [one.offsets.data[1:] + end for one, end in zip(lists, ends, strict=False)]
        contents = [one.content[: int(one.offsets[-1])] for one in lists]
        return ak.contents.ListOffsetArray(
            ak.index.Index64(np.concatenate([[0], *offsets]).astype(np.int64)),
            joined(contents),
            parameters=parts[0].parameters,
        )
    if all(part.is_indexed and not part.is_option and _is_text(part) for part in parts):
        known: dict[str, int] = {}
        which = []
        for part in parts:
            names = ak.to_list(part.content)
            numbers = [known.setdefault(name, len(known)) for name in names]
            which.append(np.array(numbers, np.int64)[part.index.data])
        texts = ak.to_layout(list(known)) if known else parts[0].content[:0]
        return ak.contents.IndexedArray(ak.index.Index64(np.concatenate(which)), texts)
    if len(kinds := {str(ak.type(part).content) for part in parts}) > 1:
        message = f"values of {' and '.join(sorted(kinds))} cannot be joined"
        raise ValueError(message)
    return ak.to_layout(ak.concatenate([ak.Array(part) for part in parts]))


def _is_text(content: ak.contents.Content) -> bool:
    return bool(content.purelist_parameter("__array__") == "string")


def counters(names: Iterable[str]) -> set[str]:
    """Returns the names that the counters of branches of lists have in NanoAOD.

    The lists `Muon_pt` are as long as `nMuon` says; a list that stands alone has a counter `nName`.

    Args:
        names: Of the branches.
    """
    words = (name.split("_") for name in names)
    return {"n" + "_".join(parts[:k]) for parts in words for k in range(1, len(parts) + 1)}
