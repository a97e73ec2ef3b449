"""Files of dq_fitter become fit files that say the same."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path

import hist
import numpy as np
import pytest
import uproot
from errors import raises

from tau3mu.errors import InputError, RunError
from tau3mu.fit.commands.import_dq import main
from tau3mu.fit.dq import import_dq, write_imported
from tau3mu.fit.dq.cosmetics import color, mathtext
from tau3mu.fit.language import load_model, model_of
from tau3mu.fit.pdfs import PDFS

DEGENERATE = {"Exp", "Pol4Exp", "RatioVWG"}  # without the scale that dq_fitter gives them

CONFIG = {
    "input": {
        "input_file_name": "masses.root",
        "input_name": ["mass"],
        "tailRootFileName": None,
        "tailHistNames": [None],
        "pdf_dictionary": {
            "pdf": ["CB2", "CB2", "VWG", "SUM"],
            "pdfName": ["Jpsi", "Psi2s", "Bkg", "SUM"],
            "pdfNameForLegend": ["J/#psi", "#psi(2S)", "Background", "Fit"],
            "pdfColor": [861, 417, 1],
            "parVal": [
                [3.1, 0.07, 1.1, 2.0, 1.9, 3.0],
                [0, 0, 1.1, 2.0, 1.9, 3.0],
                [1.5, 0.4, 0.3],
                [5000, 100, 20000],
            ],
            "parLimMin": [
                [2.9, 0.05, 1.1, 2.0, 1.9, 3.0],
                [0, 0, 1.1, 2.0, 1.9, 3.0],
                [0.5, 0.1, 0],
                [0, 0, 0],
            ],
            "parLimMax": [
                [3.3, 0.12, 1.1, 2.0, 1.9, 3.0],
                [0, 0, 1.1, 2.0, 1.9, 3.0],
                [4, 2, 1],
                [9000, 900, 90000],
            ],
            "parName": [
                ["mean_Jpsi", "width_Jpsi", "aL", "nL", "aR", "nR"],
                ["sum::mean_Psi2s(mean_Jpsi,0.589)", "prod::width_Psi2s(width_Jpsi, 1.05)",
                 "aL", "nL", "aR", "nR"],
                ["vwg_mean", "vwg_width", "vwg_slope"],
                ["sig_Jpsi", "sig_Psi2s", "bkg"],
            ],
            "fitRangeMin": [2.5],
            "fitRangeMax": [4.5],
            "rebin": 2,
            "fitMethod": "likelyhood",
            "doAlicePlot": True,
            "cosmeticsForAlicePlot": {"logScale": True, "yRangeMin": 1, "yRangeMax": 1.5},
            "parForAlicePlot": ["mean_Jpsi", "sOverB_Jpsi", "sgnf_Psi2s", "corrMatrStatus"],
            "parNameForAlicePlot": ["#mu_{J/#psi}", "S/B", "significance", "status"],
            "text": [[0.55, 0.95, "#sqrt{#it{s}} = 13.6 TeV"]],
        },
    },
    "output": {"output_file_name": "output/"},
}  # fmt: skip


@pytest.fixture
def masses(tmp_path):
    """A file with a histogram of 100 bins of 50 MeV, and with the entries as a tree."""
    values = np.random.default_rng(3).exponential(2.0, 20000)
    with uproot.recreate(tmp_path / "masses.root") as file:
        file["mass"] = np.histogram(values, 100, (0, 5))
        file["sub/mass"] = np.histogram(values, np.linspace(0, 1, 101) ** 2 * 5)
        file.mktree("entries", {"fMass": "float64"}).extend({"fMass": values})
    return values


@pytest.fixture
def imported(tmp_path):
    """Imports CONFIG, changed at the given places of its pdf_dictionary or of its input."""

    def run(pdfs=None, **inputs):
        config = copy.deepcopy(CONFIG)
        config["input"]["pdf_dictionary"] |= pdfs or {}
        config["input"] |= inputs
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config), "utf-8")
        return import_dq(path)

    return run


def one_pdf(kind, values, *, lower=None, upper=None, names=None):
    """The part of a pdf_dictionary for one pdf with parameters p0, p1, ... and the yield n."""
    return {
        "pdf": [kind, "SUM"],
        "pdfName": ["Bkg", "SUM"],
        "pdfNameForLegend": ["Background", "Fit"],
        "pdfColor": [1],
        "parVal": [values, [10]],
        "parLimMin": [values if lower is None else lower, [0]],
        "parLimMax": [values if upper is None else upper, [100]],
        "parName": [names or [f"p{number}" for number in range(len(values))], ["n"]],
        "parForAlicePlot": [],
        "parNameForAlicePlot": [],
    }


def keys(warnings):
    """What the warnings are about: keys of the file, or names."""
    return [warning.split(": ")[0] for warning in warnings]


def test_a_binned_fit_becomes_a_fit_file(imported, masses):
    (fit,) = imported()
    highest = max(np.histogram(masses, 20, (2.5, 4.5))[0])
    assert fit.document == {
        "schema_version": 2,
        "name": "config",
        "title": "J/ψ, ψ(2S), Background in mass",
        "description": "Made of the dq_fitter file config.json.",
        "input": {"file": "masses.root", "histogram": "mass"},
        "observable": {
            "name": "fMass", "label": "fMass", "unit": "GeV", "range": [2.5, 4.5], "bins": 20,
        },
        "parameters": {
            "mean_Jpsi": {"value": 3.1, "limits": [2.9, 3.3]},
            "width_Jpsi": {"value": 0.07, "limits": [0.05, 0.12]},
            "aL": {"value": 1.1, "fixed": True},
            "nL": {"value": 2.0, "fixed": True},
            "aR": {"value": 1.9, "fixed": True},
            "nR": {"value": 3.0, "fixed": True},
            "mean_Psi2s": {"expression": "mean_Jpsi + 0.589"},
            "width_Psi2s": {"expression": "width_Jpsi * 1.05"},
            "vwg_mean": {"value": 1.5, "limits": [0.5, 4]},
            "vwg_width": {"value": 0.4, "limits": [0.1, 2]},
            "vwg_slope": {"value": 0.3, "limits": [0, 1]},
            "sig_Jpsi": {"value": 5000, "limits": [0, 9000]},
            "sig_Psi2s": {"value": 100, "limits": [0, 900]},
            "bkg": {"value": 20000, "limits": [0, 90000]},
        },
        "components": {
            "Jpsi": {
                "label": "J/ψ",
                "pdf": "CB2",
                "parameters": {
                    "mean": "mean_Jpsi", "width": "width_Jpsi", "alpha_left": "aL",
                    "n_left": "nL", "alpha_right": "aR", "n_right": "nR",
                },
                "yield": "sig_Jpsi",
                "color": "#39f",
            },
            "Psi2s": {
                "label": "ψ(2S)",
                "pdf": "CB2",
                "parameters": {
                    "mean": "mean_Psi2s", "width": "width_Psi2s", "alpha_left": "aL",
                    "n_left": "nL", "alpha_right": "aR", "n_right": "nR",
                },
                "yield": "sig_Psi2s",
                "color": "#0c0",
            },
            "Bkg": {
                "label": "Background",
                "pdf": "VWG",
                "parameters": {"mean": "vwg_mean", "width": "vwg_width", "slope": "vwg_slope"},
                "yield": "bkg",
                "color": "#000",
            },
        },
        "windows": {
            "Jpsi": {
                "signal": ["Jpsi"],
                "range": ["mean_Jpsi - 3*width_Jpsi", "mean_Jpsi + 3*width_Jpsi"],
            },
            "Psi2s": {
                "signal": ["Psi2s"],
                "range": ["mean_Psi2s - 3*width_Psi2s", "mean_Psi2s + 3*width_Psi2s"],
            },
        },
        "plot": {
            "style": "ALICE",
            "experiment": "",
            "log": True,
            "y_range": [1, 1.5 * highest],
            "parameters": {"mean_Jpsi": r"μ$_{\mathrm{J/ψ}}$"},
            "text": [{"x": 0.5, "y": 1.0, "text": r"$\sqrt{\mathit{s}}$ = 13.6 TeV"}],
        },
    }  # fmt: skip
    assert fit.warnings == ()


def test_plots_in_the_look_of_alice_say_only_what_the_texts_say(imported, masses):
    (fit,) = imported({"text": [[0.2, 0.8, "Simulation, toy MC"]]})
    plot = model_of(fit.document, "fit.json", Path()).plot
    assert (plot.style, plot.heading) == ("ALICE", "")
    assert [text.text for text in plot.text] == ["Simulation, toy MC"]


def test_a_tree_becomes_an_unbinned_fit(imported, masses):
    splot = {"sRun": True, "sVar": "fPt", "sPars": ["sig_Jpsi"]}
    (fit,) = imported({"sPlot": splot}, input_name=["entries"])
    assert fit.document["input"] == {"file": "masses.root", "tree": "entries", "column": "fMass"}
    assert "bins" not in fit.document["observable"]
    assert fit.document["outputs"] == {"sweights": True}
    at = "input.pdf_dictionary"
    assert keys(fit.warnings) == [
        f"{at}.cosmeticsForAlicePlot", f"{at}.sPlot.sVar, {at}.sPlot.sPars"
    ]  # fmt: skip


def test_the_axis_reaches_so_high_that_texts_are_above_the_data(imported, masses):
    highest = np.histogram(masses, 50, (0, 5))[0][25:45].max()
    looks = {"cosmeticsForAlicePlot": {"logScale": False, "yRangeMin": 0, "yRangeMax": 1.2}}
    (fit,) = imported({**looks, "text": [[0.2, 0.3, "low"], [0.2, 0.8, "high"]]})
    low, high = (text["y"] for text in fit.document["plot"]["text"])
    assert (low, high) == (0.1875, 0.8125)
    bottom, top = fit.document["plot"]["y_range"]
    # The highest bin with its error ends below of the text that is in the upper half.
    assert bottom == 0
    assert top == pytest.approx(1.1 * highest / (0.8125 - 0.05))
    (fit,) = imported({**looks, "text": [[0.2, 0.3, "low"]]})
    assert fit.document["plot"]["y_range"][1] == pytest.approx(1.2 * highest)


def test_a_file_that_is_not_there_is_taken_for_a_histogram(imported, tmp_path):
    (fit,) = imported()
    assert fit.document["input"] == {"file": "masses.root", "histogram": "mass"}
    assert "bins" not in fit.document["observable"]
    assert "y_range" not in fit.document["plot"]
    assert keys(fit.warnings)[0] == "input.input_file_name"
    for text in ("masses.root", str(tmp_path.resolve()), "'observable.bins'", "rebin (2)"):
        assert text in fit.warnings[0]


@pytest.mark.parametrize(
    ("title", "label", "unit"),
    [
        ("#it{m}_{#mu#mu} (GeV/#it{c}^{2})", r"$\mathit{m}_{\mathrm{μμ}}$",
         r"GeV/$\mathit{c}^{\mathrm{2}}$"),
        ("mass [GeV]", "mass", "GeV"),
        ("m(#mu#mu)", "m(μμ)", "GeV"),
        ("  ", "fMass", "GeV"),
    ],
)  # fmt: skip
def test_the_axis_is_called_as_that_of_the_histogram(imported, tmp_path, title, label, unit):
    axis = hist.axis.Regular(100, 0, 5, label=title)
    with uproot.recreate(tmp_path / "masses.root") as file:
        file["mass"] = hist.Hist(axis).fill([3.1, 3.2])
    observable = imported()[0].document["observable"]
    assert (observable["label"], observable["unit"]) == (label, unit)


def test_the_command_prints_each_warning_once_and_breaks_no_line(
    imported, tmp_path, masses, capsys
):
    limits = {"fitRangeMin": [2.5, 2.6, 2.61], "fitRangeMax": [4.5, 4.4, 4.4]}
    imported({**limits, "pdfColor": [861, 10, 1]})
    folder = tmp_path / ("long" * 30)
    assert main([str(tmp_path / "config.json"), "--output", str(folder)]) == 0
    printed = capsys.readouterr()
    files = [folder / f"config_{name}.fit.json" for name in ("2p5_4p5", "2p6_4p4", "2p61_4p4")]
    assert printed.out.splitlines() == [
        f"{file}: check it with `python -m tau3mu.fit --check {file}`" for file in files
    ]
    color, bins = printed.err.splitlines()
    assert color.startswith("warning: all files: input.pdf_dictionary.pdfColor.1: ")
    assert bins.startswith("warning: config_2p61_4p4.fit.json: ")
    assert bins.endswith(" 2.6 to 4.4")


def test_ranges_grow_to_the_edges_of_bins(imported, masses):
    (fit,) = imported({"fitRangeMin": [2.51], "fitRangeMax": [4.39], "rebin": 4})
    assert fit.document["observable"]["range"] == [2.4, 4.4]
    assert fit.document["observable"]["bins"] == 10
    (warning,) = fit.warnings
    assert "2.51 to 4.39" in warning
    assert "2.4 to 4.4" in warning


def test_bins_of_several_widths_stay_as_they_are(imported, masses):
    edges = np.linspace(0, 1, 101) ** 2 * 5
    limits = {"fitRangeMin": [edges[70]], "fitRangeMax": [edges[90]]}
    (fit,) = imported({**limits, "rebin": 1}, input_name=["sub/mass"])
    assert "bins" not in fit.document["observable"]
    assert fit.document["observable"]["range"] == [edges[70], edges[90]]
    assert fit.warnings == ()
    (fit,) = imported({**limits, "rebin": 2}, input_name=["sub/mass"])
    (warning,) = fit.warnings
    assert "sub/mass" in warning
    assert "'rebin'" in warning


def test_inputs_ranges_and_tails_make_a_fit_each(imported, masses):
    pdfs = copy.deepcopy(CONFIG["input"]["pdf_dictionary"])
    names = [["mean_Jpsi", "width_Jpsi", "@aL@", "@nL", "@aR@", "@nR@"], *pdfs["parName"][1:]]
    names[1] = [*names[1][:2], *names[0][2:]]
    fits = imported(
        {"parName": names, "fitRangeMin": [2.5, 2.6], "fitRangeMax": [4.5, 4.4]},
        input_name=["mass", "entries"],
        tailRootFileName="masses.root",
        tailHistNames=["mc", "data/2"],
    )
    assert [fit.name for fit in fits] == [
        f"config_{name}_{limits}_{tails}"
        for name in ("mass", "entries")
        for limits in ("2p5_4p5", "2p6_4p4")
        for tails in ("mc", "data_2")
    ]
    last = fits[-1].document
    assert last["labels"] == {"file": "masses.root", "histogram": "data/2"}
    assert last["parameters"]["nL"] == {"value": "@nL"}
    assert last["observable"]["range"] == [2.6, 4.4]
    assert all(fit.document["components"] == last["components"] for fit in fits)


def test_tails_that_nothing_uses_make_no_fits(imported, masses):
    fits = imported(tailRootFileName="masses.root", tailHistNames=["mc", "data"])
    assert [fit.name for fit in fits] == ["config"]
    assert "labels" not in fits[0].document


GOLDEN = json.loads(
    (Path(__file__).parents[1] / "data" / "oracle" / "dq_pdf_golden.json").read_text("utf-8")
)


@pytest.mark.parametrize("kind", sorted(GOLDEN))
def test_each_pdf_is_that_of_dq_fitter(imported, kind):
    for golden in GOLDEN[kind]:
        lower, upper = golden["range"]
        limits = {"fitRangeMin": [lower], "fitRangeMax": [upper]}
        (fit,) = imported(limits | one_pdf(kind, golden["pars"]))
        parameters = fit.document["parameters"]
        arguments = fit.document["components"]["Bkg"]["parameters"]
        values = [parameters[arguments[role]]["value"] for role in PDFS[kind].parameters]
        x, raw = np.array(golden["x"]), np.array(golden["raw"])
        ours = PDFS[kind].formula(x, *values, xp=np)
        scale = np.sum(raw) / np.sum(ours) if kind in DEGENERATE else 1
        np.testing.assert_allclose(ours * scale, raw, rtol=1e-9, atol=1e-300)


def test_an_exponential_keeps_the_ratio_of_its_parameters(imported):
    pdfs = one_pdf("Exp", [2.0, 1.0], lower=[1, 0], upper=[4, 3])
    (fit,) = imported(pdfs)
    assert fit.document["parameters"]["slope_Bkg"] == {"value": -0.5, "limits": [-3, 0]}
    assert keys(fit.warnings)[1] == "Bkg"
    assert fit.warnings[1].endswith("slope_Bkg = -p1 / p0")


def test_an_exponential_of_any_sign_is_limited_by_the_range(imported):
    # From 2.5 to 4.5 it changes by exp(20) at most.
    (fit,) = imported(one_pdf("Exp", [1, 1], lower=[-10, 0], upper=[10, 100]))
    assert fit.document["parameters"]["slope_Bkg"] == {"value": -1, "limits": [-10, 10]}
    (fit,) = imported(one_pdf("Exp", [1, 15], lower=[1, 0], upper=[1, 100]))
    assert fit.document["parameters"]["slope_Bkg"] == {"value": -15, "limits": [-15, 0]}


def test_a_ratio_of_a_polynomial_is_that_of_dq_fitter(imported):
    """`evaluate` of its RatioPol4ExpPdf.cxx, written out for one mass after the other."""
    values = [1.77, 1.10, 1.78, -0.7, 1.04, 9.6e3, -2329.5, -86, 100, -10, 2.1]
    a, b, c, d, e, *p = values

    def evaluate(x):
        sigma = c + d * ((x - b) / b)
        polynomial = sum(p[power] * x**power for power in range(5))
        gauss = math.exp(-((x - b) ** 2) / (2 * sigma**2))
        return polynomial * math.exp(-p[5] * x) / (e + a * gauss)

    (fit,) = imported(one_pdf("RatioPol4Exp", values))
    parameters = fit.document["parameters"]
    arguments = fit.document["components"]["Bkg"]["parameters"]
    found = [parameters[arguments[role]]["value"] for role in PDFS["RatioPol4Exp"].parameters]
    x = np.linspace(2.5, 4.5, 21)
    ours = PDFS["RatioPol4Exp"].formula(x, *found, xp=np)
    expected = [evaluate(mass) * e / p[0] for mass in x]
    np.testing.assert_allclose(ours, expected, rtol=1e-10)


def test_a_ratio_of_parameters_that_others_use_is_an_expression(imported):
    pdfs = one_pdf("Exp", [2, 1], lower=[1, 0], upper=[4, 3], names=["a", "b"])
    pdfs |= {
        "pdf": ["Exp", "Exp", "SUM"],
        "pdfName": ["One", "Two", "SUM"],
        "pdfNameForLegend": ["one", "two"],
        "parVal": [[2, 1], [2, 0], [10, 10]],
        "parLimMin": [[1, 0], [1, 0], [0, 0]],
        "parLimMax": [[4, 3], [4, 0], [100, 100]],
        "parName": [["a", "b"], ["a", "sum::c(b,-0.5)"], ["n", "m"]],
    }
    (fit,) = imported(pdfs)
    parameters = fit.document["parameters"]
    assert parameters["slope_One"] == {"expression": "-b / a"}
    assert parameters["slope_Two"] == {"expression": "-c / a"}
    assert parameters["c"] == {"expression": "b - 0.5"}
    assert parameters["b"] == {"value": 1, "limits": [0, 3]}
    assert parameters["a"] == {"value": 2, "fixed": True}  # since only ratios count


def test_polynomials_are_relative_to_their_first_coefficient(imported):
    start, low, high = [2, 1, 4, 6, 8, 0.5], [1, -2, 4, 0, 0, 0], [4, 2, 4, 8, 8, 2]
    (fit,) = imported(one_pdf("Pol4Exp", start, lower=low, upper=high))
    parameters = fit.document["parameters"]
    assert parameters["p1_Bkg"] == {"value": 0.5, "limits": [-2, 2]}
    assert parameters["p2_Bkg"] == {"value": 2, "limits": [1, 4]}
    assert parameters["p5"] == {"value": 0.5, "limits": [0, 2]}
    assert "p0" not in parameters


def test_shared_parameters_are_those_of_their_first_place(imported, masses):
    pdfs = copy.deepcopy(CONFIG["input"]["pdf_dictionary"])
    pdfs["parVal"][1][2], pdfs["parLimMax"][1][2] = 1.2, 1.3
    (fit,) = imported(pdfs)
    assert fit.document["parameters"]["aL"] == {"value": 1.1, "fixed": True}
    (warning,) = fit.warnings
    assert warning.startswith("input.pdf_dictionary.parName.1.2: aL is 1.1 ")
    assert "input.pdf_dictionary.parName.0.2" in warning
    assert warning.endswith("1.2 in 1.1 to 1.3")


def test_starts_outside_of_their_limits_are_moved(imported, masses):
    pdfs = copy.deepcopy(CONFIG["input"]["pdf_dictionary"])
    pdfs["parVal"][0][1] = 0.04
    (fit,) = imported(pdfs)
    assert fit.document["parameters"]["width_Jpsi"] == {"value": 0.05, "limits": [0.05, 0.12]}
    (warning,) = fit.warnings
    assert warning.startswith("input.pdf_dictionary.parName.0.1: width_Jpsi starts at 0.05")


def test_widths_and_yields_get_limits_that_make_sense(imported, masses):
    pdfs = copy.deepcopy(CONFIG["input"]["pdf_dictionary"])
    pdfs["parLimMin"][0][1] = 0
    pdfs["parLimMin"][3][1] = -100
    pdfs["parName"][3][2] = "sig_Jpsi"
    (fit,) = imported(pdfs)
    parameters = fit.document["parameters"]
    assert parameters["width_Jpsi"] == {"value": 0.07, "limits": [7e-5, 0.12]}
    assert parameters["sig_Psi2s"] == {"value": 100, "limits": [-100, 900]}
    assert parameters["sig_Jpsi_Bkg"] == {"expression": "sig_Jpsi"}
    assert keys(fit.warnings[1:]) == ["width_Jpsi", "Bkg"]
    assert "7e-05" in fit.warnings[1]


def test_what_has_no_place_is_named(imported, masses):
    (fit,) = imported(
        {
            "ME_norm": "2.0",
            "pdfStyle": [1, 2, 3],
            "pdfColor": [861, 5000],
            "fitRangMax": 3,
            "doPullPlot": True,
            "parForAlicePlot": ["aa", "sgnf_Bkg", "sgnf_X"],
            "parNameForAlicePlot": ["a", "b", "c"],
        },
        note="mine",
    )
    at = "input.pdf_dictionary"
    assert keys(fit.warnings) == [
        f"{at}.pdfColor.1",
        f"{at}.parForAlicePlot",
        f"{at}.parForAlicePlot",
        "input.note",
        f"{at}.ME_norm",
        f"{at}.pdfStyle",
        f"{at}.fitRangMax",
    ]
    assert "5000" in fit.warnings[0]
    assert "'fitRangeMax'" in fit.warnings[-1]


@pytest.mark.parametrize(
    ("pdfs", "code", "paths"),
    [
        ({"pdf": ["CB3", "CB2", "VWG", "SUM"]}, "fit.unknown-pdf", ["pdf[0]"]),
        ({"pdf": ["CB2", "CB2", "VWG"]}, "fit.wrong-value", ["pdf"]),
        ({"pdfName": ["Jpsi", "Bkg", "SUM"]}, "fit.wrong-number", ["pdfName"]),
        ({"pdfName": ["Jpsi", "Jpsi", "Bkg", "SUM"]}, "fit.repeated-name", ["pdfName"]),
        ({"pdf": ["CB2", "CB", "VWG", "SUM"]}, "fit.wrong-number",
         ["parName[1]", "parVal[1]", "parLimMin[1]", "parLimMax[1]"]),
        ({"fitMethod": "chi"}, "fit.wrong-value", ["fitMethod"]),
        ({"fitRangeMin": [2.5, 2.6]}, "fit.wrong-number", ["fitRangeMax"]),
        ({"fitRangeMin": [5]}, "fit.wrong-order", ["fitRangeMax[0]"]),
        ({"parForAlicePlot": []}, "fit.wrong-number", ["parNameForAlicePlot"]),
        ({"rebin": 0}, "fit.out-of-range", ["rebin"]),
        ({"fitMethod": 2}, "fit.wrong-type", ["fitMethod"]),
        ({"fitRangeMin": []}, "fit.wrong-length", ["fitRangeMin"]),
    ],
)  # fmt: skip
def test_lists_that_do_not_fit_together_are_refused(imported, tmp_path, masses, pdfs, code, paths):
    with raises(code, path=paths[0]) as error:
        imported(pdfs)
    lines = [line.split(": ") for line in str(error.value).splitlines()]
    assert {line[1] for line in lines} == {f"input.pdf_dictionary.{path}" for path in paths}
    assert all(f"{tmp_path / 'config.json'}, line 1" in line[0] for line in lines)


@pytest.mark.parametrize(
    ("place", "name", "code", "mentioned"),
    [
        ((0, 1), "a b", "fit.wrong-name", "'a b'"),
        ((0, 1), "expr::w('a*2',a)", "fit.wrong-name", "expr::w"),
        ((1, 0), "sum::m(mean_Jps,1)", "fit.undefined-parameter", "'mean_Jpsi'"),
        ((1, 0), "sum::m(aL,2*aL)", "fit.wrong-expression", "'2*aL'"),
    ],
)  # fmt: skip
def test_names_that_are_not_understood_are_refused(imported, masses, place, name, code, mentioned):
    names = copy.deepcopy(CONFIG["input"]["pdf_dictionary"]["parName"])
    names[place[0]][place[1]] = name
    path = f"input.pdf_dictionary.parName[{place[0]}][{place[1]}]"
    with raises(code, path=path, mentions=("config.json, line 1: ", mentioned)):
        imported({"parName": names})


def test_names_of_roofit_become_names_of_fit_files(imported, masses):
    """It takes the # of ROOT's LaTeX, and more, in a name."""
    names = copy.deepcopy(CONFIG["input"]["pdf_dictionary"]["parName"])
    names[0] = ["mean_#psi", "width_#psi", "a_{L}", "_nL", "aR", "nR"]
    names[1][:2] = ["sum::mean_#psi2(mean_#psi,0.589)", "prod::width2(width_#psi,1.05)"]
    (fit,) = imported(
        {
            "parName": names,
            "parForAlicePlot": ["mean_#psi"],
            "parNameForAlicePlot": ["m"],
            "pdfName": ["J/#psi", "Psi2s", "Bkg", "SUM"],
        }
    )
    parameters = fit.document["parameters"]
    assert parameters["mean_psi"] == {"value": 3.1, "limits": [2.9, 3.3]}
    assert parameters["mean_psi2"] == {"expression": "mean_psi + 0.589"}
    assert parameters["width2"] == {"expression": "width_psi * 1.05"}
    assert fit.document["components"]["J_psi"]["parameters"] == {
        "mean": "mean_psi", "width": "width_psi", "alpha_left": "a__L_", "n_left": "x_nL",
        "alpha_right": "aR", "n_right": "nR",
    }  # fmt: skip
    assert fit.document["plot"]["parameters"] == {"mean_psi": "m"}
    for raw, place in {"mean_#psi": "0.0", "a_{L}": "0.2", "mean_#psi2": "1.0"}.items():
        assert any(f"parName.{place}: {raw} is called" in line for line in fit.warnings)


def test_two_names_that_would_become_one_are_refused(imported, masses):
    names = copy.deepcopy(CONFIG["input"]["pdf_dictionary"]["parName"])
    names[0][2:4] = ["a_#L", "a_L"]
    with raises("fit.repeated-name", path="parName[0][3]", mentions=("a_L", "a_#L")):
        imported({"parName": names})


def test_a_label_may_stand_in_a_formula(imported, masses):
    names = copy.deepcopy(CONFIG["input"]["pdf_dictionary"]["parName"])
    names[0][0] = "@mean_#psi@"
    names[1][0] = "sum::mean_Psi2s(@mean_#psi@,0.589)"
    names[1][1] = "prod::width_Psi2s(@width_MC,1.05)"  # of a label that stands nowhere else
    (fit,) = imported({"parName": names}, tailRootFileName="t.root", tailHistNames="tails")
    parameters = fit.document["parameters"]
    assert parameters["mean_psi"] == {"value": "@mean_#psi"}
    assert parameters["mean_Psi2s"] == {"expression": "mean_psi + 0.589"}
    assert parameters["width_MC"] == {"value": "@width_MC"}
    assert parameters["width_Psi2s"] == {"expression": "width_MC * 1.05"}
    assert fit.document["labels"] == {"file": "t.root", "histogram": "tails"}


def test_a_text_or_number_stands_for_a_list_of_one(imported, masses):
    """As in older files."""
    (listed,) = imported({"fitRangeMin": [2.5], "fitRangeMax": [4.5]}, input_name=["mass"])
    (alone,) = imported({"fitRangeMin": 2.5, "fitRangeMax": 4.5}, input_name="mass")
    assert alone == listed


def test_the_old_name_of_the_histogram_of_tails(tmp_path, masses):
    config = copy.deepcopy(CONFIG)
    names = config["input"]["pdf_dictionary"]["parName"]
    names[0][0] = "@mean_Jpsi@"
    del config["input"]["tailHistNames"]
    config["input"] |= {"tailRootFileName": "t.root", "tailHistName": "tails"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (fit,) = import_dq(tmp_path / "config.json")
    assert fit.document["labels"] == {"file": "t.root", "histogram": "tails"}


def test_without_a_method_the_likelihood_is_maximized(imported, masses):
    (asked,) = imported({"fitMethod": "likelihood"})
    pdfs = {**CONFIG["input"]["pdf_dictionary"]}
    del pdfs["fitMethod"]
    (silent,) = imported(None, pdf_dictionary=pdfs)
    assert silent.document == asked.document
    (note,) = set(silent.warnings) - set(asked.warnings)
    assert "pdf_dictionary.fitMethod" in note


def test_limits_the_wrong_way_round_are_refused(imported, masses):
    pdfs = one_pdf("Exp", [1, 2], lower=[3, 0], upper=[1, 3])
    with raises("fit.wrong-order", path="parName[0][0]"):
        imported(pdfs)


def test_a_scale_that_starts_at_zero_is_refused(imported, masses):
    pdfs = one_pdf("Exp", [0, 2], lower=[-1, 0], upper=[1, 3])
    with raises("fit.not-finite", path="parName[0][0]"):
        imported(pdfs)


def test_labels_without_a_file_are_refused(imported, masses):
    pdfs = one_pdf("Exp", [1, 2], names=["a", "@b@"])
    with raises("fit.missing-key", path="input.tailRootFileName", mentions="'tailHistNames'"):
        imported(pdfs)


def test_files_that_do_not_fit_are_refused(imported, masses, tmp_path):
    with pytest.raises(InputError, match=r"masses\.root.*'mas'.*'mass'"):
        imported(input_name=["mas"])
    with raises("fit.outside-range", path="masses.root", mentions="0 to 5"):
        imported({"fitRangeMax": [6]})
    with raises("fit.needs-histogram", path="method.loss"):
        imported({"fitMethod": "chi2"}, input_name=["entries"])
    (tmp_path / "bad.root").write_text("no ROOT file")
    with pytest.raises(InputError, match=r"bad\.root"):
        imported(input_file_name="bad.root")


@pytest.mark.parametrize(
    ("text", "code", "path"),
    [
        ("{", "fit.not-json", "config.json"),
        ("{}", "fit.missing-key", "input"),
        ('{"input": {"input_file_name": 3}}', "fit.wrong-type", "input.input_file_name"),
    ],
)
def test_files_that_are_not_of_dq_fitter_are_refused(tmp_path, text, code, path):
    (tmp_path / "config.json").write_text(text)
    with raises(code, path=path, mentions="config.json"):
        import_dq(tmp_path / "config.json")


def test_a_file_of_dq_fitter_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"none\.json"):
        import_dq(tmp_path / "none.json")


def test_chi2_fits_stay_chi2_fits(imported, masses):
    (fit,) = imported({"fitMethod": "chi2", "doAlicePlot": False})
    assert fit.document["method"] == {"loss": "chi2"}
    assert fit.document["plot"]["style"] == "plain"


def test_written_files_load_and_are_not_overwritten(tmp_path, masses):
    path = tmp_path / "my config.json"
    path.write_text(json.dumps(CONFIG), "utf-8")
    folder = tmp_path / "fits" / "new"
    (fit,) = import_dq(path, folder)
    file = folder / "my_config.fit.json"
    assert write_imported(path, folder) == {file: fit.warnings}
    assert load_model(file).to_dict() == fit.document
    assert fit.document["input"]["file"] == "../../masses.root"
    assert '    "mean_Jpsi": {"value": 3.1, "limits": [2.9, 3.3]},\n' in file.read_text("utf-8")
    with raises("fit.output-exists", path="my_config.fit.json"):
        write_imported(path, folder)
    with pytest.raises(RunError, match=r"my config\.json.*: File exists"):
        write_imported(path, path)


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        ("J/#psi #rightarrow #mu^{+}#mu^{-}", r"J/ψ → μ$^{\mathrm{+}}$μ$^{\mathrm{-}}$"),
        ("#it{N}_{#Upsilon(1S)}", r"$\mathit{N}_{\mathrm{Υ(1S)}}$"),
        ("#mu_{#it{x_{a b}}}", r"μ$_{\mathit{x_{\mathrm{a\ b}}}}$"),
        ("3 #pm 1 #neq 5$, sig_Jpsi", r"3 ± 1 ≠ 5\$, sig_Jpsi"),
        ("#bf{#Lambda} #unknown{x} #nothing", r"$\mathbf{Λ}$ #unknown{x} #nothing"),
    ],
)
def test_latex_of_root_becomes_that_of_matplotlib(latex, text):
    assert mathtext(latex) == text


def test_colors_are_those_of_root():
    # kBlack, kBlue + 1, kGreen - 9, kRed + 4, kOrange + 7, kAzure + 10, kPink - 9, kGray + 2
    numbers = (1, 601, 407, 636, 807, 870, 891, 922)
    expected = ["#000", "#00c", "#9f9", "#300", "#f60", "#0cf", "#f39", "#666"]
    assert [color(number) for number in numbers] == expected
    assert [color(number) for number in (10, 405, 790, 924)] == [None] * 4


@pytest.mark.others("dq_tutorial.root", "dq_tutorial_config.json")
def test_the_tutorial_of_dq_fitter(tmp_path, others):
    (tmp_path / "tutorial.root").symlink_to(others / "dq_tutorial.root")
    (tmp_path / "tutorial.json").write_bytes((others / "dq_tutorial_config.json").read_bytes())
    (fit,) = import_dq(tmp_path / "tutorial.json")
    assert fit.document["observable"]["bins"] == 52
    assert fit.document["parameters"]["slope_Bkg"]["value"] == -1
    assert fit.document["parameters"]["width_Jpsi"] == {"value": 0.07, "limits": [0.07, 0.19]}
    assert len(fit.warnings) == 3  # the start of the width, the exponential, the looks
