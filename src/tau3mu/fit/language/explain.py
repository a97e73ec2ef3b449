"""One line for people for each thing that pydantic finds wrong in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["explain"]

_WANTED = {
    "bool_type": "true or false belongs here",
    "dict_type": "an object with keys belongs here",
    "finite_number": "a finite number belongs here",
    "float_type": "a number belongs here",
    "greater_than": "a number above {gt:g} belongs here",
    "int_from_float": "a whole number belongs here",
    "int_type": "a whole number belongs here",
    "list_type": "a list belongs here",
    "literal_error": "{expected} belongs here",
    "model_type": "an object with keys belongs here",
    "string_pattern_mismatch": "a name of letters, digits and _ that begins with a letter belongs "
    "here",
    "string_type": "text belongs here",
    "too_long": "a list of {max_length} belongs here",
    "tuple_type": "a list belongs here",
}

_LONGEST = 300


def explain(error: ValidationError, source: str) -> str:
    """Returns a line for each wrong key: the source, the path of the key, what is wanted there."""
    lines = dict.fromkeys(_line(detail) for detail in error.errors())
    return "\n".join(f"{source}: {line}" for line in lines)


def _line(detail: ErrorDetails) -> str:
    # Pydantic marks a wrong name of a key by one more step of the path.
    keys = [str(key) for key in detail["loc"] if key != "[key]"]
    if detail["type"] == "fit":
        keys += [detail["ctx"]["at"]] if detail["ctx"]["at"] else []
        problem = detail["msg"]
    elif detail["type"] == "missing":
        *keys, last = keys
        # Of the missing keys, the numbers are places in pairs.
        problem = (
            _but("a list of 2 belongs here", detail)
            if last.isdigit()
            else (f"missing key {last!r}")
        )
    elif detail["type"] in _WANTED:
        problem = _but(_WANTED[detail["type"]].format(**detail.get("ctx", {})), detail)
    elif detail["type"] == "too_short":
        problem = _but(_longer(detail), detail)
    else:
        problem = _but(f"{detail['msg'][0].lower()}{detail['msg'][1:]}", detail)
    return f"{'.'.join(keys)}: {problem}" if keys else problem


def _longer(detail: ErrorDetails) -> str:
    number = detail["ctx"]["min_length"]
    thing = "key" if isinstance(detail["input"], dict) else "item"
    if number == 1:
        return f"at least one {thing} belongs here"
    return f"at least {number} {thing}s belong here"


def _but(wanted: str, detail: ErrorDetails) -> str:
    given = json.dumps(detail["input"], ensure_ascii=False, default=str)
    return f"{wanted}, not {given if len(given) <= _LONGEST else f'{given[:_LONGEST]}...'}"
