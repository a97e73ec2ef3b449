"""Numbers as text."""

from __future__ import annotations

import math
import re
import unicodedata
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tau3mu.fit.fitting.result import ParameterResult, Quantity

__all__ = ["decimals", "math_scripts", "minus", "value_text"]

_LARGE, _SMALL, _TINY = 1e5, 1e-4, 1e-2  # of an uncertainty and, if small, of the value
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def decimals(error: float) -> int:
    """Returns how many digits after the point two digits of an error need.

    Args:
        error: Above 0.
    """
    return max(0, 1 - math.floor(math.log10(error)))


def minus(number: str) -> str:
    """Returns a number with the minus sign that ticks have, instead of hyphens.

    Args:
        number: A formatted number.
    """
    return number.replace("-", "−")


def math_scripts(text: str) -> str:
    """Returns a text in which formulas raise and lower letters, if it has formulas at all.

    Beside formulas, matplotlib takes all letters from the fonts of these, which lack ⁻ or ₛ.

    Args:
        text: With formulas of matplotlib.
    """
    if "$" not in text:
        return text
    parts = re.split(r"(\$[^$]*\$)", text)
    return "".join(part if part.startswith("$") else _scripts(part) for part in parts)


def _scripts(text: str) -> str:
    result = ""
    for kind, group in groupby(text, lambda letter: unicodedata.decomposition(letter)[:5]):
        letters = "".join(group)
        mark = {"<supe": "^", "<sub>": "_"}.get(kind)
        plain = unicodedata.normalize("NFKC", letters)
        result += letters if mark is None else f"${mark}{{\\mathrm{{{plain}}}}}$"
    return result


def value_text(found: ParameterResult | Quantity) -> str:
    """Returns a value and its uncertainty for plots, the asymmetric ones of Minos if known.

    Args:
        found: A value with its error.
    """
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
