"""Formulas of parameters, `mean_Jpsi + 0.584`, and cuts on columns, `bdt > 0.5 and pt > 3`.

`parse` and `parse_cut` check a text against a short list of what it may hold and never run it as
Python code; the `Expression` that they return takes numbers, NumPy arrays and, but for cuts,
TensorFlow tensors alike. Precedence is that of Python: `-a**2` is `-(a**2)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.fit.grammar import (
    CONSTANTS,
    FUNCTIONS,
    ExpressionError,
    Function,
    compile_cut,
    compile_formula,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "CONSTANTS",
    "FUNCTIONS",
    "Cut",
    "Expression",
    "ExpressionError",
    "evaluation_order",
    "parse",
    "parse_cut",
]


@dataclass(frozen=True)
class Expression:
    """A formula that has been checked.

    Attributes:
        text: The formula as it was written.
        names: The parameters that it uses, each once, in the order in which they appear.
    """

    text: str
    names: tuple[str, ...]
    _function: Function = field(repr=False, compare=False)

    def evaluate(self, values: Mapping[str, Any], xp: Any = np) -> Any:
        """Returns the value of the formula for these values of its parameters.

        Outside of the domain of a function or an operator it is NaN or infinite, as NumPy and
        TensorFlow have it, without a warning.

        Args:
            values: The parameters by name: numbers, arrays or tensors; more than are used may be
                there.
            xp: The module that has the functions by NumPy's names: `numpy` or `zfit.z.numpy`.

        Raises:
            ExpressionError: The value of a parameter is missing.
        """
        if missing := [name for name in self.names if name not in values]:
            message = f"formula {self.text!r}: no value was given for {', '.join(missing)}"
            raise ExpressionError(message)
        with np.errstate(all="ignore"):
            return self._function(values, xp)

    def __reduce__(self) -> tuple[Callable[[str], Expression], tuple[str]]:
        """Is pickled as its text, since the functions made of it cannot be."""
        return parse, (self.text,)


@dataclass(frozen=True)
class Cut(Expression):
    """A condition on columns that has been checked; its value is true or false.

    A comparison with NaN is false, but for `!=`, as in NumPy and in ROOT.
    """

    def __reduce__(self) -> tuple[Callable[[str], Cut], tuple[str]]:
        """Is pickled as its text, as a formula is."""
        return parse_cut, (self.text,)


def parse(text: str) -> Expression:
    """Returns the formula that a text says.

    Raises:
        ExpressionError: The text holds something other than numbers, names, `+ - * / **`,
            parentheses and the `FUNCTIONS`, is too long, or has a part that is not a finite number
            whatever the parameters are, such as `1/0`.
    """
    function, names = compile_formula(text)
    return Expression(text, names, function)


def parse_cut(text: str) -> Cut:
    """Returns the cut that a text says: comparisons of formulas, joined by `and`, `or`, `not`.

    Raises:
        ExpressionError: The text is not a comparison, uses no column, or has a part that is not
            allowed, as in `parse`.
    """
    function, names = compile_cut(text)
    return Cut(text, names, function)


def evaluation_order(expressions: Mapping[str, Expression]) -> list[str]:
    """Returns the names of formulas in an order in which they can be calculated.

    Args:
        expressions: The formulas by the name that their value has in other formulas. A name that
            is used and is not among them is a parameter of its own.

    Raises:
        ExpressionError: Formulas need each other in a circle, which the message names.
    """
    sorter = TopologicalSorter(
        {
            name: [used for used in expression.names if used in expressions]
            for name, expression in expressions.items()
        }
    )
    try:
        return list(sorter.static_order())
    except CycleError as error:
        circle = error.args[1][:0:-1]  # each needs the next one; the first is also the last
        first = min(circle, key=list(expressions).index)
        start = circle.index(first)
        path = " -> ".join([*circle[start:], *circle[:start], first])
        message = f"the formulas need each other in a circle: {path}; give one of them a value"
        raise ExpressionError(message) from error
