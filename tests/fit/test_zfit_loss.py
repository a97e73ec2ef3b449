"""The loss that zfit and hepstats get: the same as ours up to a constant, for every model."""

from __future__ import annotations

import numpy as np
import pytest
import uproot
from both_engines import OBSERVABLE, RANGE, component, counted, described, drawn, made
from scipy import stats
from test_likelihood_engines import CASES, EXPONENTIAL, MEAN, PEAK, SLOPE, WIDTH, YIELDS
from test_pdf_catalogue import POINTS

from tau3mu.fit import fit, load_model, zfit_loss
from tau3mu.fit.data import Binned
from tau3mu.fit.data.prepare import prepare, resolve
from tau3mu.fit.fitting.minimize import minimize
from tau3mu.fit.likelihood import Objective, expected

SIMPLE = described(
    {"S": PEAK, "B": EXPONENTIAL}, {"mean": MEAN, "width": WIDTH, "slope": SLOPE}
)  # fmt: skip
CONSTRAINED = {
    **SIMPLE["parameters"],
    "mean": {**MEAN, "constraint": {"pdf": "normal", "mean": 3.09, "sigma": 0.01}},
    "width": {**WIDTH, "constraint": {"pdf": "lognormal", "mean": 0.08, "sigma": 0.1}},
}
WINDOWS = {"ranges": [[2.2, 3.4], [3.6, 4.8]], "blind": [[2.5, 2.7]]}
BELOW_ZERO = {**SIMPLE["parameters"], "S": {"value": -5.0, "limits": [-500, 5000]}}
SHARED = {
    "schema_version": 2, "name": "both", "title": "Counts and entries",
    "spectra": {
        "A": {"observable": OBSERVABLE, "components": SIMPLE["components"]},
        "B": {
            "observable": {**OBSERVABLE, "name": "m2"},
            "components": {
                "S": component("S2", "Gauss", mu="mean", sigma="width"),
                "B": component("B2", "Exponential", slope="slope2"),
            },
        },
    },
    "parameters": {
        **CONSTRAINED, "slope2": {"value": -1.0, "limits": [-3, 3]},
        "S2": {"expression": "0.5 * S"}, "S": {"value": 60.0, "limits": [-300, 3000]},
    },
}  # fmt: skip


@pytest.fixture(autouse=True)
def eager(request):
    """Values at a few points take less time without graphs; fits need them."""
    from tau3mu.fit.backend import zfit

    graphs = "compiled" in request.fixturenames
    zfit.run.set_graph_mode(graphs)
    zfit.run.set_autograd_mode(True)
    yield
    zfit.run.set_graph_mode(True)


@pytest.fixture
def compiled():
    """Asks for graphs."""


def _by_name(loss):
    return {parameter.name: parameter for parameter in loss.get_params()}


def _assert_same_up_to_a_constant(model, data, points=2):
    """Compares the difference of the two losses between points around the minimum."""
    loss, objective = zfit_loss(model, data), Objective(model, prepare(model, data))
    assert not loss.errordef - 0.5
    parameters = _by_name(loss)
    assert parameters.keys() == set(objective.parameters.free)
    generator = np.random.default_rng(4)
    start = {name: float(parameter.value()) for name, parameter in parameters.items()}
    found = []
    for _ in range(points):
        free = {}
        for name, (lower, upper) in objective.limits.items():
            step = 0.1 * max(abs(start[name]), 1.0) if name in model.yields else upper - lower
            free[name] = np.clip(start[name] + generator.uniform(-0.1, 0.1) * step, lower, upper)
            parameters[name].set_value(free[name])
        found.append((float(loss.value()), objective.at(objective.parameters.complete(free))))
    (zfits, ours) = np.array(found).T
    assert np.ptp(ours) > 1e-3
    np.testing.assert_allclose(
        zfits - zfits[0], ours - ours[0], rtol=1e-6, atol=1e-6 * abs(ours[0])
    )


COMMON = {"Gauss", "CrystalBall", "DoubleCB", "Exponential", "Chebyshev", "Voigt"}


def _of_pdf(name, *rest):
    return pytest.param(
        name, *rest, marks=() if name in COMMON else pytest.mark.integration, id=name
    )


@pytest.mark.parametrize(
    ("name", "span", "values"),
    list({name: _of_pdf(name, *rest) for name, *rest in POINTS}.values()),
)
def test_every_pdf(name, span, values):
    from tau3mu.fit.pdfs import PDFS

    parameters, roles = {}, {}
    for role, value in zip(PDFS[name].parameters, values, strict=True):
        several = [value] if not isinstance(value, list) else value
        names = [f"{role}_{i}" for i in range(len(several))]
        for key, number in zip(names, several, strict=True):
            parameters[key] = {"value": number, "fixed": True}
        roles[role] = names if isinstance(value, list) else names[0]
    part = {"label": "P", "yield": "P", "pdf": name, "parameters": roles}
    flat = {"label": "F", "yield": "F", "pdf": "Uniform", "parameters": {"low": "a", "high": "b"}}
    edges = {"a": {"value": span[0], "fixed": True}, "b": {"value": span[1], "fixed": True}}
    model = made(
        described({"P": part, "F": flat}, {**parameters, **edges})
        | {"observable": {**OBSERVABLE, "range": list(span)}}
    )
    _assert_same_up_to_a_constant(model, drawn(model, {"P": 300.0, "F": 100.0}))


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
@pytest.mark.parametrize("name", CASES)
def test_models(name, binned):
    document, yields = CASES[name]
    entries = drawn(made(document), {key: value / 5 for key, value in yields.items()})
    _assert_same_up_to_a_constant(made(document), counted(entries) if binned else entries)


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
@pytest.mark.parametrize(
    "changes",
    [WINDOWS, {"parameters": CONSTRAINED}, {"parameters": BELOW_ZERO}],
    ids=["windows", "constraints", "below zero"],
)
def test_features(changes, binned):
    entries = drawn(made(SIMPLE), {"S": 100.0, "B": 800.0})
    data = counted(entries) if binned else entries
    _assert_same_up_to_a_constant(made({**SIMPLE, **changes}), data)


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
def test_weights_such_as_sweights(binned):
    entries = drawn(made(SIMPLE), YIELDS)
    weights = np.random.default_rng(7).choice([1.2, -0.2, 0.5], len(entries), p=[0.5, 0.2, 0.3])
    data = counted(entries, weight=weights) if binned else (entries, weights)
    _assert_same_up_to_a_constant(made(SIMPLE), data)


BUMP = """
def formula(x, center, half_width, xp):
    return 1 / (1 + ((x - center) / half_width) ** 4)

positive = ("half_width",)
"""
SMEARING = {"pdf": "Gauss", "parameters": {"mu": "shift", "sigma": "width"}}
SHIFT = {"width": WIDTH, "shift": {"value": 0.0, "limits": [-0.1, 0.1]}}
TEMPLATE = {"label": "S", "yield": "S", "pdf": "Histogram"}
STEPS = {**TEMPLATE, "template": {"file": "mc.root", "histogram": "m"}}
KERNELS = {**TEMPLATE, "pdf": "KDE", "template": {"file": "mc.root", "tree": "t", "column": "m"}}
USED_BUMP = component("S", "Bump", center="mean", half_width="half")
HALF = {"value": 0.2, "limits": [0.1, 0.4]}
FIXED_SLOPE = {"value": -0.5, "fixed": True}
CHAINED = {
    "mean": MEAN, "width": WIDTH, "slope": SLOPE, "ratio": {"value": 1.05, "limits": [0.8, 1.3]},
    "delta": {
        "value": 0.58, "limits": [0.5, 0.7],
        "constraint": {"pdf": "normal", "mean": 0.584, "sigma": 0.01},
    },
    "mean2": {"expression": "mean + delta"}, "width2": {"expression": "ratio * width"},
    "mean3": {"expression": "max(mean2, mean) + 0.5 * delta * sqrt(abs(width2) / width)"},
    "P": {"expression": "0.2 * S"}, "Q": {"expression": "0.5 * P + 0.01 * B"},
}  # fmt: skip
SUMS = {
    "label": "S", "yield": "S", "fractions": ["most", "less"],
    "sum": [
        {"pdf": "Gauss", "parameters": {"mu": "mean", "sigma": "width"}},
        {
            "fractions": ["core"],
            "sum": [
                {"pdf": "Gauss", "parameters": {"mu": "mean", "sigma": "wide"}},
                {"pdf": "Cauchy", "parameters": {"m": "mean", "gamma": "width"}},
            ],
        },
        {"pdf": "Exponential", "parameters": {"slope": "slope"}},
    ],
}  # fmt: skip
FRACTIONS = {
    "mean": MEAN, "width": WIDTH, "slope": SLOPE, "wide": {"expression": "2 * width"},
    "most": {"value": 0.5, "limits": [0.2, 0.6]}, "less": {"expression": "0.5 * most"},
    "core": {"value": 0.4, "limits": [0.1, 0.9]},
}  # fmt: skip
STRENGTH = {
    "mean": {"value": 3.096, "fixed": True}, "width": {"value": 0.07, "fixed": True},
    "slope": FIXED_SLOPE, "strength": {"value": 1.0, "limits": [-100, 100]},
    "B": {"value": 800.0, "fixed": True}, "S": {"expression": "10 * strength"},
}  # fmt: skip
TWO_PEAKS = {
    "P": component("P", "Gauss", mu="mean2", sigma="width2"),
    "Q": component("Q", "Gauss", mu="mean3", sigma="width2"),
}
FURTHER = {
    "user's": ({"S": USED_BUMP, "B": EXPONENTIAL}, {"mean": MEAN, "half": HALF, "slope": SLOPE}),
    "user's, smeared": (
        {"S": {**USED_BUMP, "resolution": SMEARING}},
        {"mean": {"value": 3.1, "fixed": True}, "half": HALF, **SHIFT},
    ),
    "histogram": ({"S": STEPS, "B": EXPONENTIAL}, {"slope": SLOPE}),
    "kernels": ({"S": KERNELS, "B": EXPONENTIAL}, {"slope": SLOPE}),
    "histogram, smeared": ({"S": {**STEPS, "resolution": SMEARING}}, SHIFT),
    "kernels, smeared": ({"S": {**KERNELS, "resolution": SMEARING}}, SHIFT),
    "chain of formulas": ({"S": PEAK, "B": EXPONENTIAL, **TWO_PEAKS}, CHAINED),
    "sum in a sum": ({"S": SUMS, "B": EXPONENTIAL}, FRACTIONS),
    "one component": ({"S": PEAK}, {"mean": MEAN, "width": WIDTH}),
    "one free parameter": ({"S": PEAK, "B": EXPONENTIAL}, STRENGTH),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds a pdf of a user, and simulation for templates whose bins are none of the fit."""
    folder = tmp_path_factory.mktemp("fit")
    (folder / "Bump.py").write_text(BUMP)
    generator = np.random.default_rng(3)
    simulated = np.append(generator.normal(3.1, 0.1, 2000), generator.uniform(2.2, 4.8, 300))
    with uproot.recreate(folder / "mc.root") as file:
        file["m"] = np.histogram(simulated, 37, RANGE)
        file.mktree("t", {"m": "f8"})
        file["t"].extend({"m": simulated})
    return folder


@pytest.mark.parametrize(
    ("windows", "binned"),
    [  # The windows of counts and of entries are made without the model: `test_features`.
        pytest.param({}, True, marks=pytest.mark.integration, id="whole-counts"),
        pytest.param(WINDOWS, False, marks=pytest.mark.integration, id="windows-entries"),
        pytest.param({}, False, marks=pytest.mark.soak, id="whole-entries"),
        pytest.param(WINDOWS, True, marks=pytest.mark.soak, id="windows-counts"),
    ],
)
@pytest.mark.parametrize("name", FURTHER)
def test_further_models(name, windows, binned, folder):
    components, parameters = FURTHER[name]
    model = resolve(made({**described(components, parameters), **windows}, folder))
    yields = {"S": 100.0, "B": 800.0, "strength": 20.0}
    free = {name for name, p in model.parameters.items() if p.expression is None}
    known = {name: yields[name] for name in yields if name in {*model.yields, *free}}
    entries = drawn(model, {n: v for n, v in known.items() if n not in model.expressions})
    weights = np.random.default_rng(7).choice([1.2, 0.2, 0.5], len(entries))
    weights = weights if windows else np.ones(len(entries))
    data = counted(entries, weight=weights) if binned else (entries, weights)
    _assert_same_up_to_a_constant(model, data)


def test_least_squares():
    model = made({**SIMPLE, "parameters": CONSTRAINED}, loss="chi2")
    _assert_same_up_to_a_constant(model, counted(drawn(model, YIELDS)))


def _shared_data(model, seed=2):
    yields = {"S": 60.0, "B": 900.0, "B2": 700.0}
    return {
        "A": counted(drawn(model, yields, seed, "A")),
        "B": drawn(model, yields, seed + 1, "B"),
    }


def test_counts_and_entries_at_once():
    model = made(SHARED)
    _assert_same_up_to_a_constant(model, _shared_data(model))


@pytest.mark.parametrize("kind", ["windows", "counts and entries"])
def test_minima(kind, compiled):
    from tau3mu.fit.backend import zfit

    if kind == "windows":
        model = made({**SIMPLE, **WINDOWS}, engine="numpy")
        data = drawn(model, {"S": 400.0, "B": 2000.0})
    else:
        model = made(SHARED, engine="numpy")
        data = _shared_data(model)
    ours, loss = fit(model, data), zfit_loss(model, data)
    for name, parameter in _by_name(loss).items():
        parameter.set_value(ours.values[name] + 0.3 * ours.parameters[name].error)
    found = zfit.minimize.Minuit(tol=1e-5).minimize(loss)
    assert found.valid
    for name, parameter in _by_name(loss).items():
        shift = float(found.params[parameter]["value"]) - ours.values[name]
        assert abs(shift) < 0.02 * ours.parameters[name].error, name


def _limit(values, pvalues, level=0.05):
    """Where CLs falls to a level; hepstats' own interpolation does not run with NumPy 2.4."""
    rising = np.argsort(pvalues)
    return float(np.exp(np.interp(np.log(level), np.log(pvalues[rising]), np.log(values[rising]))))


def _of_hepstats(loss, name, values):
    """Returns CLs of hepstats' asymptotic calculator for values of a parameter."""
    from hepstats.hypotests import UpperLimit
    from hepstats.hypotests.calculators import AsymptoticCalculator
    from hepstats.hypotests.parameters import POI, POIarray

    from tau3mu.fit.backend import zfit

    parameter = _by_name(loss)[name]
    calculator = AsymptoticCalculator(loss, zfit.minimize.Minuit(tol=1e-5))
    limit = UpperLimit(calculator, POIarray(parameter, values), POI(parameter, 0))
    return limit.pvalues(CLs=True)["cls"]


def _lowest(objective, name=None, value=0.0):
    """Returns the minimum of our loss, with one parameter held at a value if it is named."""
    start = {n: 0.5 * sum(limits) for n, limits in objective.limits.items()}
    start |= {"mean": 3.096, "width": 0.07, "mean_Jpsi": 3.096, "width_Jpsi": 0.07}
    start |= dict.fromkeys(objective.model.yields, 1000.0) | {"S": 50.0, "slope": -0.5}
    free = [n for n in objective.parameters.free if n != name]
    others = {n: start[n] for n in objective.parameters.free} | ({name: value} if name else {})

    def loss(point):
        at = others | dict(zip(free, point, strict=True))
        return objective.at(objective.parameters.complete(at))

    steps = {n: 0.01 * abs(others[n]) + 1e-3 for n in free}
    found = minimize(loss, others, free, steps, objective.limits, strategy=1)
    assert found.valid
    return found.fval, others | dict(zip(free, found.values, strict=True))


def _scan(model, data, name, values):
    """Returns CLs for values of a parameter from scans of our own loss, of data and of Asimov's."""
    objective = Objective(model, prepare(model, data))
    _, background = _lowest(objective, name, 0.0)
    at = objective.parameters.complete(background)
    asimov = {}
    for spectrum, sample in objective.data.items():
        edges = sample.edges if isinstance(sample, Binned) else np.linspace(2.2, 4.8, 1001)
        counts = expected(model, spectrum, at, edges).sum(axis=0)
        asimov[spectrum] = Binned(edges, counts, counts, np.ones(len(counts), dtype=bool))
    other = Objective(model, asimov)
    other.limits = objective.limits

    def rises(loss):
        lowest, best = _lowest(loss)
        rise = np.array([max(_lowest(loss, name, v)[0] - lowest, 0.0) for v in values])
        return np.where(values > best[name], 2 * rise, 0.0)

    seen, median = np.sqrt(rises(objective)), np.sqrt(rises(other))
    return stats.norm.sf(seen) / stats.norm.cdf(median - seen)


@pytest.mark.integration
def test_an_upper_limit_of_a_shipped_fit(compiled):
    model = load_model("jpsi_psi2s")
    generator = np.random.default_rng(11)
    at = {
        "mean_Jpsi": 3.096, "width_Jpsi": 0.07, "mean_Psi2s": 3.68, "width_Psi2s": 0.0735,
        "slope": -0.5, "sig_Jpsi": 3000.0, "sig_Psi2s": 30.0, "bkg": 2500.0,
    }  # fmt: skip
    edges = np.linspace(2.2, 4.8, 53)
    counts = generator.poisson(expected(model, "jpsi_psi2s", at, edges).sum(axis=0))
    values = np.array([40.0, 60.0, 80.0, 100.0])
    zfits = _of_hepstats(zfit_loss(model, (counts, edges)), "sig_Psi2s", values)
    ours = _scan(model, (counts, edges), "sig_Psi2s", values)
    assert ours[0] > 0.05 > ours[-1]
    assert _limit(values, zfits) == pytest.approx(_limit(values, ours), rel=0.01)


@pytest.mark.integration
def test_an_upper_limit_of_a_simultaneous_fit(compiled):
    model = made(SHARED)
    data = _shared_data(model)
    values = np.array([70.0, 90.0, 110.0, 130.0])
    zfits = _of_hepstats(zfit_loss(model, data), "S", values)
    ours = _scan(model, data, "S", values)
    assert ours[0] > 0.05 > ours[-1]
    assert _limit(values, zfits) == pytest.approx(_limit(values, ours), rel=0.01)


@pytest.mark.integration
def test_a_discovery_and_an_interval(compiled):
    from hepstats.hypotests import ConfidenceInterval, Discovery
    from hepstats.hypotests.calculators import AsymptoticCalculator
    from hepstats.hypotests.parameters import POI, POIarray

    from tau3mu.fit.backend import zfit

    model = made({**SIMPLE, **WINDOWS, "parameters": CONSTRAINED}, engine="numpy")
    data = drawn(model, {"S": 80.0, "B": 1500.0})
    ours, loss = fit(model, data), zfit_loss(model, data)
    objective = Objective(model, ours.data)
    lowest = objective.at(ours.values)
    without, _ = _lowest(objective, "S", 0.0)
    parameter = _by_name(loss)["S"]
    calculator = AsymptoticCalculator(loss, zfit.minimize.Minuit(tol=1e-5))
    _, significance = Discovery(calculator, POI(parameter, 0)).result(printlevel=0)
    assert significance == pytest.approx(np.sqrt(2 * (without - lowest)), rel=1e-3)
    one_sigma = ours.parameters["S"].error
    scanned = ours.values["S"] + one_sigma * np.array([-2.0, -1.0, -0.5, 0.5, 1.0, 2.0])
    interval = ConfidenceInterval(calculator, POIarray(parameter, scanned))
    found = interval.interval(alpha=0.32, printlevel=0)
    assert found["upper"] - found["lower"] == pytest.approx(2 * one_sigma, rel=0.1)
