"""What all parts of a fit file have in common: strictness, names, intervals, refusals."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    WrapValidator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from tau3mu.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidatorFunctionWrapHandler
    from typing_extensions import Self

__all__ = ["Interval", "Name", "Positive", "Strict", "allowed", "either", "refuse", "require_order"]

Name = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Positive = Annotated[int, Field(gt=0)]
Interval = tuple[float, float]


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
                refuse(f"unknown key {key!r}{suggest(str(key), known)}; {allowed(known)}")
        return _without_lists(given)


def _without_lists(given: Any) -> Any:
    """Returns what JSON says with tuples for lists, since the parts are strict about that."""
    if isinstance(given, dict):
        return {key: _without_lists(value) for key, value in given.items()}
    if isinstance(given, list | tuple):
        return tuple(_without_lists(value) for value in given)
    return given


def either(wanted: str) -> WrapValidator:
    """Returns a validator that says what may stand there, once, for a value of several types."""

    def validate(given: Any, validated: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validated(given)
        except ValidationError:
            text = json.dumps(given, ensure_ascii=False, default=str)
            refuse(f"{wanted} belongs here, not {text}")

    return WrapValidator(validate)


def require_order(interval: Interval, key: str) -> None:
    """Refuses an interval that is empty or the wrong way round."""
    lower, upper = interval
    if lower >= upper:
        refuse(f"the lower edge {lower:g} is not below the upper edge {upper:g}", key)


def allowed(names: Iterable[str]) -> str:
    """Returns the end of a message that lists what may be said."""
    return f"allowed: {', '.join(names)}"


def refuse(message: str, at: str = "") -> NoReturn:
    """Refuses the value of the key path `at`, relative to the part that is being checked."""
    kind = "fit"
    raise PydanticCustomError(kind, "{message}", {"message": message, "at": at})
