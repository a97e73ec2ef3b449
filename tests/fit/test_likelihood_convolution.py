"""A shape with a resolution: against the Voigt profile, and against an integral by SciPy."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import uproot
from both_engines import component, counted, described, drawn, made
from scipy import integrate, stats
from scipy.special import voigt_profile

from tau3mu.fit import fit
from tau3mu.fit.data.prepare import resolve
from tau3mu.fit.likelihood import SpectrumFunction
from tau3mu.fit.likelihood.densities import density_of
from tau3mu.fit.pdfs import PDFS

GAUSS = {"pdf": "Gauss", "parameters": {"mu": "bias", "sigma": "width"}}
VALUES = {"mean": 3.1, "gamma": 0.04, "bias": 0.0, "width": 0.05, "wide": 0.12, "core": 0.7}
EDGES = np.linspace(2.2, 4.8, 131)


def _document(resolution, **free):
    names = {"mean", "gamma", *_names(resolution)}
    parameters = {n: {"value": VALUES[n], "fixed": True} for n in sorted(names)} | free
    return described(
        {"S": component("S", "Cauchy", resolution, m="mean", gamma="gamma")}, parameters
    )


def _names(resolution):
    parts = resolution.get("sum", [resolution])
    used = {name for part in parts for name in part["parameters"].values()}
    return used | set(resolution.get("fractions", ()))


def _density(document, x, **changes):
    function = SpectrumFunction(made(document).parts["dimuon"])
    return function.density(VALUES | {"S": 1.0} | changes, x)


def _inside(voigt, lower=2.2, upper=4.8):
    return integrate.quad(voigt, lower, upper, points=[3.1], limit=200)[0]


@pytest.mark.parametrize("width", [0.02, 0.05, 0.12])
def test_cauchy_and_gauss_are_voigt(width):
    def voigt(x):
        return voigt_profile(x - 3.1, width, 0.04)

    x = np.linspace(2.25, 4.75, 51)
    found = _density(_document(GAUSS), x, width=width)
    expected = voigt(x) / _inside(voigt)
    near = np.abs(x - 3.1) < 5 * width
    np.testing.assert_allclose(found[near], expected[near], rtol=1e-4)
    # What lies more than six standard deviations off is left out, which the wings show.
    np.testing.assert_allclose(found, expected, rtol=3e-3)


def test_bins_have_the_integrals_of_voigt():
    def voigt(x):
        return voigt_profile(x - 3.1, 0.05, 0.04)

    cuts = [_inside(voigt, *ends) for ends in pairwise(EDGES)]
    function = SpectrumFunction(made(_document(GAUSS)).parts["dimuon"])
    found = function.expected(VALUES | {"S": 1.0}, EDGES)[0]
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found, cuts / np.sum(cuts), rtol=1e-4, atol=1e-4 * max(cuts))


@pytest.mark.parametrize("bias", [0.0, 0.15])
def test_a_sum_of_resolutions_with_a_bias(bias):
    """The bias moves the peak to higher masses; the fractions are those of the resolution."""
    second = {"pdf": "Gauss", "parameters": {"mu": "bias", "sigma": "wide"}}
    document = _document({"sum": [GAUSS, second], "fractions": ["core"]})

    u = np.linspace(bias - 1.2, bias + 1.2, 2401)
    kernel = 0.7 * stats.norm.pdf(u, bias, 0.05) + 0.3 * stats.norm.pdf(u, bias, 0.12)
    x = np.linspace(2.2, 4.8, 1041)
    true = stats.cauchy.pdf(x[:, np.newaxis] - u, 3.1, 0.04)
    smeared = integrate.simpson(true * kernel, x=u)
    expected = smeared / integrate.simpson(smeared, x=x)
    near = np.abs(x - 3.1 - bias) < 0.4
    found = _density(document, x[near], bias=bias)
    np.testing.assert_allclose(found, expected[near], rtol=5e-4)


def test_a_smeared_sum_is_the_sum_of_what_is_smeared():
    """The fractions of the shapes are those after the resolution, each shape in the full range."""
    whole = {
        "label": "S", "yield": "S", "fractions": ["core"], "resolution": GAUSS,
        "sum": [
            {"pdf": "Cauchy", "parameters": {"m": "mean", "gamma": "gamma"}},
            {"pdf": "Gauss", "parameters": {"mu": "mean", "sigma": "wide"}},
        ],
    }  # fmt: skip
    parameters = {n: {"value": v, "fixed": True} for n, v in VALUES.items()}
    x = np.linspace(2.9, 3.4, 11)
    found = _density(described({"S": whole}, parameters), x)
    narrow = _density(_document(GAUSS), x)
    width = np.hypot(VALUES["width"], VALUES["wide"])
    wide = stats.norm.pdf(x, 3.1, width) / np.diff(stats.norm.cdf([2.2, 4.8], 3.1, width))
    np.testing.assert_allclose(found, 0.7 * narrow + 0.3 * wide, rtol=1e-4)


@pytest.mark.parametrize("engine", ["zfit", "numpy"])
def test_a_fit_finds_the_resolution(engine):
    free = {
        "mean": {"value": 3.1, "limits": [3.0, 3.2]},
        "width": {"value": 0.08, "limits": [0.02, 0.2]},
    }
    truth = described(
        {"S": component("S", "Voigt", m="mean", sigma="width", gamma="gamma")},
        {n: {"value": VALUES[n], "fixed": True} for n in ("mean", "width", "gamma")},
    )
    data = counted(drawn(made(truth), {"S": 20000.0}, 3))
    found = fit(made(_document(GAUSS, **free), engine=engine), data)
    parameters = {"gamma": {"value": 0.04, "fixed": True}} | free
    voigt = fit(made(described(truth["components"], parameters), engine="numpy"), data)
    assert found.valid
    for name in ("mean", "width", "S"):
        one, other = found.parameters[name], voigt.parameters[name]
        assert abs(one.value - other.value) < 0.02 * other.error, name
        assert one.error == pytest.approx(other.error, rel=0.01), name
        assert abs(one.value - {**VALUES, "S": 20000}[name]) < 4 * one.error, name


def _smeared(document):
    (component,) = made(document).parts["dimuon"].components.values()
    return density_of(component, (2.2, 4.8))


@pytest.mark.parametrize(
    ("gamma", "width"), [(0.04, 0.05), (0.01, 0.03), (0.005, 0.01), (0.002, 0.004)]
)
def test_many_entries_have_the_density_that_few_have(gamma, width):
    """The polynomials between the nodes are as exact as the integral, also for narrow peaks."""
    shape = _smeared(_document(GAUSS))
    values = VALUES | {"gamma": gamma, "width": width}
    x = np.random.default_rng(1).uniform(2.2, 4.8, 30_000)
    many = shape.density(values, x)
    few = np.concatenate([shape.density(values, part) for part in np.split(x, 30)])
    assert not np.array_equal(many, few)
    np.testing.assert_allclose(many, few, rtol=1e-6, atol=1e-7 * few.max())
    assert shape.integrals(values, np.array([2.2, 4.8])).sum() == pytest.approx(
        shape.integrals(values, EDGES).sum(), rel=1e-9
    )


def test_what_no_polynomial_describes_is_calculated_for_each_entry():
    """A Cauchy far narrower than the nodes of the convolution makes 96 peaks of its own."""
    shape = _smeared(_document(GAUSS))
    values = VALUES | {"gamma": 1e-4}
    x = np.random.default_rng(1).uniform(2.2, 4.8, 60_000)
    few = np.concatenate([shape.density(values, part) for part in np.split(x, 60)])
    np.testing.assert_array_equal(shape.density(values, x), few)


def test_other_values_and_other_entries_are_calculated_again():
    shape = _smeared(_document(GAUSS))
    generator = np.random.default_rng(1)
    first, second = (generator.uniform(2.2, 4.8, 5000) for _ in range(2))
    wide = VALUES | {"width": 0.1}
    found = [shape.density(v, x) for v in (VALUES, wide, VALUES) for x in (first, second)]
    np.testing.assert_array_equal(found[0], found[4])
    np.testing.assert_array_equal(found[1], found[5])
    voigt = voigt_profile(first - 3.1, 0.1, 0.04) / voigt_profile(0, 0.1, 0.04)
    near = np.abs(first - 3.1) < 0.3
    np.testing.assert_allclose(found[2][near] / found[2].max(), voigt[near], rtol=1e-3)


def test_an_unbinned_fit_with_a_resolution_is_that_of_voigt():
    free = {
        "mean": {"value": 3.1, "limits": [3.0, 3.2]},
        "width": {"value": 0.08, "limits": [0.02, 0.2]},
    }
    parameters = {"gamma": {"value": 0.04, "fixed": True}} | free
    voigt = made(
        described(
            {"S": component("S", "Voigt", m="mean", sigma="width", gamma="gamma")}, parameters
        ),
        engine="numpy",
    )
    data = drawn(voigt, {"S": 10000.0}, 3)
    expected, found = fit(voigt, data), fit(made(_document(GAUSS, **free), engine="numpy"), data)
    assert found.valid
    assert found.nll == pytest.approx(expected.nll, abs=0.01)
    for name in ("mean", "width", "S"):
        one, other = found.parameters[name], expected.parameters[name]
        assert abs(one.value - other.value) < 0.01 * other.error, name
        assert one.error == pytest.approx(other.error, rel=0.01), name


def test_an_unbinned_fit_with_a_resolution_counts_few_densities(monkeypatch):
    """Each step costs as much as the norm of the convolution, however many entries there are."""
    counted = []
    peak = PDFS["Cauchy"]

    def formula(x, *given, xp):
        counted.append(np.size(x))
        return peak.formula(x, *given, xp=xp)

    monkeypatch.setitem(PDFS, "Cauchy", replace(peak, formula=formula))
    shape = _smeared(_document(GAUSS))
    for number in (20_000, 200_000):
        counted.clear()
        x = np.random.default_rng(1).uniform(2.2, 4.8, number)
        shape.density(VALUES, x)
        shape.integrals(VALUES, np.array([2.2, 4.8]))
        assert sum(counted) <= 512 * 6 * 96


@pytest.fixture
def simulated(tmp_path):
    """A folder with simulation: a peak on a flat part that ends in the middle of the range."""
    generator = np.random.default_rng(3)
    entries = np.append(generator.normal(3.1, 0.1, 5000), generator.uniform(2.2, 4.0, 500))
    with uproot.recreate(tmp_path / "mc.root") as file:
        file["m"] = np.histogram(entries, 130, (2.2, 4.8))
        file.mktree("t", {"m": "f8"})
        file["t"].extend({"m": entries})
    return tmp_path


def _smeared_template(folder, kind, **method):
    given = {"histogram": "m"} if kind == "Histogram" else {"tree": "t", "column": "m"}
    signal = {
        "label": "S", "yield": "S", "pdf": kind, "template": {"file": "mc.root", **given},
        "resolution": GAUSS,
    }  # fmt: skip
    parameters = {
        "bias": {"value": 0.0, "limits": [-0.1, 0.1]},
        "width": {"value": 0.07, "limits": [0.02, 0.15]},
    }
    return resolve(made(described({"S": signal}, parameters), folder, **method))


@pytest.mark.parametrize(("width", "exact"), [(0.0203, 1e-5), (0.07, 1e-8)])
def test_a_histogram_with_a_resolution_is_a_sum_of_steps_that_are_smeared(simulated, width, exact):
    part = _smeared_template(simulated, "Histogram").parts["dimuon"].components["S"]
    contents, edges = uproot.open(simulated / "mc.root")["m"].to_numpy()
    x = np.linspace(2.2, 4.8, 301)
    steps = stats.norm.cdf((x[:, None] - 0.02 - edges) / width)
    expected = -np.diff(steps, axis=1) @ (contents / contents.sum() / 0.02)
    found = density_of(part, (2.2, 4.8)).density({"bias": 0.02, "width": width}, x)
    found /= np.sqrt(2 * np.pi) * width
    seen = expected > 1e-3 * expected.max()
    np.testing.assert_allclose(found[seen], expected[seen], rtol=exact)


@pytest.mark.parametrize("binned", [True, False], ids=["counts", "entries"])
@pytest.mark.parametrize("kind", ["Histogram", "KDE"])
def test_the_errors_of_the_resolution_of_a_template(simulated, kind, binned):
    """Steps in the likelihood would make them ten times too small."""
    model = _smeared_template(simulated, kind, engine="numpy")
    entries = drawn(model, {"S": 1500.0})
    result = fit(model, counted(entries) if binned else entries)
    assert result.valid
    # The core is a Gaussian of 0.12, or somewhat more, with ten elevenths of the entries.
    assert result.parameters["bias"].error == pytest.approx(0.122 / np.sqrt(1360), rel=0.2)
    assert abs(result.values["bias"]) < 4 * result.parameters["bias"].error
    assert abs(result.values["width"] - 0.07) < 4 * result.parameters["width"].error
