"""How numbers are written for people."""

from __future__ import annotations

import math

__all__ = ["decimals", "minus"]


def decimals(error: float) -> int:
    """Returns how many digits after the point two digits of an error need."""
    return max(0, 1 - math.floor(math.log10(error)))


def minus(number: str) -> str:
    """Returns a number with the minus sign that ticks have, instead of hyphens."""
    return number.replace("-", "−")
