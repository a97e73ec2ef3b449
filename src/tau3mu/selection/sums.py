"""Sums of floats that do not depend on the order of the terms, nor on how they were grouped."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.selection.rows import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["exact_sum", "rounded_sum"]

_EXACT = 2.0**53
"""Whole numbers below this are floats without rounding."""

_LOW_BITS = 27


def exact_sum(values: Any) -> tuple[float, ...]:
    """Returns floats whose exact sum is that of the values, the largest part first.

    The first one is the sum rounded to a float. There is none if the sum is zero, and NaN or an
    infinity alone if one is among the values.

    Args:
        values: Numbers in one dimension; missing ones count as zero.

    Raises:
        TypeError: They are not such numbers, such as lists or a text.
    """
    array = np.ma.filled(plain(values), 0)
    if array.ndim != 1 or array.dtype.kind not in "biuf" or isinstance(values, str | bytes):
        kind = f"{array.ndim} dimensions of {array.dtype}"
        message = f"expected one weight per event, one dimension of numbers, not {kind}"
        raise TypeError(message)
    array = array.astype(np.float64, copy=False)
    with np.errstate(invalid="ignore", over="ignore"):
        total = float(array.sum())
    if not math.isfinite(total):
        return (total,)
    if np.abs(array).sum() < _EXACT and np.array_equal(array, np.rint(array)):
        return (total,) if total else ()
    return _parts(_by_exponent(array))


def rounded_sum(parts: Iterable[float]) -> float:
    """Returns the sum of floats, rounded once, whatever their order."""
    every = list(parts)
    if all(map(math.isfinite, every)):
        try:
            return math.fsum(every)
        except OverflowError:
            pass
    with np.errstate(invalid="ignore", over="ignore"):
        return float(np.sum(every))


def _by_exponent(array: np.ndarray) -> list[float]:
    """Returns the sum of the values of each power of two, in two floats without rounding."""
    mantissa, exponent = np.frexp(array)
    whole = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = int(exponent.min())
    place = exponent - lowest
    # Sums of up to 2**26 numbers of 27 bits each are whole numbers below 2**53.
    parts = ((whole >> _LOW_BITS, _LOW_BITS - 53), (whole & (2**_LOW_BITS - 1), -53))
    return [
        math.ldexp(total, lowest + power + shift)
        for digits, shift in parts
        for power, total in enumerate(np.bincount(place, weights=digits).tolist())
        if total
    ]


def _parts(terms: list[float]) -> tuple[float, ...]:
    found = []
    rest = list(terms)
    while total := rounded_sum(rest):
        found.append(total)
        if not math.isfinite(total):
            return (total,)
        rest.append(-total)
    return tuple(found)
