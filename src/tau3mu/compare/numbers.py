"""When two numbers are the same, and how far apart others are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["ROUNDING", "differ", "shown", "sigmas"]

ROUNDING: Final = 1e-12
"""Sums of floats in another order differ by less, relative to their size."""

_DIGITS: Final = (6, 9, 13, 17)


def differ(a: Any, b: Any, *, strict: bool) -> npt.NDArray[np.bool_]:
    """Returns which numbers differ; NaN is the same as NaN.

    Args:
        a: Numbers, texts or truth values.
        b: As many.
        strict: Whether every bit of a float counts, also the sign of zero; else floats are the same
            if they agree within `ROUNDING`.
    """
    a, b = np.asarray(a), np.asarray(b)
    if a.dtype.kind in "iu" and b.dtype.kind in "iu" and a.dtype != b.dtype:
        # NumPy would compare signed and unsigned numbers of 64 bits as floats.
        return np.asarray((a != b) | ((a < 0) != (b < 0)))
    other = np.asarray(a != b)
    if a.dtype.kind != "f" or b.dtype.kind != "f":
        return other
    if strict:
        other = np.asarray(other | (np.signbit(a) != np.signbit(b)))
        return np.asarray(other & ~(np.isnan(a) & np.isnan(b)))
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(a - b) <= ROUNDING * np.maximum(np.abs(a), np.abs(b))
    return np.asarray(other & ~near & ~(np.isnan(a) & np.isnan(b)))


def sigmas(
    difference: npt.NDArray[np.float64], variance: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Returns differences in units of the root of a variance.

    Args:
        difference: One number per place; NaN is infinitely far away.
        variance: The sum of both variances. Where it is zero or unknown, every difference is
            infinite.
    """
    size = np.abs(difference)
    known = variance > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        result = np.where(known, size / np.sqrt(np.where(known, variance, 1.0)), np.inf)
    result[size == 0] = 0.0
    return np.where(np.isnan(result), np.inf, result)


def shown(a: Any, b: Any) -> tuple[str, str]:
    """Returns two values as texts, with as many digits as it takes to tell them apart.

    Args:
        a: A value.
        b: Another one.
    """
    if not (isinstance(a, float) or isinstance(b, float)):
        return _text(a), _text(b)
    for digits in _DIGITS:
        texts = _text(a, digits), _text(b, digits)
        if texts[0] != texts[1]:
            break
    return texts


def _text(value: Any, digits: int = 6) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)
