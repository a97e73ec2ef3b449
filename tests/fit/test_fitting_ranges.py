"""Fits of a part of the range: yields are those of all of it."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import component, counted, described, made
from fitted_dimuons import DIMUON, EDGES, document, histogram, masses
from independent_dimuons import assert_found, cost_of_counts, cost_of_entries, minimum

from tau3mu.fit import fit

INTERVALS = ((2.2, 2.5), (2.7, 3.4), (3.6, 4.8))
PARTS = {"ranges": [[2.2, 3.4], [3.6, 4.8]], "blind": [[2.5, 2.7]]}


def _seen(values):
    return np.any([(values >= low) & (values < high) for low, high in INTERVALS], axis=0)


@pytest.mark.parametrize("data", ["counts", "entries"])
def test_iminuit_finds_the_same(data):
    values = masses()[_seen(masses())]
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    if data == "counts":
        minuit = minimum(cost_of_counts(np.histogram(values, EDGES)[0], EDGES, _seen(centres)))
    else:
        minuit = minimum(cost_of_entries(values, INTERVALS))
    result = fit(
        made(document(**PARTS), engine="numpy"), histogram() if data == "counts" else masses()
    )
    assert result.valid
    assert result.entries == len(values)
    assert result.ndf == _seen(centres).sum() - 6
    assert_found(result, minuit)


def _sidebands(**more):
    return document(
        components={"background": DIMUON["components"]["background"]},
        parameters={"slope": DIMUON["parameters"]["slope"]},
        derived=None,
        windows=None,
        **more,
    )


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
@pytest.mark.parametrize("blind", [[[2.8, 3.9]], [[2.2, 3.9]], [[2.8, 4.8]]])
def test_sidebands_give_the_background_under_a_blinded_peak(engine, blind):
    generator = np.random.default_rng(4)
    pulls = []
    for _ in range(3 if engine == "zfit" else 40):
        background = 2.2 + generator.exponential(2, 40000)
        background = background[background < 4.8]
        values = np.concatenate([background, generator.normal(3.1, 0.07, 4000)])
        result = fit(made(_sidebands(blind=blind), engine=engine), counted(values))
        assert result.valid, result.messages
        found = result.parameters["nBackground"]
        pulls.append((found.value - 40000 * (1 - np.exp(-1.3))) / found.error)
    # The number of entries fluctuates less than a Poisson number: it is binomial.
    assert abs(np.mean(pulls)) < 4 / np.sqrt(len(pulls))
    assert np.std(pulls) < 1 + 4 / np.sqrt(2 * len(pulls))


def test_a_blinded_window_hides_its_contents():
    """Whatever lies in there, the fit is the same to the last digit."""
    model = made(_sidebands(blind=[[2.8, 3.9]]), engine="numpy")
    values = masses()
    hidden = values[(values < 2.8) | (values >= 3.9)]
    assert fit(model, histogram()).values == fit(model, counted(hidden)).values
    one, other = fit(model, values), fit(model, hidden)
    assert one.values == other.values
    assert one.chi2 == other.chi2


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_a_yield_may_be_many_times_what_is_fitted(engine, binned):
    """Of a steep background, only one in 24 lies in the fitted part of the range."""
    shape = {"B": component("B", "Exponential", slope="slope")}
    slope = {"slope": {"value": -2.0, "limits": [-4, 0]}}
    model = made(described(shape, slope, ranges=[[3.8, 4.8]]), engine=engine)
    generator = np.random.default_rng(5)
    values = 2.2 + generator.exponential(0.5, 100000)
    values = values[values < 4.8]
    result = fit(model, counted(values) if binned else values)
    assert result.valid, result.messages
    found = result.parameters["B"]
    assert found.value > 15 * result.entries
    assert abs(found.value - len(values)) < 4 * found.error
    assert found.limits[1] > 2 * found.value
