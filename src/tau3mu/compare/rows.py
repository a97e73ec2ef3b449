"""Rows of two tables that belong together, found by their keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["Matched", "match_rows"]


@dataclass(frozen=True)
class Matched:
    """Rows by their numbers.

    Attributes:
        a: The rows of the one table that have a partner, ascending.
        b: Their partners in the other table.
        only_a: The rows without a partner, ascending.
        only_b: Those of the other table.
    """

    a: npt.NDArray[np.int64]
    b: npt.NDArray[np.int64]
    only_a: npt.NDArray[np.int64]
    only_b: npt.NDArray[np.int64]


def match_rows(a: Sequence[npt.NDArray[Any]], b: Sequence[npt.NDArray[Any]]) -> Matched:
    """Returns which rows of two tables have equal keys.

    Rows of equal keys within a table are matched in their order, so that of three against two, the
    last one is left over.

    Args:
        a: The columns of the keys, at least one.
        b: Those of the other table.
    """
    length = len(a[0])
    keys = [_codes(np.asarray(one), np.asarray(other)) for one, other in zip(a, b, strict=True)]
    order = np.lexsort(keys[::-1])  # stable: of equal keys, the rows of A stand first
    begins = np.zeros(len(order), np.bool_)
    begins[:1] = True
    for key in keys:
        ordered = key[order]
        begins[1:] |= ordered[1:] != ordered[:-1]
    group = np.cumsum(begins) - 1
    of_b = order >= length
    groups = int(group[-1]) + 1 if len(group) else 0
    in_a = np.bincount(group[~of_b], minlength=groups)
    in_b = np.bincount(group[of_b], minlength=groups)
    place = np.arange(len(order)) - np.flatnonzero(begins)[group] - np.where(of_b, in_a[group], 0)
    has_partner = place < np.minimum(in_a, in_b)[group]
    left, right = order[~of_b & has_partner], order[of_b & has_partner] - length
    ascending = np.argsort(left)
    return Matched(
        left[ascending],
        right[ascending],
        np.sort(order[~of_b & ~has_partner]),
        np.sort(order[of_b & ~has_partner] - length),
    )


def _codes(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Returns the keys of both tables in one column, of one type that loses nothing."""
    if a.dtype.kind in "iu" and b.dtype.kind in "iu":
        # Event numbers are unsigned; together with signed ones, NumPy would make floats of them.
        return np.concatenate([a.astype(np.int64), b.astype(np.int64)])
    both = np.concatenate([a, b])
    return both if both.dtype.kind == "f" else np.unique(both, return_inverse=True)[1]
