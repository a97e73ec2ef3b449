"""The differences of candidates and the list of events of another group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np

from tau3mu.compare.candidates import (
    EVENT,
    POSITIONS,
    CandidatesDifference,
    Column,
    column_difference,
    columns_of,
    events_alone,
)
from tau3mu.compare.rows import match_rows
from tau3mu.errors import InputError

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.compare.candidates import ColumnDifference
    from tau3mu.compare.event_list import EventList
    from tau3mu.compare.rows import Matched
    from tau3mu.run import ProcessorResults

__all__ = ["compare_with_list"]


def compare_with_list(results: ProcessorResults, listed: EventList) -> CandidatesDifference:
    """Returns how candidates and the events of a list differ.

    Columns of the same names are compared to one unit of the last digit that the list gives. Where
    an event has several rows, those of the same position belong together if both sides say it.

    Args:
        results: Of a processor.
        listed: The events of others.

    Raises:
        InputError: The candidates have no numbers of events, or texts of the list are not numbers
            where the candidates have some.
    """
    rows = results.candidates
    if missing := [name for name in EVENT if name not in rows.fields]:
        message = (
            f"the candidates of {results.name} have no column {', '.join(missing)}: they cannot be "
            "compared with a list of events; let the processor read run, lumi and event"
        )
        raise InputError(message, code="compare.no-event-numbers", path=results.folder)
    common = [name for name in rows.fields if name in listed.columns]
    ours = columns_of(rows, [*EVENT, *common])
    keys: tuple[str, ...] = EVENT
    left: list[npt.NDArray[Any]] = [ours[name].values for name in EVENT]
    right: list[npt.NDArray[Any]] = [listed.numbers[name] for name in EVENT]
    position = next((name for name in POSITIONS if name in common), None)
    if position and (_repeated(left) or _repeated(right)):
        keys = (*EVENT, position)
        left.append(ours[position].values.astype(np.float64))
        right.append(listed.values(position)[0])
    matched = match_rows(left, right)
    names = dict(zip(keys, left, strict=True))
    found = [
        _difference(name, ours[name], listed, matched, names) for name in common if name not in keys
    ]
    return CandidatesDifference(
        results.name,
        keys,
        (len(rows), len(listed)),
        len(matched.a),
        {key: values[matched.only_a] for key, values in names.items()},
        {key: values[matched.only_b] for key, values in zip(keys, right, strict=True)},
        events_alone(dict(zip(EVENT, left, strict=False)), dict(listed.numbers)),
        tuple(one for one in found if one),
    )


def _repeated(columns: list[npt.NDArray[Any]]) -> bool:
    stacked = np.stack([column.astype(np.int64) for column in columns], axis=1)
    return len(np.unique(stacked, axis=0)) < len(stacked)


def _difference(
    name: str,
    ours: Column,
    listed: EventList,
    matched: Matched,
    keys: dict[str, npt.NDArray[Any]],
) -> ColumnDifference | None:
    if ours.values.dtype.kind not in "iufb":
        texts = ak.to_numpy(ak.Array(list(listed.columns[name])))
        theirs = Column(texts, np.zeros(len(texts), np.bool_), ours.kind)
        return column_difference(name, ours, theirs, matched, keys, strict=True)
    values, units = listed.values(name)
    theirs = Column(values, np.isnan(values), ours.kind)
    mine = ours.values[matched.a].astype(np.float64)
    with np.errstate(invalid="ignore"):
        # Half a unit more than rounding needs, so that digits that were cut off are right, too.
        far = np.abs(mine - values[matched.b]) > units[matched.b] * (1 + 1e-9)
    other = far | (np.isnan(mine) != np.isnan(values[matched.b]))
    return column_difference(name, ours, theirs, matched, keys, strict=False, other=other)
