"""How numbers are written for people."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tau3mu.fit.fitting.result import ParameterResult, Quantity

__all__ = ["decimals", "minus", "value_text"]

_LARGE, _SMALL, _TINY = 1e5, 1e-4, 1e-2  # of an uncertainty and, if small, of the value
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimals(error: float) -> int:
    """Returns how many digits after the point two digits of an error need."""
    return max(0, 1 - math.floor(math.log10(error)))


def minus(number: str) -> str:
    """Returns a number with the minus sign that ticks have, instead of hyphens."""
    return number.replace("-", "−")


def value_text(found: ParameterResult | Quantity) -> str:
    """Returns a value and its uncertainty for plots, the asymmetric ones of Minos if known."""
    value, error = found.value, found.error
    minos = getattr(found, "minos", None)
    if not error or not math.isfinite(error) or not math.isfinite(value):
        return minus(found.text)
    largest = max(abs(value), error)
    as_power = error >= _LARGE or (error < _SMALL and largest < _TINY)
    powers = math.floor(math.log10(largest)) if as_power else 0
    scale = 10.0**powers
    digits = decimals(error / scale)
    text = f"{value / scale:.{digits}f}"
    if minos is not None and all(math.isfinite(shift) for shift in minos):
        down, up = (f"{abs(shift) / scale:.{digits}f}" for shift in minos)
        text += f"$^{{+{up}}}_{{-{down}}}$"
    else:
        text = f"{text} ± {error / scale:.{digits}f}"
    if powers:
        text = f"({text})×10{str(powers).translate(_RAISED)}"
    head, dollar, tail = text.partition("$")
    return minus(head) + dollar + tail
