"""Short views of datasets: the first entries of every file, the same ones each time."""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Final

from tau3mu.errors import InputError

__all__ = ["check_fraction", "split_view", "view_entries"]

_MARK: Final = "@short:"
_NUMBER: Final = re.compile(r"\d*\.?\d*(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE)


def split_view(text: str) -> tuple[str, float]:
    """Returns the name and the fraction of `NAME@short:FRACTION`, 1 without one.

    Args:
        text: The name of a dataset or of a dataset file.

    Raises:
        InputError: The fraction is not a number above 0 and up to 1.
    """
    name, mark, given = text.rpartition(_MARK)
    if not mark:
        return text, 1.0
    try:
        fraction = float(given) if _NUMBER.fullmatch(given) else math.nan
    except ValueError:
        fraction = math.nan
    check_fraction(fraction, text, given)
    return name, fraction


def check_fraction(fraction: float, name: str, given: object = None) -> None:
    """Checks the fraction of a short view.

    Args:
        fraction: Of the events of each file.
        name: Of which dataset.
        given: How the fraction was written.

    Raises:
        InputError: It is not above 0 and up to 1.
    """
    if not 0 < fraction <= 1:
        shown = fraction if given is None else repr(given)
        message = (
            f"dataset {name!r}: its fraction is {shown}, expected a number above 0 and up to 1, "
            f"such as NAME{_MARK}0.01"
        )
        raise InputError(message, code="dataset.bad-fraction", path=name)


def view_entries(entries: int, fraction: float) -> int:
    """Returns how many entries of a file are in a view.

    Args:
        entries: Of the whole file.
        fraction: That of the view.
    """
    exact = _exact(float(fraction))
    return -(-entries * exact.numerator // exact.denominator)


@lru_cache
def _exact(fraction: float) -> Fraction:
    """Returns a fraction as it is written: 0.1 of 30 is 3, although the float is a little more."""
    return Fraction(repr(fraction))
