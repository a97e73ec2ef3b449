"""Formulas of parameters: their values, what is refused, and the order among them."""

from __future__ import annotations

import math
import pickle
import time
import warnings

import numpy as np
import pytest

from tau3mu.fit.expressions import FUNCTIONS, ExpressionError, evaluation_order, parse

VALUES = {"a": 3.0, "b": -0.5, "mean_Jpsi": 3.096}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mean_Jpsi + 0.584", 3.680),
        ("1.05 * a", 3.15),
        ("-a**2", -9),
        ("(-a)**2", 9),
        ("2**3**2", 512),
        ("a - 1 - 1", 1),
        ("a / 2 / 3", 0.5),
        ("+a", 3),
        ("2 + 3 * a", 11),
        ("sqrt(a**2 + 16)", 5),
        ("exp(log(a))", 3),
        ("abs(b)", 0.5),
        ("sin(b)", math.sin(-0.5)),
        ("cos(b)", math.cos(-0.5)),
        ("tan(b)", math.tan(-0.5)),
        ("atan(a)", math.atan(3)),
        ("min(a, b)", -0.5),
        ("max(a, b)", 3),
        ("pi * a", 3 * math.pi),
        ("1e3", 1000),
        ("  a\n + 1 ", 4),
    ],
)
def test_values(text, expected):
    assert parse(text).evaluate(VALUES) == pytest.approx(expected, rel=1e-14)


def test_names_come_once_and_in_order():
    assert parse("c + a * sqrt(b) - a + pi").names == ("c", "a", "b")
    assert parse("2 * pi").names == ()


def test_arrays():
    values = {"a": np.array([1.0, 4.0, 9.0]), "b": 2}
    np.testing.assert_array_equal(parse("sqrt(a) + b").evaluate(values), [3, 4, 5])
    np.testing.assert_array_equal(parse("max(a, 2 * b)").evaluate(values), [4, 4, 9])


@pytest.mark.integration
def test_tensors_have_the_values_of_numpy_and_gradients():
    from tau3mu.fit.backend import tf, znp

    text = " + ".join(f"{name}(a{', b' * (n - 1)})" for name, (_, n) in FUNCTIONS.items())
    expression = parse(f"({text}) * 2**a / b - pi")
    a, b = (tf.constant(number, dtype=tf.float64) for number in (0.7, 0.4))
    with tf.GradientTape() as tape:
        tape.watch(a)
        value = tf.function(lambda a, b: expression.evaluate({"a": a, "b": b}, znp))(a, b)
    assert float(value) == pytest.approx(expression.evaluate({"a": 0.7, "b": 0.4}), rel=1e-13)
    slope = (
        expression.evaluate({"a": 0.7 + 1e-6, "b": 0.4})
        - expression.evaluate({"a": 0.7 - 1e-6, "b": 0.4})
    ) / 2e-6
    assert float(tape.gradient(value, a)) == pytest.approx(slope, rel=1e-8)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / zero", math.inf),
        ("sqrt(minus)", math.nan),
        ("minus**0.5", math.nan),
        ("huge**9", math.inf),
        ("log(zero)", -math.inf),
    ],
)
def test_outside_of_the_domain_it_is_not_finite_and_nothing_warns(text, expected):
    values = {"zero": 0, "minus": -1.0, "huge": 1e300}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = parse(text).evaluate(values)
    assert result == expected or (math.isnan(expected) and math.isnan(result))


@pytest.mark.parametrize(
    ("text", "position", "problem"),
    [
        ("a + sqr(b)", 5, "no function 'sqr' (did you mean 'sqrt'?)"),
        ("a^2", 1, "'a^2': a power is written **, not ^"),
        ("1 + np.sqrt(a)", 5, "'np.sqrt(a)': names with a dot are not known"),
        ("2 * sqrt", 5, "'sqrt' is a function"),
        ("max(a)", 1, "max takes 2 argument(s), not 1"),
        ("sqrt(a, b)", 1, "sqrt takes 1 argument(s), not 2"),
        ("sqrt(x=a)", 1, "'sqrt(x=a)': this is not part of formulas"),
        ("sqrt(*a)", 6, "'*a': this is not part of formulas"),
        ("a[0]", 1, "'a[0]': this is not part of formulas"),
        ("a + 'text'", 5, "\"'text'\": this is not part of formulas"),
        ("a < b", 1, "'a < b': this is not part of formulas"),
        ("a % b", 1, "'a % b': this is not part of formulas"),
        ("~a", 1, "'~a': this is not part of formulas"),
        ("a, b", 1, "'a, b': this is not part of formulas"),
        ("3j * a", 1, "'3j': this is not part of formulas"),
        ("__import__('os').system('true')", 1, "names with a dot are not known"),
        ("2 * lambda", 5, "'lambda' is a word of Python"),
        ("True", 1, "'True' is a word of Python"),
        ("a − b", 3, "'−' is not part of formulas"),
        ("a # b", 3, "'#' is not part of formulas"),
        ("a\0b", 2, "'\\x00' is not part of formulas"),
        ("a + * b", 5, "it cannot be read (invalid syntax)"),
        ("(a + b", 1, "it cannot be read ('(' was never closed)"),
        ("1 / 0 * a", 1, "'1 / 0': this is not a finite number"),
        ("sqrt(-1)", 1, "'sqrt(-1)': this is not a finite number"),
        ("(-8)**(1/3)", 1, "this is not a finite number"),
        ("a + 1e400", 5, "'1e400': this is not a finite number"),
    ],
)  # fmt: skip
def test_what_is_refused(text, position, problem):
    with pytest.raises(ExpressionError) as error:
        parse(text)
    message = str(error.value)
    assert f"position {position}: " in message
    assert problem in message
    assert "allowed: numbers, names of parameters, + - * / **" in message


def test_empty():
    with pytest.raises(ExpressionError, match="the formula is empty; allowed: numbers"):
        parse("  ")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("9**9**9**9**9**9", "this is not a finite number"),
        ("9" * 500, "this is not a finite number"),
        ("a*" * 500 + "a", "has 1001 characters, at most 1000 are allowed"),
        ("(" * 300 + "a" + ")" * 300, "more than 100 levels"),
        ("-" * 900 + "a", "more than 100 levels"),
        ("+".join("a" * 200), "more than 100 levels"),
    ],
)
def test_no_text_hangs(text, problem):
    start = time.process_time()
    with pytest.raises(ExpressionError, match=problem):
        parse(text)
    assert time.process_time() - start < 1


def test_missing_value():
    with pytest.raises(ExpressionError, match=r"formula 'a \+ d': no value was given for d"):
        parse("a + d").evaluate(VALUES)


def test_pickle():
    expression = parse("sqrt(a) + b")
    copy = pickle.loads(pickle.dumps(expression))
    assert copy == expression
    assert copy.evaluate({"a": 4, "b": 1}) == 3


def test_evaluation_is_fast():
    expression = parse("sqrt(f1**2 + f2**2) * (1 - exp(-f1 / f2)) + 2 * pi")
    values = {"f1": 0.3, "f2": 0.5}
    start = time.process_time()
    for _ in range(1000):
        expression.evaluate(values)
    assert time.process_time() - start < 0.5  # some 10 ms


def _parsed(**texts):
    return {name: parse(text) for name, text in texts.items()}


def test_order_puts_what_is_needed_first():
    expressions = _parsed(total="part * 3 + free", part="ratio + 1", ratio="free / 2", one="1")
    order = evaluation_order(expressions)
    assert sorted(order) == sorted(expressions)
    assert order.index("ratio") < order.index("part") < order.index("total")
    values = {"free": 4.0}
    for name in order:
        values[name] = expressions[name].evaluate(values)
    assert values["total"] == 13


@pytest.mark.parametrize(
    ("texts", "circle"),
    [
        ({"a": "b + x", "b": "2 * a"}, "a -> b -> a"),
        ({"z": "b", "c": "a", "a": "b", "b": "c"}, "c -> a -> b -> c"),
        ({"a": "a + 1"}, "a -> a"),
    ],
)
def test_circles_are_named(texts, circle):
    with pytest.raises(ExpressionError, match=f"in a circle: {circle};"):
        evaluation_order(_parsed(**texts))
