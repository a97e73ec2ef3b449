"""Parameters are written with symbols and units, and sources know the energy of their data."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fitted_dimuons import DIMUON, document, fitted
from peak_models import TRIALS
from peak_models import document as peak_document
from peak_models import spectrum as peak_spectrum

from tau3mu.fit.data.source import Source
from tau3mu.fit.fitting.result import ParameterResult, Quantity
from tau3mu.fit.language import load_model, model_of
from tau3mu.fit.output import files, plot_correlation, save_fit
from tau3mu.fit.output.labels import parameter_axis, parameter_symbols, per_bin
from tau3mu.fit.output.numbers import math_scripts, value_text
from tau3mu.fit.studies import load_trials, run_trials


def model(**changes):
    return model_of(document(**changes), "fit.json", Path())


def component(**changes):
    return {**DIMUON["components"], "Jpsi": {**DIMUON["components"]["Jpsi"], **changes}}


def test_symbols_say_what_a_parameter_does_and_where():
    assert parameter_symbols(model(plot={"parameters": {"ratio": "R"}})) == {
        "mean": "μ(J/ψ)",
        "width": "σ(J/ψ)",
        "mean2": "μ(ψ(2S))",
        "width2": "σ(ψ(2S))",
        "slope": "slope(Background)",
        "nJpsi": "N(J/ψ)",
        "nPsi2s": "N(ψ(2S))",
        "nBackground": "N(Background)",
        "ratio": "R",
    }


def test_parts_of_sums_and_coefficients_are_numbered():
    wide = {"value": 0.2, "limits": [0.1, 0.4]}
    share = {"value": 0.5, "limits": [0, 1]}
    narrow = {"pdf": "Gauss", "parameters": {"mu": "mean", "sigma": "width"}}
    broad = {"pdf": "Gauss", "parameters": {"mu": "mean", "sigma": "wide"}}
    background = {**DIMUON["components"]["background"], "pdf": "Chebyshev",
                  "parameters": {"coefficients": ["c1", "c2"]}}  # fmt: skip
    jpsi = {"label": "J/ψ", "yield": "nJpsi", "sum": [narrow, broad], "fractions": ["share"]}
    parameters = {
        "mean": DIMUON["parameters"]["mean"], "width": DIMUON["parameters"]["width"],
        "wide": wide, "share": share, "c1": share, "c2": share,
    }  # fmt: skip
    components = {"Jpsi": jpsi, "background": background}
    found = parameter_symbols(
        model(components=components, parameters=parameters, derived=None, windows=None)
    )
    assert [found[name] for name in ("mean", "width", "wide")] == [
        "μ(J/ψ)", "σ$_{1}$(J/ψ)", "σ$_{2}$(J/ψ)"
    ]  # fmt: skip
    assert found["c2"] == "c$_{2}$(Background)"


def test_spectra_are_named_where_the_same_component_is_in_several():
    found = parameter_symbols(fitted("two").model)
    assert found["nJpsi"] == "N(J/ψ, Barrel)"
    assert found["nJpsi_B"] == "N(J/ψ, B)"
    assert found["mean"] == "μ(J/ψ)"
    assert len(set(found.values())) == len(found)


def test_a_symbol_of_several_parameters_is_none():
    same = {**DIMUON["components"]["Psi2s"], "label": "J/ψ"}
    found = parameter_symbols(model(components={**DIMUON["components"], "Psi2s": same}))
    assert (found["mean"], found["mean2"]) == ("mean", "mean2")


@pytest.mark.parametrize(
    ("name", "style", "expected"),
    [
        ("mean", "CMS", "μ(J/ψ) [GeV]"),
        ("width2", "ALICE", "σ(ψ(2S)) (GeV/c²)"),
        ("slope", "CMS", "slope(Background) [GeV⁻¹]"),
        ("slope", "ALICE", "slope(Background) (c²/GeV)"),
        ("nJpsi", "CMS", "N(J/ψ)"),
        ("ratio", "plain", "ratio"),
    ],
)
def test_units_of_parameters(name, style, expected):
    assert parameter_axis(model(plot={"style": style}), name) == expected


@pytest.mark.parametrize(
    ("pdf", "role", "unit"),
    [("Voigt", "gamma", " [GeV]"), ("DoubleCB", "alphal", ""), ("DoubleCB", "nl", ""),
     ("ExpModGauss", "lambd", " [GeV⁻¹]"), ("JohnsonSU", "lambd", " [GeV]")],
)  # fmt: skip
def test_units_follow_from_the_pdf(pdf, role, unit):
    roles = {
        "Voigt": ("m", "sigma", "gamma"), "ExpModGauss": ("mu", "sigma", "lambd"),
        "DoubleCB": ("mu", "sigma", "alphal", "nl", "alphar", "nr"),
        "JohnsonSU": ("mu", "lambd", "gamma", "delta"),
    }[pdf]  # fmt: skip
    parameters = {**DIMUON["parameters"], **{f"p_{r}": {"value": 1, "fixed": True} for r in roles}}
    changed = model(
        components=component(pdf=pdf, parameters={r: f"p_{r}" for r in roles}),
        parameters=parameters,
    )
    assert parameter_axis(changed, f"p_{role}").partition(")")[2] == unit


def test_a_unit_is_written_once():
    shown = model(plot={"parameters": {"mean": "$\\mu$ [GeV]"}})
    assert parameter_axis(shown, "mean") == "$\\mu$ [GeV]"


@pytest.mark.parametrize(
    ("label", "unit", "width", "style", "expected"),
    [
        ("m(μμ)", "GeV", 0.05, "CMS", "50 MeV"),
        ("m(μμ)", "GeV", 0.00581, "CMS", "5.81 MeV"),
        ("m(μμ)", "MeV", 120.0, "CMS", "120 MeV"),
        ("m(μμ)", "GeV", 0.05, "ALICE", "50 MeV/c²"),
        ("m(μμ)", "GeV/c$^2$", 0.05, "ALICE", "50 MeV/c$^2$"),
        ("$p_T$", "GeV", 2.0, "ALICE", "2 GeV/c"),
        ("φ", "", 0.1, "ALICE", "0.1"),
        ("m(μμ)", "GeV", None, "CMS", "GeV"),
        ("t", "ps", 1250.0, "CMS", "1250 ps"),
    ],
)
def test_widths_of_bins(label, unit, width, style, expected):
    observable = model().observable.model_copy(update={"label": label, "unit": unit})
    assert per_bin(observable, width, style) == expected


def parameter(value, error, minos=None):
    return ParameterResult(value, error, None, False, False, False, minos=minos)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (parameter(3003.1, 112.4), "3003 ± 112"),
        (parameter(-0.5023, 0.0068), "−0.5023 ± 0.0068"),
        (parameter(3003.1, 112.4, (-101.0, 124.0)), "3003$^{+124}_{-101}$"),
        (parameter(29926247.0, 919608.0), "(2.993 ± 0.092)×10⁷"),
        (parameter(2.99e-6, 1.1e-7, (-1e-7, 1.2e-7)), "(2.99$^{+0.12}_{-0.10}$)×10⁻⁶"),
        (parameter(3.0969003, 0.0000061), "3.0969003 ± 0.0000061"),
        (parameter(0.05, None), "0.05 (no error)"),
        (Quantity(0.0846, 0.0232), "0.085 ± 0.023"),
        (Quantity(np.inf, 1.0), "inf ± 1"),
    ],
)
def test_values_on_plots(found, text):
    assert value_text(found) == text


def test_raised_and_lowered_letters_beside_formulas_are_formulas():
    assert math_scripts("Dₛ⁺ → φπ⁺") == "Dₛ⁺ → φπ⁺"
    assert math_scripts("$\\mu$ in GeV⁻¹") == "$\\mu$ in GeV$^{\\mathrm{−1}}$"
    assert math_scripts("Dₛ → $x⁺$") == "D$_{\\mathrm{s}}$ → $x⁺$"


@pytest.mark.parametrize("name", ["dsphipi", "jpsi_psi2s"])
def test_labels_of_correlations_are_inside_of_the_figure(name):
    shipped = load_model(name)
    free = tuple(n for n, p in shipped.parameters.items() if p.limits)
    free += tuple(sorted({c.yield_ for c in shipped.components.values()} - set(free)))
    figure = plot_correlation(
        replace(fitted("counts"), model=shipped, covariance_parameters=free,
                correlation=np.eye(len(free)).tolist())
    )  # fmt: skip
    figure.canvas.draw()
    main, bar = figure.axes
    for label in [*main.get_xticklabels(), *main.get_yticklabels(), *bar.get_yticklabels()]:
        box = label.get_window_extent()
        assert min(box.x0, box.y0) > 0
        assert box.x1 < figure.bbox.x1


def test_long_labels_leave_the_correlations_their_cells():
    long = {**DIMUON["components"]["Jpsi"], "label": "J/ψ of decays of b hadrons in the barrel"}
    result = fitted("counts")
    changed = model(components={**DIMUON["components"], "Jpsi": long})
    figure = plot_correlation(replace(result, model=changed))
    figure.canvas.draw()
    axes = figure.axes[0]
    side = axes.get_window_extent().width / len(result.covariance_parameters)
    assert side > 0.6 * figure.dpi
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        box = label.get_window_extent()
        assert min(box.x0, box.y0) > 0


def test_trials_have_symbols_and_the_style_of_their_fit(tmp_path):
    (tmp_path / "peak.json").write_text(json.dumps(peak_document()))
    few = {"binning": TRIALS["variations"]["binning"]}
    trials = {**TRIALS, "quantities": ["nSignal", "mean"], "variations": few}
    (tmp_path / "trials.json").write_text(json.dumps(trials))
    study = run_trials(load_trials(tmp_path / "trials.json"), peak_spectrum())
    assert study.style == "CMS"
    labels = [study.plot(name).axes[0].get_xlabel() for name in study.summary]
    assert labels == ["N(Signal)", "μ(Signal) [GeV]"]
    figure = study.plot("mean")
    figure.canvas.draw()
    (row,) = {label.get_fontname() for label in figure.axes[0].get_yticklabels()}
    assert row == "TeX Gyre Heros"


def test_each_spectrum_has_the_heading_of_its_own_data(tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        files, "save_figure", lambda _, stem, figure, **__: drawn.update({stem: figure})
    )
    nothing = np.empty(0), None
    sources = {
        "A": Source(nothing, lumi=4.8, energy=13.0),
        "B": Source(nothing, lumi=34.7, energy=13.6, simulation=True),
    }
    save_fit(tmp_path, fitted("two"), sources=sources)
    written = {
        stem: {text.get_text() for text in figure.axes[0].texts} for stem, figure in drawn.items()
    }
    for stem in ("mass_fit", "residuals"):
        assert {"4.8 fb⁻¹ (13 TeV)", "Private work"} <= written[f"{stem}_A"]
        assert {"34.7 fb⁻¹ (13.6 TeV)", "Simulation Private work"} <= written[f"{stem}_B"]
