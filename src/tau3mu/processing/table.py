"""A table of candidates from flat and jagged columns."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

__all__ = ["Table"]

EVENT_COLUMNS = {"run": np.uint32, "lumi": np.uint32, "event": np.uint64}


class Table:
    """The candidates that a processor selects, as columns.

    A column is flat, with one value per event that is left, or jagged, with a list of values per
    event. If any is jagged, each of its objects is a row of the table, and flat columns are
    repeated for all rows of an event. An object that is missing in all jagged columns is not a row;
    otherwise only floats may be missing. `run`, `lumi` and `event` are added if the processor
    reads them, and to a jagged table `subentry`, which numbers the rows of an event from 0.
    """

    def __init__(self, **columns: Any) -> None:
        """Creates the table.

        Args:
            **columns: NumPy or awkward arrays: one number, boolean or text per event, or lists of
                them, which have the same lengths in all jagged columns.

        Raises:
            InputError: A column is nested more deeply, or the lengths differ.
        """
        caller = sys._getframe(1)
        self._where = f"{caller.f_code.co_filename}, line {caller.f_lineno}"
        self._columns = {name: _array(name, column) for name, column in columns.items()}
        self._jagged = {name: c for name, c in self._columns.items() if _is_jagged(c)}
        first = next(iter(self._columns), "")
        for name, column in self._columns.items():
            if len(column) != len(self._columns[first]):
                message = (
                    f"column {name!r} of the table has {len(column)} rows and {first!r} has "
                    f"{len(self._columns[first])}: expected one value or list per event in both"
                )
                raise InputError(message, code="processor.column-lengths", path=name)
        self._counts = self._common_counts()

    def _common_counts(self) -> Any:
        """Returns the number of objects of each event, None if no column is jagged."""
        counts, first = None, ""
        for name, column in self._jagged.items():
            mine = ak.to_numpy(ak.fill_none(ak.num(column), 0))
            if counts is None:
                counts, first = mine, name
            elif not np.array_equal(mine, counts):
                where = int(np.flatnonzero(mine != counts)[0])
                message = (
                    f"column {name!r} of the table has {mine[where]} values in event {where} of "
                    f"the chunk and {first!r} has {counts[where]}: expected equally many"
                )
                raise InputError(message, code="processor.column-lengths", path=name)
        return counts

    def events_with_rows(self, n_events: int) -> npt.NDArray[np.bool_]:
        """Returns of each event whether it has a row.

        Args:
            n_events: How many events there are.
        """
        has_rows = np.zeros(n_events, dtype=np.bool_)
        if self._counts is None:
            return ~has_rows
        of = np.repeat(np.arange(len(self._counts)), self._counts)
        has_rows[of[self._present(len(of))]] = True
        return has_rows

    def places(self, entries: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
        """Returns the event of each row, None if the rows are of other events.

        Args:
            entries: The events that are left, as their index in the chunk.
        """
        if self._columns and len(next(iter(self._columns.values()))) != len(entries):
            return None
        if self._counts is None:
            return entries
        of: npt.NDArray[np.int64] = np.repeat(entries, self._counts)
        there: npt.NDArray[np.int64] = of[self._present(len(of))]
        return there

    def candidates(self, events: ak.Array, columns: Collection[str]) -> ak.Array:
        """Returns one record per row.

        Args:
            events: The events that are left, of which `run`, `lumi` and `event` are taken.
            columns: What the processor reads.
        """
        added = {
            name: ak.values_astype(events[name], dtype)
            for name, dtype in EVENT_COLUMNS.items()
            if name in columns and name not in self._columns
        }
        length = len(next(iter(self._columns.values()), events))
        if added and length != len(events):
            message = (
                f"the table of {self._where} has columns of {length} events where {len(events)} "
                "are left: select events with cutflow.cut_events, or give the table its own "
                f"{', '.join(added)}"
            )
            raise InputError(message, code="processor.other-events", path=next(iter(self._columns)))
        rows = {**added, **self._columns}
        if self._counts is not None:
            present = self._present(int(self._counts.sum()))
            of = np.repeat(np.arange(length), self._counts)[present]
            rows = {
                name: _flat(column)[present] if name in self._jagged else column[of]
                for name, column in rows.items()
            }
            number = np.arange(len(of)) - np.searchsorted(of, of)
            rows = {"subentry": ak.Array(number.astype(np.int32)), **rows}
        contents = [ak.to_layout(_regular(column)) for column in rows.values()]
        return ak.Array(ak.contents.RecordArray(contents, list(rows)))

    def _present(self, n_rows: int) -> Any:
        """Returns which rows are there in any of the jagged columns."""
        there = np.zeros(n_rows, dtype=np.bool_)
        for column in self._jagged.values():
            flat = _flat(column)
            if not flat.layout.is_option:
                return slice(None)
            there |= ~ak.to_numpy(ak.is_none(flat))
        return slice(None) if there.all() else there


def _array(name: str, column: Any) -> ak.Array:
    array = column if isinstance(column, ak.Array) else ak.Array(np.asanyarray(column))
    kind = array.type.content
    while isinstance(kind, ak.types.OptionType):
        kind = kind.content
    if _is_list(kind):
        kind = kind.content
        if isinstance(kind, ak.types.OptionType):
            kind = kind.content
    if _is_list(kind) or isinstance(kind, ak.types.RecordType):
        shown = "records" if isinstance(kind, ak.types.RecordType) else "lists of lists"
        message = (
            f"column {name!r} of the table holds {shown}: expected one number, boolean or text "
            "per event, or one list of them"
        )
        raise InputError(message, code="processor.column-type", path=name)
    return array


def _is_list(kind: Any) -> bool:
    lists = ak.types.ListType | ak.types.RegularType
    return isinstance(kind, lists) and kind.parameters.get("__array__") not in {
        "string", "bytestring",
    }  # fmt: skip


def _is_jagged(column: ak.Array) -> bool:
    kind = column.type.content
    return _is_list(kind.content if isinstance(kind, ak.types.OptionType) else kind)


def _flat(column: ak.Array) -> ak.Array:
    return ak.flatten(column, axis=1)  # missing lists are empty


def _regular(column: ak.Array) -> ak.Array:
    """Returns a column as a flat array; one without missing values as plain numbers."""
    if column.layout.is_option and not ak.any(ak.is_none(column)):
        return ak.drop_none(column)
    return column
