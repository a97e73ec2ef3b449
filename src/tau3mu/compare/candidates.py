"""The differences of candidates, row by row."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import awkward as ak
import numpy as np

from tau3mu.compare.numbers import differ
from tau3mu.compare.rows import match_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from tau3mu.compare.rows import Matched
    from tau3mu.compare.sides import Pair

__all__ = [
    "EVENT", "POSITIONS", "CandidatesDifference", "Column", "ColumnDifference", "column_difference",
    "columns_of", "compare_candidates", "events_alone", "keys_of_rows",
]  # fmt: skip

EVENT: Final = ("run", "lumi", "event")
POSITIONS: Final = ("triplet", "subentry")
"""Columns that say which candidate of its event a row is."""

_NUMBERED: Final = {"run", "event"}
"""Without them a row cannot be found; tables of users often leave out the luminosity section."""
_APART: Final = ("dataset", "file")


@dataclass(frozen=True)
class Column:
    """A column as NumPy has it.

    Attributes:
        values: One per row; anything where it is missing.
        missing: Which are missing.
        kind: The type.
    """

    values: npt.NDArray[Any]
    missing: npt.NDArray[np.bool_]
    kind: str


@dataclass(frozen=True)
class ColumnDifference:
    """How a column differs in the rows that both sides have.

    Attributes:
        name: Of the column.
        rows: In how many rows it differs.
        largest: The largest difference of two numbers, None if there are none.
        kinds: The types of both sides if they are not the same, None else; an empty one says that
            a side does not have the column.
        first: The keys of the first such row.
        a: The value there on the one side; None if it is missing.
        b: That on the other side.
    """

    name: str
    rows: int
    largest: float | None = None
    kinds: tuple[str, str] | None = None
    first: Mapping[str, Any] = field(default_factory=dict)
    a: Any = None
    b: Any = None


@dataclass(frozen=True)
class CandidatesDifference:
    """How the candidates of a processor differ.

    Attributes:
        processor: Its name, or those of both sides.
        keys: The columns by which rows are matched. Rows of equal keys, or all of a dataset if
            there are no numbers of events, are matched in their order.
        rows: How many rows the sides have.
        common: How many of them are in both.
        only_a: The keys of the rows of the one side alone, a column for each.
        only_b: Those of the other side alone.
        events: How many events each side has alone; None if the rows have no numbers of events. An
            event of which both sides have other candidates is not alone.
        columns: The columns that differ.
        order: Whether the common rows stand in the same order.
        strict: Whether the order counts.
    """

    processor: str
    keys: tuple[str, ...]
    rows: tuple[int, int]
    common: int
    only_a: Mapping[str, npt.NDArray[Any]]
    only_b: Mapping[str, npt.NDArray[Any]]
    events: tuple[int, int] | None = None
    columns: tuple[ColumnDifference, ...] = ()
    order: bool = True
    strict: bool = False

    @property
    def same(self) -> bool:
        """Whether there is no difference."""
        alone = self.rows != (self.common, self.common)
        return not (alone or self.columns or (self.strict and not self.order))

    @property
    def alone(self) -> tuple[int, int]:
        """How many rows each side has alone."""
        return self.rows[0] - self.common, self.rows[1] - self.common


def compare_candidates(pair: Pair, *, strict: bool) -> CandidatesDifference | None:
    """Returns how the candidates of a processor differ, None if a side does not have it.

    Args:
        pair: The processor.
        strict: Whether every bit and the order count; else floats may differ by their rounding.
    """
    if pair.a is None or pair.b is None:
        return None
    a, b = pair.a.candidates, pair.b.candidates
    keys = keys_of_rows(a, b)
    left, right = (columns_of(one, [n for n in one.fields if n != "file"]) for one in (a, b))
    matched = match_rows(_key_columns(left, keys, len(a)), _key_columns(right, keys, len(b)))
    found = []
    for name in dict.fromkeys([*a.fields, *b.fields]):
        if name in keys or name in _APART:
            continue
        if name not in left or name not in right:
            kinds = tuple(side[name].kind if name in side else "" for side in (left, right))
            found.append(ColumnDifference(name, 0, kinds=(kinds[0], kinds[1])))
        elif one := column_difference(
            name, left[name], right[name], matched, {key: left[key].values for key in keys},
            strict=strict,
        ):  # fmt: skip
            found.append(one)
    return CandidatesDifference(
        pair.name,
        keys,
        (len(a), len(b)),
        len(matched.a),
        {key: left[key].values[matched.only_a] for key in keys},
        {key: right[key].values[matched.only_b] for key in keys},
        events_alone(*({key: side[key].values for key in keys} for side in (left, right))),
        tuple(found),
        order=bool(np.all(matched.b[1:] > matched.b[:-1])),
        strict=strict,
    )


def keys_of_rows(a: ak.Array, b: ak.Array) -> tuple[str, ...]:
    """Returns the columns by which rows are matched.

    The dataset is one of them unless the two sides have none in common, which then have other names
    for the same events.

    Args:
        a: The candidates of the one side.
        b: Those of the other side.
    """
    both = set(a.fields) & set(b.fields)
    keys: list[str] = []
    if "dataset" in both and (_same_names(a["dataset"], b["dataset"])):
        keys.append("dataset")
    if both >= _NUMBERED:
        keys += [name for name in EVENT if name in both]
        keys += [name for name in POSITIONS if name in both]
    return tuple(keys)


def events_alone(
    a: Mapping[str, npt.NDArray[Any]], b: Mapping[str, npt.NDArray[Any]]
) -> tuple[int, int] | None:
    """Returns how many events each side has alone, None if there are no numbers of events.

    Args:
        a: The keys of the rows of the one side.
        b: Those of the other side.
    """
    names = [name for name in a if name not in POSITIONS]
    if not set(names) >= _NUMBERED:
        return None
    sides = [_distinct([side[name] for name in names]) for side in (a, b)]
    matched = match_rows(*sides)
    return len(matched.only_a), len(matched.only_b)


def _distinct(columns: list[npt.NDArray[Any]]) -> list[npt.NDArray[Any]]:
    order = np.lexsort(columns[::-1])
    ordered = [column[order] for column in columns]
    new = np.ones(len(order), np.bool_)
    if len(order):
        new[1:] = np.any([column[1:] != column[:-1] for column in ordered], axis=0)
    return [column[new] for column in ordered]


def _same_names(a: ak.Array, b: ak.Array) -> bool:
    names = [set(np.unique(ak.to_numpy(one)).tolist()) for one in (a, b)]
    return not all(names) or bool(names[0] & names[1])


def columns_of(rows: ak.Array, names: Sequence[str]) -> dict[str, Column]:
    """Returns columns as NumPy has them.

    Args:
        rows: The candidates.
        names: Which columns.
    """
    found = {}
    for name in names:
        array = rows[name]
        kind = str(array.type.content)
        values = ak.to_numpy(array)
        missing = np.ma.getmaskarray(values)
        found[name] = Column(np.ma.getdata(values), missing, kind.lstrip("?"))
    return found


def _key_columns(
    columns: Mapping[str, Column], keys: Sequence[str], length: int
) -> list[npt.NDArray[Any]]:
    return [columns[key].values for key in keys] or [np.zeros(length, np.int64)]


def column_difference(
    name: str,
    a: Column,
    b: Column,
    matched: Matched,
    keys: Mapping[str, npt.NDArray[Any]],
    *,
    strict: bool,
    other: npt.NDArray[np.bool_] | None = None,
) -> ColumnDifference | None:
    """Returns how a column differs in matched rows, None if it does not.

    Args:
        name: Of the column.
        a: The column of the one side.
        b: That of the other side.
        matched: Which rows belong together.
        keys: Those of the one side, by which rows are named.
        strict: Whether every bit and the type count.
        other: Which of the values differ, if something else than `differ` decides.
    """
    left, right = a.values[matched.a], b.values[matched.b]
    missing = a.missing[matched.a], b.missing[matched.b]
    if other is None:
        other = differ(left, right, strict=strict)
    other = np.where(missing[0] | missing[1], _missing(a, b, matched), other)
    kinds = (a.kind, b.kind) if a.kind != b.kind else None
    if not other.any():
        return ColumnDifference(name, 0, kinds=kinds) if kinds and strict else None
    first = int(np.flatnonzero(other)[0])
    return ColumnDifference(
        name,
        int(np.count_nonzero(other)),
        _largest(left, right, other & ~(missing[0] | missing[1])),
        kinds,
        {key: values[matched.a[first]].item() for key, values in keys.items()},
        None if missing[0][first] else left[first].item(),
        None if missing[1][first] else right[first].item(),
    )


def _missing(a: Column, b: Column, matched: Matched) -> npt.NDArray[np.bool_]:
    """Returns which rows have a value on one side alone; NaN is a missing one."""
    sides = []
    for column, rows in ((a, matched.a), (b, matched.b)):
        values, missing = column.values[rows], column.missing[rows]
        sides.append(missing | np.isnan(values) if values.dtype.kind == "f" else missing)
    return np.asarray(sides[0] != sides[1])


def _largest(
    a: npt.NDArray[Any], b: npt.NDArray[Any], other: npt.NDArray[np.bool_]
) -> float | None:
    if a.dtype.kind not in "iuf" or b.dtype.kind not in "iuf":
        return None
    with np.errstate(invalid="ignore"):
        apart = np.abs(a[other].astype(np.float64) - b[other].astype(np.float64))
    apart = apart[~np.isnan(apart)]
    return float(apart.max()) if len(apart) else None
