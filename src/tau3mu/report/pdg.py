"""Values and errors as the Particle Data Group rounds them."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

__all__ = ["Rounded", "pdg_decimals", "pdg_rounded"]

_TWO_DIGITS: Final = 354
_ONE_DIGIT: Final = 949
_LARGE: Final = 1e7
_SMALL: Final = 1e-3


class Rounded(NamedTuple):
    """The texts of a value and of its errors, and the exponent of ten by which all are multiplied.

    The errors are without signs; the exponent is 0 as a rule.
    """

    value: str
    errors: tuple[str, ...]
    power: int


def pdg_decimals(error: float) -> int:
    """Returns how many digits after the point the rule gives, below 0 where it rounds tens.

    If the three highest digits of the error are 100 to 354, two digits are kept, from 355 to 949
    one. From 950 on, the error is rounded up to 1000, of which two digits are kept.

    Args:
        error: Above 0.
    """
    digits, _, power = f"{error:.2e}".partition("e")
    top, exponent = round(float(digits) * 100), int(power)
    return 1 - exponent if top <= _TWO_DIGITS else -exponent


def pdg_rounded(value: float, *errors: float) -> Rounded:
    """Returns a value and its errors, rounded to the digits of the smallest of these.

    Args:
        value: The value.
        errors: One, or two for the directions up and down, without signs; none or all 0 for a value
            without error, which has six digits.
    """
    known = [abs(error) for error in errors if error and math.isfinite(error)]
    if not known or not math.isfinite(value):
        return Rounded(f"{value:.6g}", tuple(f"{abs(error):.2g}" for error in errors), 0)
    largest = max(abs(value), *known)
    power = 0 if _SMALL <= largest < _LARGE else math.floor(math.log10(largest))
    decimals = max(pdg_decimals(error) for error in known) + power
    texts = [_text(number, power, decimals) for number in (value, *map(abs, errors))]
    return Rounded(texts[0], tuple(texts[1:]), power)


def _text(number: float, power: int, decimals: int) -> str:
    scaled = Decimal(repr(float(number))).scaleb(-power)
    rounded = scaled.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
    return f"{rounded:f}" if decimals > 0 else f"{int(rounded):d}"
