"""The types that all parts of a fit file share: names, intervals, formulas; and their problems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NoReturn

from pydantic import AfterValidator, Field, ValidationError, WrapValidator

from tau3mu.config import documents
from tau3mu.config.problems import Problem, shown
from tau3mu.errors import InputError
from tau3mu.fit.expressions import ExpressionError, parse, parse_cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic import ValidatorFunctionWrapHandler
    from typing_extensions import Self

__all__ = [
    "CutText",
    "Formula",
    "Interval",
    "Name",
    "Positive",
    "Strict",
    "allowed",
    "either",
    "formula",
    "ordered",
    "problem",
    "refuse",
]


class Strict(documents.Strict):
    """A part of a fit file: no unknown keys, no numbers in quotes, no change afterwards."""

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Returns a copy, which does not keep what was derived from what has changed.

        Args:
            update: New values by field.
            deep: Whether the fields are copied, too.
        """
        copied = super().model_copy(update=update, deep=deep)
        for name in set(copied.__dict__) - set(type(self).model_fields):
            del copied.__dict__[name]
        return copied


def problem(code: str, path: str, text: str) -> Problem:
    """Returns a problem at a path such as `method.stages.0.ranges`.

    Args:
        code: The kind of the problem, such as `outside-range`.
        path: The keys with dots between them, none of which has a dot in it.
        text: What is wrong.
    """
    keys = (int(key) if key.isdigit() else key for key in path.split(".") if key)
    return Problem(tuple(keys), code, text)


def refuse(code: str, message: str, at: str = "") -> NoReturn:
    """Raises the error for a value while it is validated.

    Args:
        code: The kind of the problem, such as `wrong-order`.
        message: What is wrong.
        at: The path of the value, relative to the part that is being validated.
    """
    raise InputError(message, code=code, path=at)


def either(wanted: str, code: str = "wrong-type") -> WrapValidator:
    """Returns a validator that names all that a value may be in one sentence.

    Args:
        wanted: What was expected.
        code: The kind of the problem.
    """

    def validate(given: Any, validated: ValidatorFunctionWrapHandler) -> Any:
        try:
            return validated(_with_tuples(given))
        except ValidationError:
            refuse(code, f"expected {wanted}, got {shown(given)}")

    return WrapValidator(validate)


def _with_tuples(given: Any) -> Any:
    """Returns a part of a JSON document with tuples for lists, as strict models take them."""
    if isinstance(given, dict):
        return {key: _with_tuples(value) for key, value in given.items()}
    return tuple(map(_with_tuples, given)) if isinstance(given, list) else given


def ordered(interval: tuple[float, float]) -> tuple[float, float]:
    """Returns an interval if its lower edge is below its upper edge, else refuses it.

    Args:
        interval: The edges.
    """
    lower, upper = interval
    if lower >= upper:
        refuse("wrong-order", f"the lower edge {lower:g} is not below the upper edge {upper:g}")
    return interval


def _cut(text: str) -> str:
    """Returns a cut if it can be parsed, else refuses it.

    Args:
        text: Comparisons of columns.
    """
    try:
        parse_cut(text)
    except ExpressionError as error:
        refuse("wrong-cut", str(error))
    return text


def formula(text: Any) -> Any:
    """Returns a formula if it can be parsed, else refuses it; numbers are returned as they are.

    Args:
        text: A formula of parameters, or a number.
    """
    if isinstance(text, str):
        try:
            parse(text)
        except ExpressionError as error:
            refuse("wrong-expression", str(error))
    return text


def allowed(names: Iterable[str]) -> str:
    """Returns the end of a message that lists the allowed names.

    Args:
        names: In the order of the message.
    """
    return f"allowed: {', '.join(names)}"


Name = Annotated[
    str,
    Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$"),
    either("a name of letters, digits and _ that begins with a letter", "wrong-name"),
]
Positive = Annotated[int, Field(gt=0)]
Interval = Annotated[tuple[float, float], AfterValidator(ordered)]
CutText = Annotated[str, AfterValidator(_cut)]
Formula = Annotated[str, AfterValidator(formula)]
