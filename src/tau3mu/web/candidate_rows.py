"""A page of the candidates of a processor, read without holding the whole file in memory.

The worker process runs this: uproot and pyarrow are imported when a file is opened.
"""

from __future__ import annotations

from contextlib import closing
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np

from tau3mu.errors import InputError, suggest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

__all__ = ["candidates_page"]

_SEGMENT: Final = 200_000
"""Rows that are in memory at a time, of one column."""


def candidates_page(
    file: Path, page: int, rows: int, sort: str = "", *, descending: bool = False
) -> dict[str, Any]:
    """Returns some rows of a file of candidates.

    Rows of equal values, and all rows if they are not sorted, stand in the order of the file.
    Missing values stand at the end in both directions.

    Args:
        file: `candidates.root` or `candidates.parquet`.
        page: The number of the page, from 1.
        rows: How many rows a page has.
        sort: The column by which the rows are sorted, empty for the order of the file.
        descending: Whether the largest value stands first.

    Returns:
        `total`: the number of rows in the file; `columns`: `name`, `kind` and whether it is
        `numeric`; `rows`: a list of values per row, None where one is missing; and `first`, the
        number of the first of them, from 1.

    Raises:
        InputError: The file cannot be read, or there is no such column or page.
    """
    try:
        with closing(_opened(file)) as table:
            return _page(table, file, page, rows, sort, descending=descending)
    except InputError:
        raise
    except Exception as error:  # uproot raises all kinds of errors for a damaged file
        message = f"cannot read candidates from {file}: {error}"
        raise InputError(message, code="web.no-candidates", path=file) from error


def _page(
    table: _Table, file: Path, page: int, rows: int, sort: str, *, descending: bool
) -> dict[str, Any]:
    pages = max(1, -(-table.total // rows))
    if not 1 <= page <= pages:
        message = f"{file} has {pages} pages of {rows} candidates, there is no page {page}"
        raise InputError(message, code="web.unknown-page", path=str(page))
    if sort and sort not in table.columns:
        known = ", ".join(table.columns)
        message = f"{file} has no column {sort!r}{suggest(sort, table.columns)}; it has {known}"
        raise InputError(message, code="web.unknown-column", path=sort)
    first = (page - 1) * rows
    if sort:
        state = file.stat()
        order = _order(file, state.st_mtime_ns, state.st_size, sort, descending=descending)
        numbers = order[first : first + rows]
    else:
        numbers = np.arange(first, min(first + rows, table.total))
    values = [_taken(table, name, numbers) for name in table.columns]
    return {
        "total": table.total,
        "pages": pages,
        "first": first + 1,
        "columns": [
            {"name": name, "kind": kind, "numeric": kind not in {"string", "bool"}}
            for name, kind in table.columns.items()
        ],
        "rows": [list(row) for row in zip(*values, strict=True)],
    }


class _Table(Protocol):
    """A file of candidates: its columns by name with their kinds, and the number of its rows."""

    columns: dict[str, str]
    total: int

    def close(self) -> None: ...

    def segments(
        self, column: str, start: int, stop: int
    ) -> Iterator[tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_]]]:
        """Yields the row, the values and which are missing, for parts of a column in order."""


def _opened(file: Path) -> _Table:
    return _Parquet(file) if file.suffix == ".parquet" else _Root(file)


class _Root:
    def __init__(self, file: Path) -> None:
        import uproot

        self._file = uproot.open(file)
        self._tree = self._file["candidates"]
        self.total = int(self._tree.num_entries)
        self.columns = {branch.name: _kind(branch.typename) for branch in self._tree.branches}

    def close(self) -> None:
        self._file.close()

    def segments(
        self, column: str, start: int, stop: int
    ) -> Iterator[tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_]]]:
        branch = self._tree[column]
        for begin in range(start, stop, _SEGMENT):
            part = branch.array(entry_start=begin, entry_stop=min(begin + _SEGMENT, stop))
            texts = self.columns[column] == "string"
            values = np.array(part.tolist(), object) if texts else part.to_numpy()
            yield begin, values, _not_numbers(values)


class _Parquet:
    def __init__(self, file: Path) -> None:
        import pyarrow.parquet as pq

        self._file = pq.ParquetFile(file)
        self.total = int(self._file.metadata.num_rows)
        self.columns = {one.name: _kind(str(one.type)) for one in self._file.schema_arrow}

    def close(self) -> None:
        self._file.close()

    def segments(
        self, column: str, start: int, stop: int
    ) -> Iterator[tuple[int, npt.NDArray[Any], npt.NDArray[np.bool_]]]:
        metadata, groups, begin, row = self._file.metadata, [], 0, None
        for group in range(metadata.num_row_groups):
            end = begin + metadata.row_group(group).num_rows
            if begin < stop and end > start:
                row = begin if row is None else row
                groups.append(group)
            begin = end
        if row is None:
            return
        for batch in self._file.iter_batches(_SEGMENT, groups, columns=[column]):
            end = row + batch.num_rows
            if row < stop and end > start:
                inside = batch.column(0).slice(max(start - row, 0), stop - max(start, row))
                missing = np.asarray(inside.is_null())
                values = self._values(inside, self.columns[column])
                yield max(start, row), values, missing | _not_numbers(values)
            row = end

    @staticmethod
    def _values(part: Any, kind: str) -> npt.NDArray[Any]:
        if kind == "string":
            return np.array(part.fill_null("").to_pylist(), object)
        zero = False if kind == "bool" else 0
        filled = part.fill_null(zero) if part.null_count else part
        return np.asarray(filled.to_numpy(zero_copy_only=False))


def _kind(text: str) -> str:
    """Returns `string`, or the name of a type as the file has it."""
    return "string" if "string" in text or text == "char*" else text


def _not_numbers(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    return np.isnan(values) if values.dtype.kind == "f" else np.zeros(len(values), np.bool_)


def _taken(table: _Table, column: str, numbers: npt.NDArray[np.int64]) -> list[Any]:
    """Returns the values of some rows of a column, in their order."""
    found: dict[int, Any] = {}
    for start, stop in _ranges(numbers):
        for begin, values, missing in table.segments(column, start, stop):
            inside = numbers[(numbers >= begin) & (numbers < begin + len(values))]
            for number in inside.tolist():
                place = number - begin
                found[number] = None if missing[place] else _plain(values[place])
    return [found[number] for number in numbers.tolist()]


def _ranges(numbers: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yields ranges of rows that hold all of the numbers, at most one per segment."""
    ordered = np.sort(numbers)
    for one in np.split(ordered, np.flatnonzero(np.diff(ordered // _SEGMENT)) + 1):
        if len(one):
            yield int(one[0]), int(one[-1]) + 1


def _plain(value: Any) -> Any:
    # The shortest text of a float32 is that of its own type, not of the double of the same value.
    if isinstance(value, np.float32 | np.float16):
        return float(str(value))
    return value.item() if isinstance(value, np.generic) else value


@lru_cache(maxsize=1)
def _order(
    file: Path,
    changed: int,  # noqa: ARG001 - another file is not that of before
    size: int,  # noqa: ARG001
    column: str,
    *,
    descending: bool,
) -> npt.NDArray[np.int64]:
    """Returns the numbers of the rows in the order of a column; only the last order is kept."""
    with closing(_opened(file)) as table:
        texts = table.columns[column] == "string"
        codes: dict[str, int] = {}  # texts are held once, however many rows have them
        found = [
            (_coded(values, codes) if texts else values, absent)
            for _, values, absent in table.segments(column, 0, table.total)
        ]
    if not found:
        return np.zeros(0, np.int64)
    values, absent = (np.concatenate(one) for one in zip(*found, strict=True))
    if texts:
        ranks = np.empty(len(codes), np.int64)
        ranks[[codes[text] for text in sorted(codes)]] = np.arange(len(codes))
        values = ranks[values]
    present = np.flatnonzero(~absent)
    if descending:  # backwards, so that equal values keep the order of the file
        order = present[::-1][np.argsort(values[present][::-1], kind="stable")][::-1]
    else:
        order = present[np.argsort(values[present], kind="stable")]
    return np.concatenate([order, np.flatnonzero(absent)])


def _coded(texts: npt.NDArray[Any], codes: dict[str, int]) -> npt.NDArray[np.int64]:
    numbers = (codes.setdefault(text, len(codes)) for text in texts)
    return np.fromiter(numbers, np.int64, len(texts))
