"""Start values and the grouping of minima."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from tau3mu.fit.fitting.search import StartResult, best_yields, group_minima


def _shapes():
    x = np.linspace(0, 1, 40)
    shapes = np.array(
        [np.exp(-((x - 0.3) ** 2) / 0.01), np.exp(-((x - 0.7) ** 2) / 0.01), 1 - x / 2]
    )
    return shapes / shapes.sum(axis=1, keepdims=True)


def test_best_yields_maximise_the_likelihood():
    shapes = _shapes()
    contents = np.random.default_rng(3).poisson([300, 120, 500] @ shapes).astype(float)

    def nll(yields):
        return np.sum(yields @ shapes - contents * np.log(yields @ shapes))

    best = minimize(
        nll, [300, 300, 300], method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9}
    )
    found = best_yields(shapes, contents, {})
    np.testing.assert_allclose(found, best.x, rtol=1e-3)
    assert found.sum() == pytest.approx(contents.sum())


def test_best_yields_keep_those_that_are_given():
    shapes = _shapes()
    contents = [300, 120, 500] @ shapes
    found = best_yields(shapes, contents, {1: 120.0})
    np.testing.assert_allclose(found, [300, 120, 500], rtol=1e-2)
    assert found[1] == 120


def test_best_yields_survive_empty_bins_and_impossible_shapes():
    shapes = np.array([[0.5, 0.5, 0, 0], [0, 0, 1.0, 0]])
    np.testing.assert_allclose(best_yields(shapes, np.array([4.0, 2, 3, 1]), {}), [6, 3])


def _candidate(nll, *, converged=True):
    return StartResult(nll, {"a": nll}, {"a": 1.0}, converged)


def test_candidates_of_the_same_minimum_are_grouped():
    results = [
        _candidate(-7.0),
        _candidate(-6.9951),
        _candidate(-6.995, converged=False),
        _candidate(-6.98),
        _candidate(-3.0),
    ]
    groups = group_minima(results)
    assert [[c.nll for c in group] for group in groups] == [[-7.0, -6.9951], [-6.98], [-3.0]]
    assert group_minima([_candidate(0.0, converged=False)]) == []
