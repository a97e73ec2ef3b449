"""Sums of weights are exact, so that they do not depend on how the events are divided."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tau3mu.selection import Step, step
from tau3mu.selection.sums import exact_sum, rounded_sum

RANDOM = np.random.default_rng(11)
WEIGHTS = {
    "near one": RANDOM.normal(1, 0.1, 5000),
    "both signs": RANDOM.normal(0, 1, 5000),
    "all sizes": RANDOM.normal(0, 1, 5000) * 10.0 ** RANDOM.integers(-300, 290, 5000),
    "cancel": np.array([1e16, 1.0, -1e16, 0.1]),
    "tiny": np.array([5e-324, 1.0, -1.0]),
    "large whole": np.array([2.0**53, 1.0, 1.0]),
    "whole": np.array([2, 3, 4]),
    "single precision": RANDOM.normal(1, 0.1, 5000).astype(np.float32),
    "none": np.array([]),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_the_parts_add_up_to_the_exact_sum(name):
    weights = WEIGHTS[name]
    parts = exact_sum(weights)
    assert sum(map(Fraction, parts)) == sum(Fraction(float(weight)) for weight in weights)
    assert parts[:1] == ((math.fsum(weights),) if math.fsum(weights) else ())
    assert len(parts) <= 40


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_every_division_into_chunks_gives_the_same_sum(name, size):
    weights = WEIGHTS[name]
    chunks = [weights[start : start + size] for start in range(0, len(weights), size)]
    parts = [part for chunk in RANDOM.permutation(len(chunks)) for part in exact_sum(chunks[chunk])]
    assert rounded_sum(parts) == math.fsum(weights)


def test_missing_weights_count_as_zero():
    assert exact_sum(np.ma.array([1.5, 7.0], mask=[False, True])) == (1.5,)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [([1.0, math.nan], math.nan), ([math.inf, 1.0], math.inf), ([math.inf, -math.inf], math.nan)],
)
def test_what_is_not_finite_stays_so(weights, expected):
    halves = [part for weight in weights for part in exact_sum(np.array([weight]))]
    for total in (step("all", np.array(weights), 0).sumw, rounded_sum(halves)):
        assert total == expected or (math.isnan(total) and math.isnan(expected))


def test_a_step_keeps_what_rounding_takes_away():
    assert step("all", np.array([1.0, 2.0**-60]), 2) == Step("all", 2, 2, 1.0, (2.0**-60,))
    assert step("all", np.array([]), 0) == Step("all", 0, 0, 0.0)


@pytest.mark.parametrize("weights", ["abc", np.ones((2, 3)), np.array(["1.5"]), np.array([1j])])
def test_weights_are_one_number_per_event(weights):
    with pytest.raises(TypeError, match="one dimension of numbers"):
        exact_sum(weights)
