"""Toys of limits: where they are made, when they end, and how often limits hold what is true."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from errors import raises
from limit_models import counting, model, spectrum
from scipy.stats import poisson

from tau3mu.limits import limit
from tau3mu.limits.__main__ import main
from tau3mu.limits.engine.minimize import minimize
from tau3mu.limits.limiting import prepared
from tau3mu.limits.toys import draw

TWO = {"a": spectrum(), "b": spectrum()}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps({"schema_version": 1, "channels": TWO}))
    return path


@pytest.mark.integration
def test_toys_on_dask_are_those_of_one_process(file, open_cluster, tmp_path):
    places = [
        ["--executor", "iterative"],
        ["--executor", "futures", "--workers", "2"],
        ["--executor", "dask", "--scheduler", open_cluster, "--insecure"],
    ]
    found = []
    for number, words in enumerate(places):
        output = tmp_path / str(number)
        assert main([str(file), "--toys", "150", *words, "--output", str(output)]) == 0
        found.append(json.loads((output / "limits.json").read_text())["toys"])
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize(
    "words",
    [
        ["--scheduler", "tls://host:1"],
        ["--executor", "iterative", "--workers", "2"],
        ["--executor", "dask"],
        ["--insecure"],
        ["--site", "site.toml"],
        ["--toys-error", "0.01"],
    ],
)
def test_places_that_contradict_each_other(file, words, capsys):
    assert main([str(file), *words]) == 1
    assert words[0] in capsys.readouterr().err.replace("_", "-")


def test_toys_are_made_until_the_median_is_known():
    one = model({"a": counting([2.0], [3.0])})
    found = limit(one, toys=200, toys_error=0.05).toys
    assert found.stop == 0.05
    assert found.relative_error <= 0.05
    assert found.toys > 200
    # the same toys as if their number had been known before
    known = limit(one, toys=found.toys).toys
    assert known.expected == found.expected
    assert known.stop is None
    with raises("limits.wrong-toys-error", path="toys_error"):
        limit(one, toys_error=0.05)


CHANNELS = (3.0, 6.0), (2.0, 2.0), (4.0, 25.0)  # signal and background


def _outcomes(most=40):
    """Returns all outcomes of the three channels that matter, and their q̃ for a tested r."""
    grid = [np.arange(most + 30 * (b > 10)) for _, b in CHANNELS]
    return np.array(list(itertools.product(*grid)), np.float64)


def _statistic(outcomes, r):
    """Returns q̃ of Poisson counts without nuisances, by bisection of the slope of ln L."""
    s, b = np.array(CHANNELS).T

    def slope(at):
        return (outcomes * s / (at[:, None] * s + b)).sum(axis=1) - s.sum()

    low, high = np.zeros(len(outcomes)), np.full(len(outcomes), 60.0)
    for _ in range(60):
        middle = (low + high) / 2
        above = slope(middle) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    best = np.where(slope(np.zeros(len(outcomes))) > 0, (low + high) / 2, 0.0)

    def value(at):
        mean = at[:, None] * s + b
        return (mean - outcomes * np.log(mean)).sum(axis=1)

    q = 2 * (value(np.full(len(outcomes), r)) - value(best))
    return np.where(best <= r, np.maximum(q, 0.0), 0.0)


def _at_least(q, weights, observed):
    """Returns the probability of a q̃ that is observed or larger."""
    order = np.argsort(q)
    below = np.concatenate([[0.0], np.cumsum(weights[order])])
    return below[-1] - below[np.searchsorted(q[order], observed - 1e-6)]


@pytest.mark.parametrize("r", [0.5, 1.0, 2.0])
def test_coverage_of_three_counting_channels(r):
    """1,000 toys of a true r: CLs of q̃ excludes it as often as an exact sum over outcomes says."""
    content = {f"c{n}": counting([s], [b]) for n, (s, b) in enumerate(CHANNELS)}
    numbers, *_ = prepared(model(content))
    like, outcomes = numbers.likelihood, _outcomes()
    s, b = np.array(CHANNELS).T
    with_signal, alone = (
        poisson.pmf(outcomes, mean).prod(axis=1) for mean in (r * s + b, b)
    )  # fmt: skip
    assert 1 - with_signal.sum() < 1e-6
    q = _statistic(outcomes, r)
    cls = _at_least(q, with_signal, q) / np.maximum(_at_least(q, alone, q), 1e-300)
    exact = float(with_signal[cls >= 0.1].sum())
    truth = like.start.copy()
    truth[0] = r
    toys = draw(numbers, truth, 1000, np.random.default_rng(11))
    start = np.repeat(truth[None], 1000, axis=0)
    fixed = np.arange(like.size) == 0
    free, held = minimize(like, toys, start), minimize(like, toys, start, fixed=fixed)
    assert free.converged.all()
    assert held.converged.all()
    of_toys = np.where(
        free.parameters[:, 0] <= r, np.maximum(2 * (held.value - free.value), 0), 0.0
    )
    np.testing.assert_allclose(of_toys, _statistic(toys.templates, r), atol=1e-5)
    found = _at_least(q, with_signal, of_toys) / _at_least(q, alone, of_toys)
    covered = float((found >= 0.1).mean())
    assert abs(covered - exact) < 2 * np.sqrt(exact * (1 - exact) / 1000)
    assert exact >= 0.9  # CLs over-covers
