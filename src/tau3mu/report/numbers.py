"""Numbers with their errors as texts."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["mark_of", "parameter_text", "quantity_text", "rounded"]

_MOST_DIGITS: Final = 8  # before or after the point; beyond, powers of ten are easier to read


def rounded(value: float, error: float) -> str:
    """Returns a value and its error, both to two digits of the error."""
    if not math.isfinite(value) or not math.isfinite(error):
        return f"{value:.4g} ± {error:.4g}"
    if error == 0:
        return f"{value:.4g} ± 0"
    exponent = math.floor(math.log10(error))
    digits = max(0, 1 - exponent)
    if digits > _MOST_DIGITS or exponent > _MOST_DIGITS:
        scale = 10.0**exponent
        return f"({value / scale:.1f} ± {error / scale:.1f})e{exponent:+d}"
    return f"{value:.{digits}f} ± {error:.{digits}f}"


def quantity_text(value: float, error: float | None) -> str:
    """Returns a value and its error, or the value alone where there is no error."""
    return f"{value:.4g}" if error is None else rounded(value, error)


def parameter_text(value: float, error: float | None, *, fixed: bool, at_limit: bool) -> str:
    """Returns the value and the error of a parameter, or why there is no error."""
    if error is None:
        reason = "fixed" if fixed else "at limit" if at_limit else "no error"
        return f"{value:.4g} ({reason})"
    return rounded(value, error)


def mark_of(
    value: float | None,
    error: float | None,
    limits: tuple[float | None, float | None] | None,
    *,
    at_limit: bool,
) -> str:
    """Returns why the value of a parameter is not a measurement, "" if nothing speaks against it.

    Args:
        value: At the minimum.
        error: Its error, None if it has none.
        limits: The lowest and the highest allowed value.
        at_limit: Whether it lies at one of them.
    """
    low, high = limits or (None, None)
    if value is None or low is None or high is None:
        return ""
    if at_limit:
        return f"at its {'lower' if value - low < high - value else 'upper'} limit"
    if error is not None and error > (high - low) / 2:
        return "not determined"
    return ""
