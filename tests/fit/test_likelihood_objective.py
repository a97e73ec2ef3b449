"""The loss at any values of the parameters, as a sum over bins or entries without the package."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from both_engines import counted, made
from fitted_dimuons import DIMUON, EDGES, document, histogram, masses
from independent_dimuons import NAMES, counts_between, density

from tau3mu.fit import fit
from tau3mu.fit.data.prepare import prepare
from tau3mu.fit.likelihood import Objective

POINTS = [
    (3000.0, 300.0, 44000.0, 3.096, 0.07, -0.5),
    (2500.0, 10.0, 30000.0, 3.05, 0.1, 0.3),
    (1e-3, 900.0, 60000.0, 3.2, 0.031, -2.0),
]


def _objective(data, **changes):
    model = made(document(**changes), engine="numpy")
    objective = Objective(model, prepare(model, data))

    def at(values):
        return objective.at(objective.parameters.complete(dict(zip(NAMES, values, strict=True))))

    return at


def _expected(values, edges=EDGES):
    return [sum(counts_between(low, high, *values)) for low, high in pairwise(edges)]


@pytest.mark.parametrize("values", POINTS)
def test_counts(values):
    loss = 0.0
    for content, expected in zip(histogram().values(), _expected(values), strict=True):
        loss += expected - content
        if content > 0:
            loss += content * math.log(content / expected)
    assert _objective(histogram())(values) == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("values", POINTS)
def test_entries(values):
    entries = masses()[::10]
    loss = sum(counts_between(2.2, 4.8, *values))
    loss -= np.sum(np.log(density(entries, *values)))
    assert _objective(entries)(values) == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("values", POINTS)
def test_weighted_entries_in_ranges(values):
    entries = masses()[::10]
    weights = np.linspace(0.1, 2, len(entries))
    intervals = [(2.4, 3.3), (3.5, 4.8)]
    loss = sum(sum(counts_between(*interval, *values)) for interval in intervals)
    for low, high in intervals:
        inside = (entries >= low) & (entries < high)
        loss -= np.sum(weights[inside] * np.log(density(entries[inside], *values)))
    found = _objective((entries, weights), ranges=[[2.4, 4.8]], blind=[[3.3, 3.5]])
    assert found(values) == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("values", POINTS)
def test_least_squares(values):
    data = histogram(weight=0.3)
    data.view().value[3], data.view().variance[3] = 0, 0  # an empty bin has no known error
    data.view().value[4] = -2.0
    loss = 0.0
    for content, variance, expected in zip(
        data.values(), data.variances(), _expected(values), strict=True
    ):
        if variance > 0:
            loss += (content - expected) ** 2 / variance / 2
    found = _objective(data, method={"loss": "chi2"})
    assert found(values) == pytest.approx(loss, rel=1e-9)


@pytest.mark.parametrize("values", POINTS)
def test_constraints(values):
    normal = {"pdf": "normal", "mean": 3.1, "sigma": 0.02}
    lognormal = {"pdf": "lognormal", "mean": 0.08, "sigma": 0.1}
    parameters = {**DIMUON["parameters"]}
    parameters["mean"] = {**parameters["mean"], "constraint": normal}
    parameters["width"] = {**parameters["width"], "constraint": lognormal}
    # Also of one that follows from another.
    tied = {"pdf": "normal", "mean": 3.7, "sigma": 0.05}
    parameters["mean2"] = {**parameters["mean2"], "constraint": tied}
    *_, mean, width, _ = values
    pulls = ((mean - 3.1) / 0.02, (mean + 0.584 - 3.7) / 0.05, math.log(width / 0.08) / 0.1)
    added = sum(pull**2 for pull in pulls) / 2
    plain, found = _objective(histogram()), _objective(histogram(), parameters=parameters)
    assert found(values) - plain(values) == pytest.approx(added, rel=1e-6)


def test_an_expectation_of_zero_is_not_infinite():
    """Where nothing is expected and something is seen, the loss is large and still a number."""
    far = (0.0, 0.0, 0.0, 3.0, 0.03, -0.5)
    found = _objective(counted([4.7]))(far)
    assert 600 < found < 800


def test_the_result_has_the_whole_poisson_likelihood():
    """Factorials included, the likelihood of counts is comparable between data sets."""
    result = fit(made(document(), engine="numpy"), histogram())
    values = [result.values[name] for name in NAMES]
    loss = 0.0
    for content, expected in zip(histogram().values(), _expected(values), strict=True):
        loss += expected - content * math.log(expected) + math.lgamma(content + 1)
    assert result.nll == pytest.approx(loss, abs=1e-6)
