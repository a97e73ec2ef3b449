"""Errors for users from what pydantic finds wrong in a file, one line for each wrong key."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.fit.language.base import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

__all__ = ["input_error", "problems_of"]

_EXPECTED = {
    "bool_type": "true or false",
    "dict_type": "an object with keys",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "a number above {gt:g}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "an object with keys",
    "string_pattern_mismatch": "a name of letters, digits and _ that begins with a letter",
    "string_type": "text",
    "too_long": "a list of {max_length}",
    "tuple_type": "a list",
}
_CODES = {
    **dict.fromkeys(("finite_number", "greater_than", "literal_error", "too_long"), "wrong-value"),
    "string_pattern_mismatch": "wrong-name",
}
_LONGEST = 300


def input_error(problems: Iterable[Problem], source: str) -> InputError:
    """Returns the error that names all problems of a file; code and path are those of the first.

    Args:
        problems: At least one.
        source: The name of the file, for the message.
    """
    problems = list(dict.fromkeys(problems))
    paths = [".".join(map(str, problem.keys)) for problem in problems]
    lines = (
        f"{source}: {path}: {problem.text}" if path else f"{source}: {problem.text}"
        for path, problem in zip(paths, problems, strict=True)
    )
    return InputError("\n".join(lines), code=f"fit.{problems[0].code}", path=paths[0] or source)


def problems_of(error: ValidationError) -> list[Problem]:
    """Returns the problems that pydantic has found."""
    details = error.errors()
    places = [detail["loc"] for detail in details]
    return [
        _problem(detail)
        for detail in details
        # A list that is too short only because of what is wrong with its items is no problem.
        if detail["type"] != "too_short" or not any(_within(at, detail["loc"]) for at in places)
    ]


def _within(place: tuple[int | str, ...], above: tuple[int | str, ...]) -> bool:
    return len(place) > len(above) and place[: len(above)] == above


def _problem(detail: ErrorDetails) -> Problem:
    # Pydantic marks a wrong name of a key by one more step of the path.
    keys = [key for key in detail["loc"] if key != "[key]"]
    kind, context = detail["type"], detail.get("ctx", {})
    given = json.dumps(detail["input"], ensure_ascii=False, default=str)
    got = f"got {given if len(given) <= _LONGEST else f'{given[:_LONGEST]}...'}"
    if kind.startswith("fit."):
        keys += context["at"].split(".") if context["at"] else []
        code, message = kind.removeprefix("fit."), detail["msg"]
    elif kind == "missing" and isinstance(keys[-1], str):
        code, message = "missing-key", "missing key"
    elif kind == "missing":  # of a pair of numbers
        keys.pop()
        code, message = "wrong-value", f"expected a list of 2, {got}"
    elif kind == "too_short":
        code, message = "wrong-value", f"expected at least {_number(detail)}, {got}"
    elif kind in _EXPECTED:
        code = _CODES.get(kind, "wrong-type")
        message = f"expected {_EXPECTED[kind].format(**context)}, {got}"
    else:
        code, message = "wrong-value", f"{detail['msg'][0].lower()}{detail['msg'][1:]}, {got}"
    return Problem(tuple(keys), code, message)


def _number(detail: ErrorDetails) -> str:
    number = detail["ctx"]["min_length"]
    thing = "key" if isinstance(detail["input"], dict) else "item"
    return f"one {thing}" if number == 1 else f"{number} {thing}s"
