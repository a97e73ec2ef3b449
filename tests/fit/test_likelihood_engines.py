"""zfit and the NumPy evaluator find the same, for every kind of model; and both find the truth."""

from __future__ import annotations

import numpy as np
import pytest
import uproot
from both_engines import (
    OBSERVABLE,
    RANGE,
    assert_same,
    both,
    component,
    counted,
    described,
    drawn,
    made,
)

MEAN = {"value": 3.096, "limits": [3.0, 3.2]}
WIDTH = {"value": 0.07, "limits": [0.03, 0.15]}
SLOPE = {"value": -0.5, "limits": [-3, 3]}
PEAK = component("S", "Gauss", mu="mean", sigma="width")
EXPONENTIAL = component("B", "Exponential", slope="slope")


def _fixed(**values):
    return {name: {"value": value, "fixed": True} for name, value in values.items()}


def _peak_on(background, **more):
    return {"S": PEAK, "B": background}, {"mean": MEAN, "width": WIDTH, **more}


CB2_VWG = described(
    {
        "S": component(
            "S", "CB2", mean="mean", width="width",
            alpha_left="aL", n_left="nL", alpha_right="aR", n_right="nR",
        ),
        "B": component("B", "VWG", mean="vwg_mean", width="vwg_width", slope="vwg_slope"),
    },
    {
        "mean": MEAN, "width": WIDTH, **_fixed(aL=1.1, nL=3.4, aR=2.1, nR=9.9, vwg_slope=0.4),
        "vwg_mean": {"value": 2.1, "limits": [1.0, 3.0]},
        "vwg_width": {"value": 0.6, "limits": [0.2, 2.0]},
    },
)  # fmt: skip
NA60_CHEBYSHEV = described(
    {
        "S": component(
            "S", "NA60", mean="mean", width="width", alpha_left="aL", p1_left="p1L", p2_left="p2L",
            p3_left="p3L", alpha_right="aR", p1_right="p1R", p2_right="p2R", p3_right="p3R",
        ),
        "B": component("B", "Chebyshev", coefficients=["c1", "c2"]),
    },
    {
        "mean": MEAN, "width": WIDTH,
        **_fixed(aL=-0.6, p1L=0.2, p2L=2.5, p3L=0.05, aR=2.0, p1R=0.3, p2R=2.3, p3R=0.06),
        "c1": {"value": -0.5, "limits": [-1.5, 1.5]}, "c2": {"value": 0.1, "limits": [-1.5, 1.5]},
    },
)  # fmt: skip
VOIGT_BERNSTEIN = described(
    {
        "S": component("S", "Voigt", m="mean", sigma="width", gamma="gamma"),
        "B": component("B", "Bernstein", coefficients=["b0", "b1", "b2"]),
    },
    {
        "mean": MEAN, "width": WIDTH, "gamma": {"value": 0.04, "limits": [0.005, 0.2]},
        **_fixed(b0=1.0), "b1": {"value": 0.6, "limits": [0, 3]},
        "b2": {"value": 0.3, "limits": [0, 3]},
    },
)  # fmt: skip
TAIL_ON_SUM = described(
    {
        "S": component("S", "ExpModGauss", mu="mean", sigma="width", lambd="lambd"),
        "B": {
            "label": "B", "yield": "B", "fractions": ["steep"],
            "sum": [
                {"pdf": "Exponential", "parameters": {"slope": "slope"}},
                {"pdf": "Gamma", "parameters": {"gamma": "g", "beta": "b", "mu": "start"}},
            ],
        },
    },
    {
        "mean": MEAN, "width": WIDTH, "lambd": {"value": 10.0, "limits": [3, 40]},
        "slope": {"value": -2.0, "limits": [-6, -0.5]}, **_fixed(g=3.0, b=0.5, start=2.0),
        "steep": {"value": 0.6, "limits": [0, 1]},
    },
)  # fmt: skip
TIED = described(
    {"S": PEAK, "B": EXPONENTIAL, "P": component("P", "Gauss", mu="mean2", sigma="width2")},
    {
        "mean": {**MEAN, "constraint": {"pdf": "normal", "mean": 3.097, "sigma": 0.003}},
        "width": {**WIDTH, "constraint": {"pdf": "lognormal", "mean": 0.071, "sigma": 0.05}},
        "mean2": {"expression": "mean + 0.584"}, "width2": {"expression": "1.05 * width"},
        "slope": SLOPE, "R": {"value": 0.12, "limits": [0, 1]}, "P": {"expression": "R * S"},
    },
)  # fmt: skip
RESOLUTION = described(
    {
        "S": component(
            "S", "Cauchy", m="mean", gamma="gamma",
            resolution={
                "sum": [
                    {"pdf": "Gauss", "parameters": {"mu": "bias", "sigma": "width"}},
                    {"pdf": "Gauss", "parameters": {"mu": "bias", "sigma": "wide"}},
                ],
                "fractions": ["core"],
            },
        ),
        "B": EXPONENTIAL,
    },
    {
        "mean": MEAN, "width": {"value": 0.03, "limits": [0.015, 0.08]},
        "wide": {"expression": "2 * width"}, "slope": SLOPE,
        **_fixed(bias=0.01, core=0.7, gamma=0.03),
    },
)  # fmt: skip

YIELDS = {"S": 2000.0, "B": 5000.0}
CASES = {
    "CB2 on VWG": (CB2_VWG, YIELDS),
    "NA60 on Chebyshev": (NA60_CHEBYSHEV, YIELDS),
    "Voigt on Bernstein": (VOIGT_BERNSTEIN, YIELDS),
    "ExpModGauss on a sum": (TAIL_ON_SUM, {"S": 4000.0, "B": 6000.0}),
    "expressions and constraints": (TIED, YIELDS),
    "resolution": (RESOLUTION, YIELDS),
}


def _assert_closure(result, truth):
    for name, value in truth.items():
        found = result.parameters[name]
        assert abs(found.value - value) < 4 * found.error, (name, found, value)


def _truth(model, yields):
    return yields | {n: p.value for n, p in model.parameters.items() if p.free and n not in yields}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_models(name, binned):
    document, yields = CASES[name]
    model = made(document)
    entries = drawn(model, yields)
    with_zfit, with_numpy = both(document, counted(entries) if binned else entries)
    assert with_zfit.valid, with_zfit.messages
    assert_same(with_zfit, with_numpy)
    _assert_closure(with_zfit, _truth(model, yields))


def _simple(**more):
    return described(*_peak_on(EXPONENTIAL, slope=SLOPE), **more)


def _simple_entries(seed=1, **yields):
    return drawn(made(_simple()), YIELDS | yields, seed)


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_ranges_and_blinded_windows(binned):
    document = _simple(ranges=[[2.2, 3.4], [3.6, 4.8]], blind=[[2.5, 2.7]])
    entries = _simple_entries()
    with_zfit, with_numpy = both(document, counted(entries) if binned else entries)
    assert with_zfit.valid
    assert with_zfit.entries < 0.9 * len(entries)
    assert_same(with_zfit, with_numpy)
    _assert_closure(with_zfit, YIELDS | {"mean": 3.096, "width": 0.07, "slope": -0.5})


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_weights(binned):
    entries = _simple_entries()
    weights = np.random.default_rng(7).choice([0.2, 1.0, -0.1], len(entries), p=[0.4, 0.5, 0.1])
    data = counted(entries, weight=weights) if binned else (entries, weights)
    with_zfit, with_numpy = both(_simple(), data)
    assert with_zfit.valid
    assert_same(with_zfit, with_numpy)
    mean_weight = 0.4 * 0.2 + 0.5 - 0.1 * 0.1
    scaled = {name: value * mean_weight for name, value in YIELDS.items()}
    _assert_closure(with_zfit, scaled | {"mean": 3.096, "width": 0.07, "slope": -0.5})


def test_chi2_with_a_constraint():
    document = _simple(method={"loss": "chi2"})
    document["parameters"]["width"] = {
        **WIDTH, "constraint": {"pdf": "lognormal", "mean": 0.075, "sigma": 0.02},
    }  # fmt: skip
    with_zfit, with_numpy = both(document, counted(_simple_entries(S=8000.0, B=30000.0)))
    assert with_zfit.valid
    assert_same(with_zfit, with_numpy)


def test_several_spectra_of_counts_and_entries_share_parameters():
    other = {
        "S": component("S2", "Gauss", mu="mean", sigma="width"),
        "B": component("B2", "Exponential", slope="slope2"),
    }
    document = _simple()
    document["spectra"] = {
        "A": {"observable": OBSERVABLE, "components": document.pop("components")},
        "B": {"observable": document.pop("observable"), "components": other},
    }
    document["parameters"]["slope2"] = {"value": -1.0, "limits": [-3, 3]}
    document["parameters"]["S2"] = {"expression": "0.5 * S"}
    model = made(document)
    yields = YIELDS | {"B2": 3000.0}
    data = {
        "A": counted(drawn(model, yields, 2, "A")),
        "B": drawn(model, yields, 3, "B"),
    }
    with_zfit, with_numpy = both(document, data)
    assert with_zfit.valid
    assert_same(with_zfit, with_numpy)
    truth = {"mean": 3.096, "width": 0.07, "slope": -0.5, "slope2": -1.0, "S2": 1000.0}
    _assert_closure(with_zfit, yields | truth)


STEP = """
def formula(x, edge, width, slope, xp):
    return xp.exp(slope * x) / (1 + xp.exp((edge - x) / width))

positive = ("width",)
"""


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_templates_and_a_pdf_of_a_user(tmp_path, binned):
    simulated = np.random.default_rng(9).normal(3.1, 0.08, 4000)
    with uproot.recreate(tmp_path / "simulation.root") as file:
        file["peak"] = counted(simulated)
        file.mktree("events", {"m": simulated + 0.6})
    (tmp_path / "turn_on.py").write_text(STEP)

    def template(name, pdf, **given):
        asked = {"file": "simulation.root", **given}
        return {"label": name, "yield": name, "pdf": pdf, "template": asked}

    document = described(
        {
            "S": template("S", "Histogram", histogram="peak"),
            "P": template("P", "KDE", tree="events", column="m"),
            "B": component("B", "turn_on", edge="edge", width="width", slope="slope"),
        },
        {
            "edge": {"value": 2.5, "limits": [2.2, 2.8]}, **_fixed(width=0.1),
            "slope": {"value": -1.0, "limits": [-3, 1]},
        },
    )  # fmt: skip
    generator = np.random.default_rng(10)
    x = 2.2 + generator.exponential(1.0, 20000)
    kept = generator.random(len(x)) < 1 / (1 + np.exp((2.5 - x) / 0.1))
    parts = (generator.normal(3.1, 0.08, 2000), generator.normal(3.7, 0.08, 500), x[kept])
    entries = np.concatenate(parts)
    entries = entries[(entries > RANGE[0]) & (entries < RANGE[1])]
    background = len(entries) - 2500
    with_zfit, with_numpy = both(document, counted(entries) if binned else entries, tmp_path)
    assert with_zfit.valid
    assert_same(with_zfit, with_numpy)
    truth = {"S": 2000.0, "P": 500.0, "B": background, "edge": 2.5, "slope": -1.0}
    _assert_closure(with_zfit, truth)
