"""The names of parameters in dq_fitter, which may also be formulas or labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from tau3mu.errors import InputError
from tau3mu.fit.expressions import ExpressionError, parse

__all__ = ["Entry", "NamedParameter", "plain_name", "read_parameter", "ties", "words"]

_NAME = re.compile(r"[^\W\d][\w#^~.+/{}-]*")  # RooFit takes more characters than fit files
_LABEL = re.compile(rf"@({_NAME.pattern})@?")
_TIE = re.compile(rf"(sum|prod)::({_NAME.pattern})\((.+)\)")
_SIGNS = {"sum": " + ", "prod": " * "}

Entry = dict[str, Any]  # a parameter in a fit file


@dataclass(frozen=True)
class NamedParameter:
    """A parameter that dq_fitter has in the place of a name.

    Attributes:
        name: The name, as the file has it.
        entry: The parameter in a fit file.
        labels: Those from which a formula takes its numbers.
        others: All other names in a formula.
    """

    name: str
    entry: Entry
    labels: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def plain_name(text: str) -> str:
    """Returns a name without the characters, such as ROOT's #, that a fit file does not allow.

    Args:
        text: A name in RooFit.
    """
    name = re.sub(r"[^A-Za-z0-9_]+", "_", text.replace("#", ""))
    return name if name[:1].isalpha() else f"x{name}"


def read_parameter(text: str, value: float, limits: tuple[float, float]) -> NamedParameter:
    """Returns the parameter that a text stands for.

    - `mean` is free within the limits, from the value or the limit that is nearest to it, and
      fixed if the limits are equal;
    - `@mean@` and `@mean` take the value of the bin with this label;
    - `sum::mean2(mean,0.589)` and `prod::width2(@width@,1.05)` are formulas of numbers, names and
      labels.

    Args:
        text: The name in the file.
        value: The start value; without meaning for labels and formulas, as are the limits.
        limits: The lower and the upper limit.

    Raises:
        InputError: The text is none of these, or the limits are the wrong way round.
    """
    text = text.strip()
    if (tie := _TIE.fullmatch(text)) is not None:
        return _formula(text, *tie.groups())
    if (label := _LABEL.fullmatch(text)) is not None:
        return NamedParameter(label[1], {"value": f"@{label[1]}"})
    if not _NAME.fullmatch(text):
        message = f"expected a name, @label@, sum::name(a,b) or prod::name(a,b), got {text!r}"
        raise InputError(message, code="wrong-name")
    lower, upper = limits
    if lower > upper:
        message = f"the lower limit {lower:g} of {text} is not below the upper limit {upper:g}"
        raise InputError(message, code="wrong-order")
    if lower == upper:
        return NamedParameter(text, {"value": value, "fixed": True})
    start = min(max(value, lower), upper)
    return NamedParameter(text, {"value": start, "limits": [lower, upper]})


def _formula(text: str, sign: str, name: str, inner: str) -> NamedParameter:
    terms, labels, others = [], [], []
    for argument in (part.strip() for part in inner.split(",")):
        if _is_number(argument):
            terms.append(argument)
        elif (label := _LABEL.fullmatch(argument)) is not None:
            labels.append(label[1])
            terms.append(plain_name(label[1]))
        elif _NAME.fullmatch(argument):
            others.append(argument)
            terms.append(plain_name(argument))
        else:
            message = f"{text!r}: expected numbers and names, got {argument!r}"
            raise InputError(message, code="wrong-expression")
    expression = _SIGNS[sign].join(terms).replace("+ -", "- ")
    try:
        parse(expression)
    except ExpressionError as error:
        message = f"{text!r}: {error}"
        raise InputError(message, code="wrong-expression") from error
    return NamedParameter(name, {"expression": expression}, tuple(labels), tuple(others))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def ties(entry: Entry) -> tuple[str, ...]:
    """Returns the names in the formula of a parameter.

    Args:
        entry: A parameter in a fit file.
    """
    return parse(entry["expression"]).names if "expression" in entry else ()


def words(entry: Entry) -> str:
    """Returns a parameter in words, for messages.

    Args:
        entry: A parameter in a fit file.
    """
    if "expression" in entry:
        return str(entry["expression"])
    if "limits" in entry:
        lower, upper = entry["limits"]
        return f"{entry['value']:g} in {lower:g} to {upper:g}"
    return f"{entry['value']}"
