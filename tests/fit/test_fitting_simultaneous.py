"""Several spectra in one fit: the sum of their likelihoods, with parameters that they share."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import made
from fitted_dimuons import DIMUON, EDGES, histogram, masses
from iminuit import Minuit
from iminuit.cost import NormalConstraint
from independent_dimuons import NAMES, assert_found, cost_of_counts, cost_of_entries, minimum

from tau3mu.fit import fit

OWN = ("nJpsi", "nPsi2s", "nBackground", "slope")


def _document():
    """Two spectra that share mass and width, and a slope and yields of their own."""
    document = {k: v for k, v in DIMUON.items() if k not in {"observable", "components", "windows"}}
    second = {}
    for name, part in DIMUON["components"].items():
        used = {role: n + "_B" * (n == "slope") for role, n in part["parameters"].items()}
        second[name] = {**part, "yield": part["yield"] + "_B", "parameters": used}
    spectra = {"A": DIMUON["components"], "B": second}
    document["spectra"] = {
        name: {"observable": DIMUON["observable"], "components": components}
        for name, components in spectra.items()
    }
    document["parameters"] = {**DIMUON["parameters"], "slope_B": DIMUON["parameters"]["slope"]}
    return document


@pytest.fixture(scope="module")
def combined():
    """Entries, and Minuit at the minimum of the costs of counts and of these entries."""
    entries = masses(12)[::10]
    # iminuit adds costs, which share parameters by name.
    in_b = [name + "_B" * (name in OWN) for name in NAMES]
    total = cost_of_counts(histogram().values(), EDGES) + cost_of_entries(entries, names=in_b)
    rough = minimum(cost_of_counts(histogram().values(), EDGES)).values.to_dict()
    minuit = Minuit(total, **{n: rough[n.removesuffix("_B")] for n in total._parameters})
    minuit.strategy, minuit.tol = 2, 1e-4
    minuit.migrad()
    minuit.hesse()
    return entries, minuit


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_iminuit_finds_the_same(combined, engine):
    entries, minuit = combined
    result = fit(made(_document(), engine=engine), {"A": histogram(), "B": entries})
    assert result.valid
    assert_found(result, minuit, minuit.parameters)
    assert set(result.spectra) == {"A", "B"}
    assert result.entries == len(masses()) + len(entries)
    assert result.ndf == 104 - 10


def test_sharing_makes_errors_smaller():
    """Two equal spectra know the mass better by the square root of two, and their yields alike."""
    both = fit(made(_document(), engine="numpy"), {"A": histogram(), "B": histogram()})
    one = fit(made(DIMUON, engine="numpy"), histogram())
    for name in ("mean", "width"):
        assert both.values[name] == pytest.approx(one.values[name], abs=1e-5)
        ratio = one.parameters[name].error / both.parameters[name].error
        assert ratio == pytest.approx(np.sqrt(2), rel=0.01)
    for name in OWN:
        assert both.values[name] == pytest.approx(both.values[f"{name}_B"], rel=1e-3)
    assert both.chi2 == pytest.approx(2 * one.chi2, rel=1e-4)
    assert both.nll == pytest.approx(2 * one.nll, abs=1e-3)


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_a_normal_constraint_is_one_more_measurement(engine):
    document = {**DIMUON, "parameters": {**DIMUON["parameters"]}}
    constraint = {"pdf": "normal", "mean": 3.1, "sigma": 0.001}
    document["parameters"]["mean"] = {**document["parameters"]["mean"], "constraint": constraint}
    cost = cost_of_counts(histogram().values(), EDGES) + NormalConstraint("mean", 3.1, 0.001)
    minuit = minimum(cost)
    result = fit(made(document, engine=engine), histogram())
    assert_found(result, minuit)
    free = fit(made(DIMUON, engine="numpy"), histogram())
    assert result.ndf == free.ndf + 1
    assert result.parameters["mean"].error < 0.5 * free.parameters["mean"].error


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_a_lognormal_constraint_is_a_normal_one_of_the_logarithm(engine):
    """The same model in terms of the logarithm of the width has the constraint as a normal one."""

    def found(**parameters):
        document = {**DIMUON, "parameters": {**DIMUON["parameters"], **parameters}}
        return fit(made(document, engine=engine), histogram())

    constraint = {"pdf": "lognormal", "mean": 0.08, "sigma": 0.02}
    one = found(width={**DIMUON["parameters"]["width"], "constraint": constraint})
    normal = {"pdf": "normal", "mean": float(np.log(0.08)), "sigma": 0.02}
    log_width = {"value": -2.6, "limits": [-3.5, -1.9], "constraint": normal}
    other = found(width={"expression": "exp(log_width)"}, log_width=log_width)
    assert one.nll == pytest.approx(other.nll, abs=1e-3)
    for name, parameter in one.parameters.items():
        assert abs(other.values[name] - parameter.value) < 0.02 * parameter.error, name
        assert other.parameters[name].error == pytest.approx(parameter.error, rel=0.02), name
    assert other.parameters["log_width"].error < 0.02
