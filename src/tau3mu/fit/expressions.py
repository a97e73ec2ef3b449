"""Formulas of parameters: `mean_Jpsi + 0.584`, `sqrt(f1**2 + f2**2)`.

`parse` checks a text against a short list of what a formula may hold and never runs it as Python
code; the `Expression` that it returns takes numbers, NumPy arrays and TensorFlow tensors alike.
Precedence is that of Python: `-a**2` is `-(a**2)`.
"""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from tau3mu.errors import suggest

__all__ = ["CONSTANTS", "FUNCTIONS", "Expression", "ExpressionError", "evaluation_order", "parse"]

_Function = Callable[[Mapping[str, Any], Any], Any]
_Part = float | _Function
_Operation = Callable[..., Any]

FUNCTIONS: dict[str, tuple[str, int]] = {
    "abs": ("abs", 1),
    "atan": ("arctan", 1),
    "cos": ("cos", 1),
    "exp": ("exp", 1),
    "log": ("log", 1),
    "max": ("maximum", 2),
    "min": ("minimum", 2),
    "sin": ("sin", 1),
    "sqrt": ("sqrt", 1),
    "tan": ("tan", 1),
}
"""The functions by name: what NumPy calls them, and how many arguments they take."""

CONSTANTS: dict[str, float] = {"pi": math.pi}
"""The names that stand for a number and cannot be those of parameters."""

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_SIGNS: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_ALLOWED = (
    "numbers, names of parameters, + - * / **, parentheses, "
    f"{', '.join(CONSTANTS)} and the functions {', '.join(FUNCTIONS)}"
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[^ -~]|#")
_PYTHON_NUMBERS = (float, int)
_MAX_LENGTH = 1000
_MAX_DEPTH = 100


class ExpressionError(ValueError):
    """Says what is wrong with a formula, where in it, and what is allowed."""


@dataclass(frozen=True)
class Expression:
    """A formula that has been checked.

    Attributes:
        text: The formula as it was written.
        names: The parameters that it uses, each once, in the order in which they appear.
    """

    text: str
    names: tuple[str, ...]
    _function: _Function = field(repr=False, compare=False)

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


def parse(text: str) -> Expression:
    """Returns the formula that a text says.

    Raises:
        ExpressionError: The text holds something other than numbers, names, `+ - * / **`,
            parentheses and the `FUNCTIONS`, is too long, or has a part that is not a finite number
            whatever the parameters are, such as `1/0`.
    """
    stripped = " ".join(text.split())
    _check_text(stripped)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of text such as "1or 2"; it is refused
            tree = ast.parse(stripped, mode="eval")
    except SyntaxError as error:
        if "nested" in str(error.msg):
            raise _too_deep(stripped) from error
        problem = f"it cannot be read ({error.msg})"
        raise _error(stripped, error.offset or 1, problem) from error
    except (MemoryError, RecursionError) as error:
        raise _too_deep(stripped) from error
    compiler = _Compiler(stripped)
    function = _as_function(compiler.compile(tree.body, 1))
    return Expression(text, tuple(compiler.names), function)


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


class _Compiler:
    """Turns a syntax tree into nested functions, once, so that a fit does not walk the tree.

    A part without parameters becomes the number that it is.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.names: dict[str, None] = {}

    def compile(self, node: ast.expr, depth: int) -> _Part:
        if depth > _MAX_DEPTH:
            raise _too_deep(self.text)
        match node:
            case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
                return self._number(node, value)
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
                unary = _SIGNS[type(sign)]
                return self._apply(node, lambda _, a: unary(a), [operand], depth)
            case ast.BinOp(left=left, op=symbol, right=right) if type(symbol) in _OPERATORS:
                binary = _OPERATORS[type(symbol)]
                return self._apply(node, lambda _, a, b: binary(a, b), [left, right], depth)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self._call(node, name, arguments, depth)
            case ast.BinOp(op=ast.BitXor()):
                raise self._error(node, "a power is written **, not ^")
            case ast.Attribute() | ast.Call(func=ast.Attribute()):
                raise self._error(node, "names with a dot are not known")
        raise self._error(node, "this is not part of formulas")

    def _number(self, node: ast.expr, value: float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        return self._finite(node, number)

    def _name(self, node: ast.expr, name: str) -> _Part:
        if name in FUNCTIONS:
            raise self._error(node, f"{name!r} is a function: its arguments follow in parentheses")
        if name in CONSTANTS:
            return CONSTANTS[name]
        self.names[name] = None

        def parameter(values: Mapping[str, Any], _: Any) -> Any:
            value = values[name]
            # Python's own numbers raise errors where NumPy's become NaN or infinite.
            return np.float64(value) if type(value) in _PYTHON_NUMBERS else value

        return parameter

    def _call(self, node: ast.expr, name: str, arguments: list[ast.expr], depth: int) -> _Part:
        if name not in FUNCTIONS:
            raise self._error(node, f"there is no function {name!r}{suggest(name, FUNCTIONS)}")
        function, number = FUNCTIONS[name]
        if len(arguments) != number:
            raise self._error(node, f"{name} takes {number} argument(s), not {len(arguments)}")
        return self._apply(node, lambda xp, *a: getattr(xp, function)(*a), arguments, depth)

    def _apply(
        self, node: ast.expr, operation: _Operation, arguments: list[ast.expr], depth: int
    ) -> _Part:
        parts = [self.compile(argument, depth + 1) for argument in arguments]
        constants = [np.float64(part) for part in parts if isinstance(part, float)]
        if len(constants) == len(parts):
            with np.errstate(all="ignore"):
                return self._finite(node, float(operation(np, *constants)))
        functions = [_as_function(part) for part in parts]
        if len(functions) == 1:
            (only,) = functions
            return lambda values, xp: operation(xp, only(values, xp))
        first, second = functions
        return lambda values, xp: operation(xp, first(values, xp), second(values, xp))

    def _finite(self, node: ast.expr, value: float) -> float:
        if not math.isfinite(value):
            raise self._error(node, "this is not a finite number")
        return value

    def _error(self, node: ast.expr, problem: str) -> ExpressionError:
        part = ast.get_source_segment(self.text, node)
        return _error(self.text, node.col_offset + 1, f"{part!r}: {problem}")


def _as_function(part: _Part) -> _Function:
    return (lambda _, __: part) if isinstance(part, float) else part


def _check_text(text: str) -> None:
    if not text:
        message = f"the formula is empty; allowed: {_ALLOWED}"
        raise ExpressionError(message)
    if len(text) > _MAX_LENGTH:
        message = (
            f"formula '{text[:40]}...' has {len(text)} characters, at most {_MAX_LENGTH} are "
            "allowed; define parts of it as parameters of their own"
        )
        raise ExpressionError(message)
    for match in _WORD.finditer(text):
        word = match.group()
        if keyword.iskeyword(word):
            problem = f"{word!r} is a word of Python and cannot be the name of a parameter"
            raise _error(text, match.start() + 1, problem)
        if not (word[0].isalpha() and word.isascii()) and word[0] != "_":
            raise _error(text, match.start() + 1, f"{word[0]!r} is not part of formulas")


def _error(text: str, position: int, problem: str) -> ExpressionError:
    return ExpressionError(f"formula {text!r}, position {position}: {problem}; allowed: {_ALLOWED}")


def _too_deep(text: str) -> ExpressionError:
    return ExpressionError(
        f"formula '{text[:40]}...' has more than {_MAX_DEPTH} levels of operations in each other; "
        "define parts of it as parameters of their own"
    )
