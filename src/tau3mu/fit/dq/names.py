"""How dq_fitter writes the name of a parameter, which may also be a formula or a label."""

from __future__ import annotations

import re
from typing import Any

from tau3mu.errors import InputError
from tau3mu.fit.expressions import ExpressionError, parse

__all__ = ["Entry", "read_parameter", "ties", "words"]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_TIE = re.compile(r"(sum|prod)::([A-Za-z][A-Za-z0-9_]*)\((.+)\)")
_SIGNS = {"sum": " + ", "prod": " * "}

Entry = dict[str, Any]  # what a fit file says of a parameter


def read_parameter(
    text: str, value: float, limits: tuple[float, float], where: str
) -> tuple[str, Entry]:
    """Returns the name of a parameter and what a fit file says of it.

    - `mean` is free within the limits, from the value or the limit that is nearest to it, and
      fixed if the limits are equal;
    - `@mean@` and `@mean` take the value of the bin with this label;
    - `sum::mean2(mean,0.589)` and `prod::width2(width,1.05)` are formulas of numbers and names.

    Args:
        text: What the file has as the name.
        value: The start value; of no meaning for labels and formulas, as are the limits.
        limits: The lower and the upper limit.
        where: The file and the place in it, for messages.

    Raises:
        InputError: The text is none of these, or the limits are the wrong way round.
    """
    if (tie := _TIE.fullmatch(text.strip())) is not None:
        sign, name, inner = tie.groups()
        return name, {"expression": _expression(sign, inner, f"{where}: {text!r}")}
    name = text.strip("@")
    if not _NAME.fullmatch(name):
        message = (
            f"{where}: {text!r} is none of: a name of letters, digits and _, @label@, "
            "sum::name(a,b), prod::name(a,b)"
        )
        raise InputError(message)
    if text.startswith("@"):
        return name, {"value": f"@{name}"}
    lower, upper = limits
    if lower > upper:
        message = f"{where}: {name} has the limits {lower:g} to {upper:g}, the wrong way round"
        raise InputError(message)
    if lower == upper:
        return name, {"value": value, "fixed": True}
    return name, {"value": min(max(value, lower), upper), "limits": [lower, upper]}


def _expression(sign: str, inner: str, where: str) -> str:
    arguments = [argument.strip() for argument in inner.split(",")]
    for argument in arguments:
        if not _NAME.fullmatch(argument) and not _is_number(argument):
            message = f"{where}: {argument!r} is neither a number nor a name"
            raise InputError(message)
    expression = _SIGNS[sign].join(arguments).replace("+ -", "- ")
    try:
        parse(expression)
    except ExpressionError as error:
        message = f"{where}: {error}"
        raise InputError(message) from error
    return expression


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def ties(entry: Entry) -> tuple[str, ...]:
    """Returns the names in the formula of a parameter."""
    return parse(entry["expression"]).names if "expression" in entry else ()


def words(entry: Entry) -> str:
    """Returns what is said of a parameter, for messages."""
    if "expression" in entry:
        return str(entry["expression"])
    if "limits" in entry:
        lower, upper = entry["limits"]
        return f"{entry['value']:g} in {lower:g} to {upper:g}"
    return f"{entry['value']}"
