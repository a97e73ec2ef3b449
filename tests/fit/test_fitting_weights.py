"""Entries with weights: what the errors of a fit of them are."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import component, counted, described, made

from tau3mu.fit import fit
from tau3mu.fit.likelihood import Objective

DOCUMENT = described(
    {
        "S": component("S", "Gauss", mu="mean", sigma="width"),
        "B": component("B", "Exponential", slope="slope"),
    },
    {
        "mean": {"value": 3.096, "limits": [3.0, 3.2]},
        "width": {"value": 0.07, "limits": [0.03, 0.15]},
        "slope": {"value": -0.5, "limits": [-3, 3]},
    },
)


def _entries(seed, signal=1500, background=5000):
    generator = np.random.default_rng(seed)
    tail = 2.2 + generator.exponential(2, background)
    values = np.concatenate([generator.normal(3.096, 0.07, signal), tail])
    return values[values < 4.8]


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_a_weight_of_one_half_halves_yields_and_their_errors(engine, binned):
    values = _entries(1)
    half = np.full(len(values), 0.5)
    model = made(DOCUMENT, engine=engine)
    plain = fit(model, counted(values) if binned else values)
    weighted = fit(model, counted(values, weight=0.5) if binned else (values, half))
    assert weighted.valid
    assert weighted.entries == len(values) / 2
    for name, parameter in plain.parameters.items():
        scale = 0.5 if parameter.is_yield else 1
        found = weighted.parameters[name]
        assert abs(found.value - scale * parameter.value) < 0.01 * scale * parameter.error, name
        assert found.error == pytest.approx(scale * parameter.error, rel=0.05), name
    # The curvature of the likelihood alone would say this.
    naive = plain.parameters["S"].error * np.sqrt(0.5)
    assert weighted.parameters["S"].error < 0.75 * naive


def test_least_squares_know_the_errors_of_weights():
    values = _entries(2, 15000, 50000)
    weights = np.random.default_rng(3).choice([0.2, 0.8], len(values))
    data = counted(values, weight=weights)
    likelihood = fit(made(DOCUMENT, engine="numpy"), data)
    chi2 = fit(made(DOCUMENT, engine="numpy", loss="chi2"), data)
    for name, parameter in likelihood.parameters.items():
        found = chi2.parameters[name]
        assert abs(found.value - parameter.value) < 0.5 * parameter.error, name
        assert found.error == pytest.approx(parameter.error, rel=0.03), name
    assert any("weighted" in text for text in likelihood.messages)


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_errors_are_those_of_the_bootstrap(binned):
    """Peak and background have other weights, so no common factor could make the errors right."""
    generator = np.random.default_rng(4)
    values = _entries(5)
    near = np.abs(values - 3.096) < 0.15
    weights = np.where(near, generator.choice([0.5, 3.0], len(values)), 0.6)
    model = made(DOCUMENT, engine="numpy")

    def data(chosen):
        if binned:
            return counted(values[chosen], weight=weights[chosen])
        return values[chosen], weights[chosen]

    result = fit(model, data(slice(None)))
    found = {name: [] for name in result.values}
    number = 150
    for _ in range(number):
        # As many as an experiment would find: a Poisson number of each entry.
        chosen = np.repeat(np.arange(len(values)), generator.poisson(1, len(values)))
        again = fit(model, data(chosen))
        assert again.valid
        for name, value in again.values.items():
            found[name].append(value)
    for name, parameter in result.parameters.items():
        deviation = np.std(found[name], ddof=1)
        assert parameter.error == pytest.approx(deviation, rel=4 / np.sqrt(2 * number)), name
    # The naive error of the signal is too small by so much that this test would see it.
    naive = np.sqrt(np.diag(_inverse_curvature(result)))[0]
    assert naive < 0.7 * result.parameters["S"].error


def _inverse_curvature(result):
    objective = Objective(result.model, result.data)
    free = objective.parameters.free
    point = objective.parameters.point(result.values)
    steps = np.diag([0.1 * result.parameters[name].error for name in free])
    curvature = [
        [
            sum(i * j * objective(point + i * a + j * b) for i in (1, -1) for j in (1, -1))
            / (4 * a.sum() * b.sum())
            for b in steps
        ]
        for a in steps
    ]
    order = [free.index("S"), *(i for i, name in enumerate(free) if name != "S")]
    return np.linalg.inv(curvature)[np.ix_(order, order)]


@pytest.mark.parametrize("pdf", ["normal", "lognormal"])
def test_a_constraint_counts_as_one_measurement_beside_weights(pdf):
    """A parameter that only the constraint knows keeps its error, whatever the weights."""
    document = made(DOCUMENT).to_dict()
    constraint = {"pdf": pdf, "mean": 0.07, "sigma": 0.0005 if pdf == "normal" else 0.0005 / 0.07}
    document["parameters"]["width"]["constraint"] = constraint
    result = fit(made(document, engine="numpy"), counted(_entries(6), weight=2.0))
    assert result.valid
    assert result.parameters["width"].error == pytest.approx(0.0005, rel=0.03)
    plain = fit(made(DOCUMENT, engine="numpy"), counted(_entries(6), weight=2.0))
    assert plain.parameters["width"].error > 0.002
