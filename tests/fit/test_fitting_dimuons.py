"""Yields, masses and widths of J/psi and psi(2S), against RooFit and against iminuit's costs."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from both_engines import made
from fitted_dimuons import EDGES, document, histogram, masses
from independent_dimuons import (
    NAMES,
    assert_found,
    cost_of_counts,
    cost_of_entries,
    counts_between,
    density,
    minimum,
)
from scipy.stats import poisson

from tau3mu.fit import fit, sources

ENGINES = ("zfit", "numpy")

# Of RooFit 6.40: counts with the integrals over the 52 bins, and single entries.
ROOFIT = {
    "histMass": {
        "nJpsi": (3090.71, 94.34), "nPsi2s": (279.48, 55.61), "nBackground": (25237.6, 187.9),
        "mean": (3.09513, 0.00246), "width": (0.07394, 0.00246), "slope": (-0.48504, 0.00894),
    },
    "fMass": {
        "nJpsi": (2616.50, 90.81), "nPsi2s": (285.77, 55.61), "nBackground": (25633.9, 189.1),
        "mean": (3.09938, 0.00265), "width": (0.07168, 0.00266), "slope": (-0.51671, 0.00892),
    },
}  # fmt: skip


@pytest.mark.others("dq_tutorial.root")
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("given", "entries"), [({"histogram": "histMass"}, 28608), ({"column": "fMass"}, 28533)]
)
def test_roofit_finds_the_same(engine, given, entries, others):
    model = made(document(input={"file": str(others / "dq_tutorial.root"), **given}), engine=engine)
    result = fit(model, {name: source.data for name, source in sources(model).items()})
    assert result.valid
    assert result.entries == entries
    for name, (value, error) in ROOFIT[next(iter(given.values()))].items():
        found = result.parameters[name]
        assert abs(found.value - value) < 0.05 * error, name
        assert found.error == pytest.approx(error, rel=0.01), name
        if error == 0.00246:  # rounded to three digits
            assert found.error == pytest.approx(error, abs=1e-5)


@pytest.fixture(scope="module", params=["counts", "entries"])
def case(request):
    """The data of a fit, Minuit at its minimum, and its negative logarithm of the likelihood."""
    if request.param == "entries":
        values = masses()
        minuit = minimum(cost_of_entries(values))
        expected = sum(minuit.values[:3])
        return values, minuit, expected - np.log(density(values, *minuit.values)).sum()
    contents = histogram().values()
    minuit = minimum(cost_of_counts(contents, EDGES))
    bins = [sum(counts_between(*ends, *minuit.values)) for ends in pairwise(EDGES)]
    return histogram(), minuit, -poisson.logpmf(contents, bins).sum()


@pytest.mark.parametrize("engine", ENGINES)
def test_iminuit_finds_the_same(case, engine):
    data, minuit, nll = case
    result = fit(made(document(), engine=engine), data)
    assert result.valid
    assert_found(result, minuit)
    assert result.nll == pytest.approx(nll, abs=1e-3)
    assert result.edm < 1e-4


def _rise(cost, result, name, distance):
    """By how much the profile of the likelihood rises if a parameter is so far from its value."""
    start = {name: result.values[name] for name in NAMES}
    free = minimum(cost, **start)
    held = minimum(cost, **start)
    held.values[name] = result.values[name] + distance
    held.fixed[name] = True
    held.migrad()
    return (held.fval - free.fval) / 2


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("data", ["counts", "entries"])
def test_minos_errors_are_where_the_profile_rises_by_one_half(engine, data):
    values = masses()[::5]  # few enough that the errors are not symmetric
    contents = np.histogram(values, EDGES)[0]
    binned = data == "counts"
    cost = cost_of_counts(contents, EDGES) if binned else cost_of_entries(values)
    model = made(document(), engine=engine, minos=["nPsi2s", "width"])
    result = fit(model, _counts(contents) if binned else values)
    for name in NAMES:
        if name not in {"nPsi2s", "width"}:
            assert result.parameters[name].minos is None
            continue
        down, up = result.parameters[name].minos
        assert down < 0 < up
        for distance in (down, up):
            assert _rise(cost, result, name, distance) == pytest.approx(0.5, abs=0.01)
    width = result.parameters["width"]
    assert width.minos[1] > 1.03 * width.error
    assert -width.minos[0] < width.error


def _counts(contents):
    made_of = histogram()
    made_of.view().value = made_of.view().variance = contents
    return made_of


def _propagated(function, minuit):
    """The value of a function of the parameters, and its error to first order."""
    values, errors = np.array(minuit.values), np.array(minuit.errors)
    slopes = [
        (function(*(values + step)) - function(*(values - step))) / (2e-4 * error)
        for error, step in zip(errors, np.diag(1e-4 * errors), strict=True)
    ]
    return function(*values), np.sqrt(slopes @ np.array(minuit.covariance) @ slopes)


def test_derived_quantities_and_windows(case):
    data, minuit, _ = case
    result = fit(made(document()), data)
    window = result.windows["Jpsi_peak"]

    def inside(*values):
        signal, *others = counts_between(*window.range, *values)
        return signal, sum(others)

    for found, function in (
        (result.derived["ratio"], lambda *v: v[1] / v[0]),
        (window.signal, lambda *v: inside(*v)[0]),
        (window.background, lambda *v: inside(*v)[1]),
        (window.signal_over_background, lambda *v: inside(*v)[0] / inside(*v)[1]),
        (window.purity, lambda *v: inside(*v)[0] / sum(inside(*v))),
        (window.significance, lambda *v: inside(*v)[0] / np.sqrt(sum(inside(*v)))),
    ):
        value, error = _propagated(function, minuit)
        assert abs(found.value - value) < 0.01 * error
        assert found.error == pytest.approx(error, rel=0.01)
    centre, width = (result.values[name] for name in ("mean", "width"))
    assert window.range == pytest.approx((centre - 3 * width, centre + 3 * width))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_tie_is_another_name_for_the_same(engine):
    """The model in terms of the other mass and width gives the same fit."""
    plain = fit(made(document(), engine=engine), histogram())
    parameters = {
        "mean2": {"value": 3.68, "limits": [3.6, 3.8]},
        "width2": {"value": 0.07, "limits": [0.03, 0.15]},
        "mean": {"expression": "mean2 - 0.584"},
        "width": {"expression": "width2 / 1.05"},
        "slope": {"value": -0.5, "limits": [-3, 3]},
    }
    other = fit(made(document(parameters=parameters), engine=engine), histogram())
    assert other.nll == pytest.approx(plain.nll, abs=1e-4)
    for name, parameter in plain.parameters.items():
        found = other.parameters[name]
        assert abs(found.value - parameter.value) < 0.01 * parameter.error, name
        assert found.error == pytest.approx(parameter.error, rel=0.01), name
    width, width2 = (plain.parameters[name] for name in ("width", "width2"))
    assert (width2.value, width2.error) == pytest.approx((1.05 * width.value, 1.05 * width.error))
    assert width2.expression == "1.05 * width"
