"""What a fit says of itself: minima, limits, starts, and fits that are not valid."""

from __future__ import annotations

import numpy as np
import pytest
from both_engines import component, counted, described, made
from fitted_dimuons import DIMUON, document, histogram, masses

from tau3mu.fit import fit

ENGINES = ("zfit", "numpy")
BACKGROUND = component("B", "Exponential", slope="slope")
SLOPE = {"value": -0.5, "limits": [-3, 3]}


def _with(**parameters):
    return document(parameters={**DIMUON["parameters"], **parameters})


@pytest.mark.parametrize("engine", ENGINES)
def test_a_limit_that_holds_a_parameter_makes_the_fit_invalid(engine):
    model = made(_with(width={"value": 0.04, "limits": [0.03, 0.05]}), engine=engine)
    result = fit(model, histogram())
    assert (result.valid, result.status) == (False, "parameter at limit")
    width = result.parameters["width"]
    assert (width.at_limit, width.error) == (True, None)
    assert width.value == pytest.approx(0.05, abs=1e-6)
    assert "width is at its upper limit 0.05" in result.messages[0]
    # The others have errors of a fit in which it is fixed there.
    fixed = fit(made(_with(width={"value": 0.05, "fixed": True}), engine="numpy"), histogram())
    assert fixed.valid
    for name in ("mean", "slope", "nJpsi", "nBackground"):
        found, other = result.parameters[name], fixed.parameters[name]
        assert abs(found.value - other.value) < 0.02 * other.error
        assert found.error == pytest.approx(other.error, rel=0.01)
    assert result.parameters["width2"].error is None  # it follows from one that has none


@pytest.mark.parametrize("engine", ENGINES)
def test_no_signal_ends_at_the_limit_of_zero(engine):
    """A dip where the peak would be: the yield is 0, and the fit says that more is forbidden."""
    values = np.random.default_rng(1).uniform(2.2, 4.8, 20000)
    values = values[(np.abs(values - 3.1) > 0.1) | (values * 1e4 % 10 < 8)]
    signal = component("S", "Gauss", mu="mean", sigma="width")
    fixed = {n: {"value": v, "fixed": True} for n, v in {"mean": 3.1, "width": 0.05}.items()}
    model = described({"S": signal, "B": BACKGROUND}, {**fixed, "slope": SLOPE})
    result = fit(made(model, engine=engine), counted(values))
    assert result.values["S"] == pytest.approx(0, abs=0.5)
    assert result.status == "parameter at limit"
    assert "S is at its lower limit 0, and the likelihood would grow" in result.messages[0]
    assert result.covariance_parameters == ("slope", "B")


@pytest.mark.parametrize("engine", ENGINES)
def test_two_yields_of_the_same_shape_are_told_not_apart(engine):
    other = component("B2", "Exponential", slope="slope")
    model = described({"B": BACKGROUND, "B2": other}, {"slope": SLOPE})
    result = fit(made(model, engine=engine), counted(masses()))
    assert any("the data hardly tell B2 and B apart" in text for text in result.messages)
    assert result.values["B"] + result.values["B2"] == pytest.approx(len(masses()), rel=1e-3)


def test_a_likelihood_with_a_jump_is_not_trusted():
    """The edge of a box has no slope except where an entry is, so no minimum can be found."""
    box = component("S", "Uniform", low="low", high="high")
    parameters = {
        "low": {"value": 2.3, "fixed": True}, "high": {"value": 3.7, "limits": [2.5, 4.7]},
    }  # fmt: skip
    values = np.random.default_rng(2).uniform(2.3, 3.9, 50)
    result = fit(made(described({"S": box}, parameters), engine="numpy"), values)
    assert not result.valid or any("do not determine high" in text for text in result.messages)


def test_of_two_minima_the_lower_one_is_found_by_several_starts():
    """A peak at 3.6 is larger than the one at 3.0, where the only start would begin."""
    generator = np.random.default_rng(3)
    parts = (
        generator.normal(3.0, 0.04, 300), generator.normal(3.9, 0.04, 900),
        generator.uniform(2.2, 4.8, 3000),
    )  # fmt: skip
    signal = component("S", "Gauss", mu="mean", sigma="width")
    parameters = {
        "mean": {"value": 3.0, "limits": [2.4, 4.6]},
        "width": {"value": 0.04, "limits": [0.02, 0.08]},
        "slope": SLOPE,
    }
    model = described({"S": signal, "B": BACKGROUND}, parameters)
    data = counted(np.concatenate(parts))
    lost = fit(made(model, engine="numpy"), data)
    assert lost.values["mean"] == pytest.approx(3.0, abs=0.02)
    found = fit(made(model, engine="numpy", starts={"number": 12, "seed": 1}), data)
    assert found.values["mean"] == pytest.approx(3.9, abs=0.02)
    assert found.nll < lost.nll - 50
    assert sum(m.starts for m in found.minima) + found.failed_starts == 12
    others = [m for m in found.minima if abs(m.values["mean"] - 3.0) < 0.02]
    assert others[0].delta_nll == pytest.approx(lost.nll - found.nll, abs=0.02)
    assert any("ended in another minimum" in text for text in found.messages)


def test_stages_begin_where_a_component_dominates():
    """Far from the start, the peak is found since a stage looks at it alone."""
    parameters = {
        "mean": {"value": 2.6, "limits": [2.4, 3.3]},
        "width": {"value": 0.07, "limits": [0.03, 0.15]},
        "slope": SLOPE,
    }
    signal = component("S", "Gauss", mu="mean", sigma="width")
    model = described({"S": signal, "B": BACKGROUND}, parameters)
    generator = np.random.default_rng(4)
    parts = (generator.normal(3.096, 0.05, 600), 2.2 + generator.exponential(2, 5000))
    data = counted(np.concatenate(parts))
    stage = {"components": ["S"], "ranges": [[3.0, 3.2]]}
    found = fit(made(model, engine="numpy", stages=[stage]), data)
    assert found.valid
    assert found.values["mean"] == pytest.approx(3.096, abs=4 * found.parameters["mean"].error)


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_the_result_is_the_same_whatever_the_order_of_the_file(binned):
    """Neither the order of components nor that of parameters matters."""
    data = histogram() if binned else masses()
    one = fit(made(document(), engine="numpy"), data)
    components = dict(reversed(DIMUON["components"].items()))
    parameters = dict(reversed(DIMUON["parameters"].items()))
    other = fit(made(document(components=components, parameters=parameters), engine="numpy"), data)
    assert other.nll == pytest.approx(one.nll, abs=1e-3)
    for name, parameter in one.parameters.items():
        found = other.parameters[name]
        assert abs(found.value - parameter.value) < 0.02 * parameter.error
        assert found.error == pytest.approx(parameter.error, rel=0.01)


def test_the_result_says_how_it_was_made():
    result = fit(made(document(), engine="numpy"), histogram())
    assert result.engine == "numpy"
    assert {"tau3mu", "iminuit", "numpy", "python"} <= set(result.versions)
    assert "zfit" not in result.versions
    (spectrum,) = result.spectra.values()
    assert spectrum.bins == 52
    assert len(spectrum.data_hash) == 64
    plain = result.to_dict()
    assert plain["model_hash"] == result.model.hash
    assert plain["configuration"]["components"] == document()["components"]
    assert plain["parameters"]["mean"]["value"] == result.values["mean"]
