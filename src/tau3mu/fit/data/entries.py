"""Single entries: the values of a column that pass a cut, with their weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import awkward as ak
import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.data.columns import not_numbers

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tau3mu.fit.data.source import Values
    from tau3mu.fit.expressions import Cut

__all__ = ["Entries", "entries_of", "names_of"]


class Entries(NamedTuple):
    """The entries of a column.

    Attributes:
        data: The values and weights of those that pass the cut.
        passed: Which of all entries these are, None without a cut.
        warning: What a user should know of the column.
    """

    data: Values
    passed: np.ndarray | None = None
    warning: str = ""


def names_of(column: str, weight: str | None, cut: Cut | None) -> list[str]:
    """Returns the columns that are read, each once."""
    return list(dict.fromkeys((column, *([weight] if weight else []), *(cut.names if cut else ()))))


def entries_of(
    columns: Mapping[str, Any], column: str, weight: str | None, cut: Cut | None, what: str
) -> Entries:
    """Returns values and weights one by one, of those entries for which a cut is true.

    A list per event is flattened with `ak.flatten`: each of its items counts. A weight, or a
    column of the cut, with one number per event is that of all items of the event. A missing
    number becomes NaN, an empty or missing list nothing.

    Args:
        columns: By name; those that are asked for are there.
        column: What is fitted.
        weight: The column of the weights, if there is one.
        cut: On columns of these.
        what: The column, for messages.

    Raises:
        InputError: A column is not of numbers, or has others entries than the one that is fitted.
    """
    # Filled first: to broadcast would carry what is missing from one to the other.
    values = _filled(columns[column], what)
    weights = None if weight is None else _like(values, columns[weight], f"the weight of {what}")
    warning = ""
    if values.ndim > 1:
        items = len(ak.flatten(values, axis=None))
        warning = f"{what} has lists: each of their {items} items counts as an entry"
    flat = _flattened(values)
    if cut is None:
        return Entries((flat, weights), None, warning)
    known = {
        name: flat
        if name == column
        else _like(values, columns[name], f"{name!r}, which cuts {what}")
        for name in cut.names
    }
    passed = np.asarray(cut.evaluate(known), dtype=np.bool_)
    if len(flat) and not passed.any():
        message = f"{what}: none of the {len(flat)} entries passes the cut {cut.text!r}"
        raise InputError(message, code="fit.nothing-passes", path="input.cut")
    kept = None if weights is None else weights[passed]
    return Entries((flat[passed], kept), passed, warning)


def _like(values: ak.Array, other: Any, what: str) -> np.ndarray:
    """Returns a column with one number for each entry of the values."""
    other = _filled(other, what, kinds=("float", "int", "uint", "bool"))
    if other.ndim <= values.ndim:  # lists for numbers would repeat the numbers
        try:
            return _flattened(ak.broadcast_arrays(values, other)[1])
        except ValueError:
            pass
    message = (
        f"{what} has the type {other.type}, but the column that is fitted {values.type}; expected "
        "a number for each of its entries, or for each of its lists"
    )
    raise InputError(message, code="fit.entries-differ", path=what)


def _filled(given: Any, what: str, kinds: tuple[str, ...] = ("float", "int", "uint")) -> ak.Array:
    # Arrays of a fixed size would be broadcast as NumPy does it, from the last axis.
    array = ak.from_regular(ak.Array(given), axis=None)
    kind = str(array.type)
    # The innermost type: "3 * var * ?float64" holds floats.
    if not kind.rpartition(" * ")[2].removeprefix("?").startswith(kinds):
        raise not_numbers(what, kind)
    return ak.fill_none(array, np.nan, axis=-1)


def _flattened(array: ak.Array) -> np.ndarray:
    return np.asarray(ak.to_numpy(ak.flatten(array, axis=None)), dtype=np.float64)
