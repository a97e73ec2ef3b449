"""What formulas and cuts may hold, and the functions that are made of their text.

The syntax tree of Python is walked once; a part of it that is not listed here is refused, so that
nothing is ever run as Python code.
"""

from __future__ import annotations

import ast
import keyword
import math
import operator
import re
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from tau3mu.errors import suggest

__all__ = [
    "CONSTANTS",
    "CUT",
    "FORMULA",
    "FUNCTIONS",
    "ExpressionError",
    "Function",
    "compile_cut",
    "compile_formula",
]

Function = Callable[[Mapping[str, Any], Any], Any]
_Part = float | Function
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
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_ARITHMETIC = (
    f"+ - * / **, parentheses, {', '.join(CONSTANTS)} and the functions {', '.join(FUNCTIONS)}"
)


@dataclass(frozen=True)
class _Grammar:
    """What a kind of text is called, what it may hold, and its words that are those of Python."""

    kind: str
    allowed: str
    words: tuple[str, ...] = ()


FORMULA = _Grammar("formula", f"numbers, names of parameters, {_ARITHMETIC}")
CUT = _Grammar(
    "cut",
    "comparisons by < <= > >= == != of numbers and names of columns, joined by and, or, not; "
    f"{_ARITHMETIC}",
    ("and", "or", "not"),
)
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[^ -~]|#")
_PYTHON_NUMBERS = (float, int)
_MAX_LENGTH = 1000
_MAX_DEPTH = 100


class ExpressionError(ValueError):
    """Says what is wrong with a formula, where in it, and what is allowed."""


def compile_formula(text: str) -> tuple[Function, tuple[str, ...]]:
    """Returns the function of a formula, and the names that it uses.

    Raises:
        ExpressionError: The text is not a formula.
    """
    tree, stripped = _tree(text, FORMULA)
    compiler = _Compiler(stripped, FORMULA)
    function = _as_function(compiler.compile(tree, 1))
    return function, tuple(compiler.names)


def compile_cut(text: str) -> tuple[Function, tuple[str, ...]]:
    """Returns the function of a cut, and the columns that it uses.

    Raises:
        ExpressionError: The text is not a cut.
    """
    tree, stripped = _tree(text, CUT)
    compiler = _Compiler(stripped, CUT)
    function = compiler.condition(tree, 1)
    if not compiler.names:
        raise _error(stripped, 1, "it uses no column", CUT)
    return function, tuple(compiler.names)


class _Compiler:
    """Turns a syntax tree into nested functions, once, so that a fit does not walk the tree.

    A part without parameters becomes the number that it is.
    """

    def __init__(self, text: str, grammar: _Grammar) -> None:
        self.text = text
        self.grammar = grammar
        self.names: dict[str, None] = {}

    def condition(self, node: ast.expr, depth: int) -> Function:
        """Returns the function of something that is true or false."""
        if depth > _MAX_DEPTH:
            raise _too_deep(self.text, self.grammar)
        match node:
            case ast.Compare(left=left, ops=symbols, comparators=others) if all(
                type(symbol) in _COMPARISONS for symbol in symbols
            ):
                parts = [_as_function(self.compile(part, depth + 1)) for part in (left, *others)]
                return _compared([_COMPARISONS[type(symbol)] for symbol in symbols], parts)
            case ast.BoolOp(op=symbol, values=operands):
                join = np.logical_and if isinstance(symbol, ast.And) else np.logical_or
                conditions = [self.condition(operand, depth + 1) for operand in operands]
                return lambda values, xp: reduce(join, (one(values, xp) for one in conditions))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                opposite = self.condition(operand, depth + 1)
                return lambda values, xp: np.logical_not(opposite(values, xp))
            case ast.BinOp(op=ast.BitAnd() | ast.BitOr()):
                raise self._error(node, "conditions are joined by 'and' and 'or', not by & and |")
        raise self._error(node, "expected a comparison, such as bdt > 0.5")

    def compile(self, node: ast.expr, depth: int) -> _Part:
        """Returns the function of a number, or the number itself."""
        if depth > _MAX_DEPTH:
            raise _too_deep(self.text, self.grammar)
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
        raise self._error(node, f"this is not part of {self.grammar.kind}s")

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
        return _error(self.text, node.col_offset + 1, f"{part!r}: {problem}", self.grammar)


def _as_function(part: _Part) -> Function:
    return (lambda _, __: part) if isinstance(part, float) else part


def _compared(tests: list[Callable[[Any, Any], Any]], parts: list[Function]) -> Function:
    """Returns the function that compares each part with the next one, as `1 < a < 2` does."""

    def compared(values: Mapping[str, Any], xp: Any) -> Any:
        numbers = [part(values, xp) for part in parts]
        pairs = zip(tests, numbers, numbers[1:], strict=False)
        return reduce(np.logical_and, (test(left, right) for test, left, right in pairs))

    return compared


def _tree(text: str, grammar: _Grammar) -> tuple[ast.expr, str]:
    """Returns the syntax tree of a text, and the text on one line."""
    stripped = " ".join(text.split())
    _check_text(stripped, grammar)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python warns of text such as "1or 2"; it is refused
            return ast.parse(stripped, mode="eval").body, stripped
    except SyntaxError as error:
        if "nested" in str(error.msg):
            raise _too_deep(stripped, grammar) from error
        problem = f"it cannot be read ({error.msg})"
        raise _error(stripped, error.offset or 1, problem, grammar) from error
    except (MemoryError, RecursionError) as error:
        raise _too_deep(stripped, grammar) from error


def _check_text(text: str, grammar: _Grammar) -> None:
    if not text:
        message = f"the {grammar.kind} is empty; allowed: {grammar.allowed}"
        raise ExpressionError(message)
    if len(text) > _MAX_LENGTH:
        message = (
            f"{grammar.kind} '{text[:40]}...' has {len(text)} characters, at most {_MAX_LENGTH} "
            f"are allowed{_shorter(grammar)}"
        )
        raise ExpressionError(message)
    for match in _WORD.finditer(text):
        word = match.group()
        if keyword.iskeyword(word) and word not in grammar.words:
            problem = f"{word!r} is a word of Python and cannot be a name"
            raise _error(text, match.start() + 1, problem, grammar)
        if not (word[0].isalpha() and word.isascii()) and word[0] != "_":
            raise _error(
                text, match.start() + 1, f"{word[0]!r} is not part of {grammar.kind}s", grammar
            )


def _error(text: str, position: int, problem: str, grammar: _Grammar) -> ExpressionError:
    return ExpressionError(
        f"{grammar.kind} {text!r}, position {position}: {problem}; allowed: {grammar.allowed}"
    )


def _too_deep(text: str, grammar: _Grammar) -> ExpressionError:
    return ExpressionError(
        f"{grammar.kind} '{text[:40]}...' has more than {_MAX_DEPTH} levels of operations in each "
        f"other{_shorter(grammar)}"
    )


def _shorter(grammar: _Grammar) -> str:
    return "; define parts of it as parameters of their own" if grammar is FORMULA else ""
