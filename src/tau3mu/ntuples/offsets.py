"""Takes lists of awkward arrays apart: where each begins, and what they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import awkward as ak
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["flat", "from_zero"]


def from_zero(lists: ak.contents.Content) -> ak.contents.ListOffsetArray:
    """Returns lists with 64-bit offsets that begin at 0; the same object if they do already."""
    if isinstance(lists, ak.contents.ListOffsetArray):
        offsets = lists.offsets
        if offsets.dtype == np.int64 and offsets[0] == 0:
            return lists
    return lists.to_ListOffsetArray64(True)  # copies the offsets in any case


def flat(lists: ak.contents.Content) -> tuple[npt.NDArray[np.int64], ak.contents.Content]:
    """Returns where lists begin and the last one ends, and what they hold.

    A missing list, of an event that is masked, is an empty one.
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
