"""Flat lists of records, of which a column is read and cut when it is asked for.

A cut on an awkward array of NanoEvents costs a millisecond per column and step, whatever the number
of candidates, since every column is a chain of arrays that are not there yet. `Rows` keeps the
array as it was and one index into it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import awkward as ak
import numpy as np

from tau3mu.ntuples.offsets import flat

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

__all__ = ["Lists", "Rows", "as_mask", "plain", "rows_of"]


class Rows:
    """Some records of a flat list: `rows.mu1.pt` and `rows["mass"]` are columns of them.

    A column of numbers is a NumPy array, masked if some are missing; one of anything else an
    awkward array; and a record is rows again.
    """

    def __init__(
        self,
        records: ak.contents.Content,
        index: npt.NDArray[np.int64] | None,
        behavior: Mapping[Any, Any] | None,
        columns: dict[str, Any] | None = None,
    ) -> None:
        """Creates rows.

        Args:
            records: All records.
            index: Which of them are meant; None for all.
            behavior: The behaviors of awkward that belong to them.
            columns: The columns of all records that have been taken apart already.
        """
        self._records = records
        self._index = index
        self._behavior = behavior
        self._columns = {} if columns is None else columns

    def __len__(self) -> int:
        """Returns the number of records."""
        return len(self._records if self._index is None else self._index)

    def __getitem__(self, where: Any) -> Any:
        """Returns a column for a name, and rows for a mask or an index, of 64-bit integers."""
        if not isinstance(where, str):
            if not isinstance(where, slice):
                where = plain(where)
                where = where if where.dtype == np.int64 else as_mask(where, len(self), "rows")
            return Rows(self._records, self._index_of(where), self._behavior, self._columns)
        if where not in self._columns:
            self._columns[where] = _apart(self._records.content(where), self._behavior)
        column, missing = self._columns[where]
        if isinstance(column, Rows):
            return Rows(column._records, self._index, self._behavior, column._columns)
        values, gone = self._cut(column), None if missing is None else self._cut(missing)
        return values if gone is None or not gone.any() else np.ma.array(values, mask=gone)

    def _index_of(self, where: Any) -> Any:
        """Returns the index of some rows among all records."""
        if self._index is not None:
            return self._index[where]
        return where if getattr(where, "dtype", None) == np.int64 else np.arange(len(self))[where]

    def _cut(self, column: Any) -> Any:
        if self._index is not None:
            return column[self._index]
        return column if isinstance(column, ak.Array) else np.asarray(column)

    def __getattr__(self, name: str) -> Any:
        """Returns a column.

        Raises:
            AttributeError: There is none of this name.
        """
        if name.startswith("_") or name not in self.fields:
            message = f"there is no column {name!r} among {', '.join(self.fields)}"
            raise AttributeError(message)
        return self[name]

    @property
    def fields(self) -> list[str]:
        """The names of the columns."""
        return self._records.fields  # type: ignore[no-any-return]

    def to_awkward(self) -> ak.Array:
        """Returns the records as an awkward array, with its behaviours as a vector."""
        return self._cut(ak.Array(self._records, behavior=self._behavior))


def _apart(column: ak.contents.Content, behavior: Mapping[Any, Any] | None) -> tuple[Any, Any]:
    """Returns a column of all records, and which of its values are missing, if any can be."""
    if column.is_record:
        return Rows(column, None, behavior), None
    if column.is_numpy:  # maybe none of them is there yet
        return column.data, None
    if column.is_option and column.content.is_numpy and not column.is_indexed:
        return column.content.data, np.asarray(column.mask_as_bool(valid_when=False))
    return ak.Array(column, behavior=behavior), None


class Lists(NamedTuple):
    """Lists of records, one per event, taken apart.

    `offsets` says where each list begins and the last one ends, `places` where the rows are among
    all records: a missing record, which is a pad, is not a row.
    """

    offsets: npt.NDArray[np.int64]
    places: npt.NDArray[np.int64]
    rows: Rows


def rows_of(lists: ak.Array) -> Lists:
    """Returns the records of all lists as rows.

    Args:
        lists: Events × records; a missing list, of an event that is masked, is an empty one.
    """
    offsets, records = flat(ak.to_layout(lists))
    if not (records.is_option or records.is_indexed):
        return Lists(offsets, np.arange(len(records)), Rows(records, None, lists.behavior))
    missing = np.asarray(records.mask_as_bool(valid_when=False)) if records.is_option else None
    places = np.arange(len(records)) if missing is None else np.flatnonzero(~missing)
    # A selection of events or records leaves an index into the records.
    index = np.asarray(records.index.data)[places] if records.is_indexed else places
    return Lists(offsets, places, Rows(records.content, index, lists.behavior))


def as_mask(passes: Any, length: int, name: str) -> npt.NDArray[np.bool_]:
    """Returns one boolean per row, False where the answer is missing.

    Numbers are refused: NumPy and awkward would take 0 and 1 for positions.

    Args:
        passes: One boolean per row, which may be missing.
        length: The number of rows.
        name: What messages call the mask.

    Raises:
        TypeError: These are not booleans.
        ValueError: It is not one per row.
    """
    mask = passes if isinstance(passes, np.ndarray | ak.Array) else np.asarray(passes)
    if mask.ndim != 1 or len(mask) != length:
        what = ak.type(mask) if isinstance(mask, ak.Array) else f"an array of shape {mask.shape}"
        message = f"mask of {name}: got {what}, expected one boolean for each of {length}"
        raise ValueError(message)
    answers = plain(mask)
    if answers.dtype.kind != "b" and (length or answers.dtype != np.float64):
        message = (
            f"mask of {name}: got {answers.dtype} numbers, which would select by position, "
            "expected booleans; compare them, such as values != 0"
        )
        raise TypeError(message)
    # An empty list of Python has no type of its own.
    return np.ma.filled(answers, False).astype(np.bool_, copy=False)


def plain(values: Any) -> npt.NDArray[Any]:
    """Returns one number or answer per row, missing ones masked.

    Args:
        values: Numbers or booleans in one dimension, some of which may be missing.
    """
    # ak.to_numpy takes a tenth of a millisecond to see that there is nothing to do.
    return values if isinstance(values, np.ndarray) else ak.to_numpy(values)
