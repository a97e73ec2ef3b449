"""What all parts of a fit file have in common: strictness, names, intervals, formulas, problems."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tau3mu.errors import suggest
from tau3mu.fit.expressions import ExpressionError, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidatorFunctionWrapHandler
    from typing_extensions import Self

__all__ = [
    "Formula",
    "Interval",
    "Name",
    "Positive",
    "Problem",
    "Strict",
    "allowed",
    "either",
    "ordered",
    "problem",
    "refuse",
]


class Problem(NamedTuple):
    """One thing that is wrong in a file: the keys that lead to it, its kind, and a sentence."""

    keys: tuple[str | int, ...]
    code: str
    text: str


def problem(code: str, path: str, text: str) -> Problem:
    """Returns a problem at a path such as `method.stages.0.ranges`.

    Args:
        code: The kind of the problem, such as `outside-range`.
        path: The keys with dots between them, none of which has a dot in it.
        text: What is wrong.
    """
    keys = (int(key) if key.isdigit() else key for key in path.split(".") if key)
    return Problem(tuple(keys), code, text)


class Strict(BaseModel):
    """A part of a fit file: no unknown keys, no numbers in quotes, no change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Returns a copy, which does not keep what was derived from what has changed."""
        copied = super().model_copy(update=update, deep=deep)
        for name in set(copied.__dict__) - set(type(self).model_fields):
            del copied.__dict__[name]
        return copied

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, given: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in given if isinstance(given, dict) else ():
            if key not in known:
                message = f"unknown key{suggest(str(key), known)}; {allowed(known)}"
                refuse("unknown-key", message, str(key))
        return _without_lists(given)


def _without_lists(given: Any) -> Any:
    """Returns a JSON document with tuples for lists, since the parts are strict about that."""
    if isinstance(given, dict):
        return {key: _without_lists(value) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return tuple(_without_lists(value) for value in given)
    return given


def either(wanted: str) -> WrapValidator:
    """Returns a validator that names all types that a value may have in one sentence."""

    def validate(given: Any, validated: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validated(given)
        except ValidationError as error:
            for found in error.errors():
                if found["type"].startswith("fit."):
                    refuse(found["type"].removeprefix("fit."), found["msg"], found["ctx"]["at"])
            text = json.dumps(given, ensure_ascii=False, default=str)
            refuse("wrong-type", f"expected {wanted}, got {text}")

    return WrapValidator(validate)


def ordered(interval: tuple[float, float]) -> tuple[float, float]:
    """Returns an interval if its lower edge is below its upper edge, else refuses it."""
    lower, upper = interval
    if lower >= upper:
        refuse("wrong-order", f"the lower edge {lower:g} is not below the upper edge {upper:g}")
    return interval


def allowed(names: Iterable[str]) -> str:
    """Returns the end of a message that lists the allowed names."""
    return f"allowed: {', '.join(names)}"


def refuse(code: str, message: str, at: str = "") -> NoReturn:
    """Refuses the value of the key path `at`, relative to the part that is being validated.

    Args:
        code: The kind of the problem, without the `fit.` in front.
        message: What is wrong.
        at: The path, empty for the part itself.
    """
    kind = f"fit.{code}"
    raise PydanticCustomError(kind, "{message}", {"message": message, "at": at})


def _formula(text: str) -> str:
    try:
        parse(text)
    except ExpressionError as error:
        refuse("wrong-expression", str(error))
    return text


Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Positive = Annotated[int, Field(gt=0)]
Interval = Annotated[tuple[float, float], AfterValidator(ordered)]
Formula = Annotated[str, AfterValidator(_formula)]
