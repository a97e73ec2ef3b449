"""Plots as they are rendered: the data keep their room, texts their place, styles their fonts."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import hist
import numpy as np
import pytest
from fitted_dimuons import DIMUON, EDGES, document, expected, fitted, histogram
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from test_fit_plot import check_nothing_overlaps, curve, legend, points, restyled

from tau3mu.fit import fit
from tau3mu.fit.language import load_model, model_of, shipped_fits
from tau3mu.fit.output import plot_correlation, plot_fit, plot_residuals, plot_scans
from tau3mu.fit.output.layout import wrapped
from tau3mu.fit.output.style import looks
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.style import add_heading, styled_figure

LATEX = {
    "Jpsi": r"$J/\psi \rightarrow \mu^{+}\mu^{-}$",
    "Psi2s": r"$\psi(\mathrm{2S}) \rightarrow \mu^{+}\mu^{-}$",
    "background": r"$\mathrm{Combinatorial}\ e^{-\lambda m_{\mu\mu}}$",
}
WORDS = {
    "Jpsi": "Prompt J/ψ and those from decays of b hadrons, reweighted in transverse momentum",
    "background": "Combinatorial background and partly reconstructed decays of b hadrons",
}
LINES = {"parameters": {"mean": r"$\mu_{J/\psi}$", "width": r"$\sigma_{J/\psi}$", "nJpsi": "N"}}


def labelled(labels, **plot):
    """A fit whose components have other labels."""
    parts = document()["components"]
    for name, label in labels.items():
        parts[name]["label"] = label
    model = model_of(document(components=parts, plot=plot), "fit.json", Path())
    return replace(fitted("counts"), model=model)


def peaks(labels, colors=()):
    """A fit of many peaks side by side, on two continua."""
    centers = np.linspace(2.4, 4.6, len(labels))
    generator = np.random.default_rng(5)
    masses = [generator.normal(center, 0.04, 900) for center in centers]
    axis = hist.axis.Variable(EDGES, name="m")
    data = hist.Hist(axis).fill(np.concatenate([*masses, generator.uniform(2.2, 4.8, 20000)]))
    parameters = {
        "width": {"value": 0.04, "fixed": True},
        "rise": {"value": 0.3, "fixed": True},
        "fall": {"value": -0.3, "fixed": True},
    }
    components = {}
    for i, (label, center) in enumerate(zip(labels, centers, strict=True)):
        parameters[f"mean{i}"] = {"value": center, "fixed": True}
        components[f"peak{i}"] = {
            "label": label,
            "pdf": "Gauss",
            "parameters": {"mu": f"mean{i}", "sigma": "width"},
            "yield": f"n{i}",
        }
    for name in ("rise", "fall"):
        components[name] = {
            "label": name, "pdf": "Exponential", "parameters": {"slope": name}, "yield": f"n{name}",
        }  # fmt: skip
    described = document(parameters=parameters, components=components, derived=None, windows=None)
    return fit(model_of(described, "peaks.json", Path()), data)


@cache
def many():
    return peaks([f"Υ({i}S) → μ⁺μ⁻ in the barrel" for i in range(1, 9)])


@cache
def scaled(factor):
    """The same data with weights that make them many or few."""
    return fit(model_of(document(), "fit.json", Path()), histogram(weight=factor))


def with_yield(name, value):
    """A fit with another yield, and the data that it expects."""
    result = fitted("counts")
    parameters = {**result.parameters, name: replace(result.parameters[name], value=value)}
    changed = replace(result, parameters=parameters)
    contents = np.round(expected(changed.values).sum(axis=0))
    sample = replace(result.data["dimuon"], contents=contents, variances=contents)
    return replace(changed, data={"dimuon": sample})


def share(axes):
    """How much of the height of the axes the data and the curves have."""
    bars = [points(axes, i)[2].max() for i in range(len(axes.containers))]
    top = max(
        [*bars, *(line.get_ydata().max() for line in axes.lines if len(line.get_xdata()) > 9)]
    )
    return axes.transLimits.transform((0, axes.transScale.transform((1, top))[1]))[1]


def areas(axes):
    """For each filled area its lower and its upper ends, in the bins of the curves."""
    found = {}
    for area in axes.collections:
        if area.get_label() in legend(axes.figure) or ": " in str(area.get_label()):
            x, y = area.get_paths()[0].vertices.T
            ends = [(y[x == place].min(), y[x == place].max()) for place in np.unique(x)]
            found[str(area.get_label()).split(":")[0]] = np.array(ends).T
    return found


def texts(figure):
    return {text.get_text(): text for text in figure.findobj(Text) if text.get_text()}


def fonts(figure):
    """The fonts in a PDF of a figure."""
    target = BytesIO()
    figure.savefig(target, format="pdf")
    names = re.findall(rb"/BaseFont /([\w+-]+)", target.getvalue())
    return {name.decode().split("+")[-1] for name in names}


@pytest.mark.parametrize(
    "result",
    [
        lambda: labelled(LATEX),
        lambda: labelled(LATEX, **LINES),
        lambda: labelled(WORDS),
        lambda: labelled(WORDS, log=True),
        many,
        lambda: fitted("at limit"),
    ],
    ids=["latex", "latex and lines", "words", "logarithmic", "many", "not valid"],
)
def test_the_legend_leaves_the_data_their_room(result):
    figure = plot_fit(result(), lumi=37.9)
    check_nothing_overlaps(figure)
    assert share(figure.axes[0]) > 0.6
    box = figure.axes[0].get_legend().get_window_extent()
    frame = figure.axes[0].bbox
    assert frame.x0 < box.x0 < box.x1 < frame.x1
    assert frame.y0 < box.y0 < box.y1 < frame.y1


@pytest.mark.parametrize("top", [2050, 2400, 4000])
def test_the_legend_suits_a_given_range(top):
    result = labelled(LATEX, y_range=[0, top])
    figure = plot_fit(result)
    assert figure.axes[0].get_ylim() == (0, top)
    check_nothing_overlaps(figure)


def test_the_letters_are_large_where_there_is_room():
    sizes = [
        plot_fit(labelled(LATEX, y_range=[0, top], **LINES))
        .axes[0]
        .get_legend()
        .get_texts()[0]
        .get_size()
        for top in (2050, 4000)
    ]
    assert sizes[0] < sizes[1]


def test_labels_are_as_wide_as_they_are_rendered_not_as_their_source():
    (latex,) = (label for label in legend(plot_fit(labelled(LATEX))) if "J/" in label)
    assert latex == LATEX["Jpsi"] + ": 3003 ± 112"


def test_lines_are_broken_where_they_are_too_wide():
    figure = plot_fit(fitted("counts"))
    axes = figure.axes[0]
    text = r"J/ψ from $p_T > 3 \ GeV$ and the decays of hadrons: 3003 ± 112"
    with figure.styled():
        lines = wrapped(axes, text, 19, 0.3).split("\n")
        assert " ".join(lines) == text
        assert all(line.count("$") % 2 == 0 for line in lines)
        assert lines[-1].endswith("3003 ± 112")
        widths = [axes.text(0, 0, line, fontsize=19).get_window_extent().width for line in lines]
        assert max(widths) <= 0.3 * axes.bbox.width
        for two in pairwise(lines):
            longer = axes.text(0, 0, " ".join(two), fontsize=19)
            assert longer.get_window_extent().width > 0.3 * axes.bbox.width
        assert wrapped(axes, "J/ψ: 1e-07 (at limit)", 19, 0.2).split("\n")[-1] == "1e-07 (at limit)"


@pytest.mark.integration
def test_a_word_that_is_too_long_is_cut():
    figure = plot_fit(labelled({"background": "Background" + 12 * "WithoutSpaces"}))
    check_nothing_overlaps(figure)
    box, frame = figure.axes[0].get_legend().get_window_extent(), figure.axes[0].bbox
    assert frame.x0 < box.x0 < box.x1 < frame.x1
    label = legend(figure)[-1].replace("\n", "")
    assert label.startswith("Background" + 12 * "WithoutSpaces" + ":")


def test_broad_bins_are_not_under_the_legend():
    edges = np.array([2.2, 2.8, 3.0, 3.2, 3.4, 4.8])
    observable = {key: value for key, value in DIMUON["observable"].items() if key != "bins"}
    parameters = {**DIMUON["parameters"], "width": {"value": 0.07, "fixed": True}}
    model = model_of(document(observable=observable, parameters=parameters), "f.json", Path())
    figure = plot_fit(fit(model, histogram(edges)))
    axes = figure.axes[0]
    check_nothing_overlaps(figure)
    box = axes.get_legend().get_window_extent().transformed(axes.transData.inverted())
    _, _heights, ends = points(axes)
    under = (edges[1:] > box.x0) & (edges[:-1] < box.x1)
    assert under.any()
    assert ends[under, 1].max() < box.y0


@pytest.mark.parametrize("factor", [1e6, 1e-7])
@pytest.mark.parametrize("plot", [plot_fit, plot_residuals])
def test_many_and_few_entries_have_short_numbers(factor, plot):
    figure = plot(scaled(factor))
    check_nothing_overlaps(figure)
    for axes in figure.axes:
        for label in axes.get_yticklabels():
            assert label.get_window_extent().x0 > figure.bbox.x0
            assert len(label.get_text()) < 7
    factor_text = figure.axes[0].yaxis.get_offset_text()
    name = texts(figure)["CMS"].get_window_extent()
    assert factor_text.get_text().startswith("×10")
    assert factor_text.get_window_extent().x1 < name.x0
    (jpsi,) = (label for label in legend(figure) if label.startswith("J/ψ"))
    assert re.fullmatch(r"J/ψ:\s\(3\.0[01] ± 0\.11\)×10(⁹|⁻⁴)", jpsi)


def test_narrow_ranges_have_numbers_that_are_apart():
    low, high = 1.8690, 1.8702
    generator = np.random.default_rng(3)
    axis = hist.axis.Regular(60, low, high, name="m")
    data = hist.Hist(axis).fill(generator.uniform(low, high, 6000))
    described = document(
        observable={**DIMUON["observable"], "range": [low, high], "bins": 60},
        components={"background": DIMUON["components"]["background"]},
        parameters={"slope": {"value": 0, "limits": [-1000, 1000]}},
        derived=None,
        windows=None,
    )
    figure = plot_fit(fit(model_of(described, "narrow.json", Path()), data))
    figure.canvas.draw()
    assert figure.axes[0].get_ylabel() == "Candidates / 20 keV"
    boxes = [label.get_window_extent() for label in figure.axes[1].get_xticklabels()]
    assert all(one.x1 < other.x0 for one, other in pairwise(boxes))
    inside = [box for box in boxes if box.x0 < figure.axes[1].bbox.x1]
    assert all(box.x1 <= figure.bbox.x1 for box in inside)


def test_residuals_stand_on_each_other():
    """Overlapping peaks: each begins where the one before ends, and the last is their sum."""
    result = peaks(["first", "second", "third"])
    model = result.model
    near = {f"mean{i}": replace(result.parameters[f"mean{i}"], value=3.3 + 0.06 * i)
            for i in range(3)}  # fmt: skip
    result = replace(result, parameters={**result.parameters, **near})
    axes = plot_residuals(result).axes[0]
    fine = np.linspace(2.2, 4.8, 52 * 20 + 1)
    curves = 20 * result.expected(fine, model.name)[:3]
    assert curves.min(axis=0).max() > 0.1 * curves.max()  # they overlap
    drawn = areas(axes)
    below = np.zeros(52 * 20)
    for name, own in zip(("first", "second", "third"), curves, strict=True):
        np.testing.assert_allclose(drawn[name][0], below, atol=1e-6 * curves.max())
        below = below + own
        np.testing.assert_allclose(drawn[name][1], below, atol=1e-6 * curves.max())
    np.testing.assert_allclose(curve(axes, "Fit − background"), curves.sum(axis=0))
    assert axes.get_ylim()[1] > curves.sum(axis=0).max()


@pytest.mark.parametrize("plot", [plot_fit, plot_residuals])
def test_negative_yields_are_not_cut_off(plot):
    figure = plot(with_yield("nPsi2s", -2000.0))
    axes = figure.axes[0]
    lower, _upper = areas(axes)["ψ(2S)"]
    assert lower.min() < -100
    assert axes.get_ylim()[0] < lower.min()
    check_nothing_overlaps(figure)


def test_points_without_an_uncertainty_are_drawn_in_full():
    """Empty bins below a peak: half of the point is below its center."""
    result = fitted("counts")
    sample = result.data["dimuon"]
    contents = np.where(np.arange(52) == 40, 0, sample.contents)
    values = {
        **result.parameters,
        "nBackground": replace(result.parameters["nBackground"], value=200.0),
    }
    changed = replace(
        result,
        parameters=values,
        data={"dimuon": replace(sample, contents=contents, variances=contents)},
    )
    figure = plot_residuals(changed)
    axes = figure.axes[0]
    _, heights, ends = points(axes)
    assert heights.min() == ends.min() < 0
    below = axes.transData.transform((0, heights.min()))[1] - axes.bbox.y0
    assert below > 0.5 * axes.lines[0].get_markersize() * figure.dpi / 72


def test_negative_residuals_are_not_cut_off():
    result = fitted("counts")
    sample = result.data["dimuon"]
    contents = np.where(np.arange(52) == 40, 0, sample.contents)
    changed = replace(
        result, data={"dimuon": replace(sample, contents=contents, variances=contents)}
    )
    for axes in plot_residuals(changed).axes:
        _, heights, ends = points(axes)
        assert heights.argmin() == 40
        assert axes.get_ylim()[0] < ends.min()


@pytest.mark.parametrize(
    ("given", "plot", "expected"),
    [
        ({}, {}, "(13 TeV)"),
        ({"lumi": 37.93}, {}, "37.9 fb⁻¹ (13 TeV)"),
        ({"lumi": 34.7, "energy": 13.6}, {}, "34.7 fb⁻¹ (13.6 TeV)"),
        ({"lumi": 1.0, "energy": 13.0}, {"lumi": 4.8, "energy": 13.6}, "4.8 fb⁻¹ (13.6 TeV)"),
        ({"lumi": 0.0372}, {"style": "ALICE", "energy": 5.02}, "37.2 pb⁻¹ (5.02 TeV)"),
        ({"lumi": 2.5}, {"style": "plain"}, "2.5 fb⁻¹"),
    ],
)
@pytest.mark.parametrize("function", [plot_fit, plot_residuals])
def test_luminosity_and_energy_are_above_on_the_right(function, given, plot, expected):
    figure = function(restyled(fitted("counts"), **plot), **given)
    axes = figure.axes[0]
    box = texts(figure)[expected].get_window_extent()
    assert box.x1 == pytest.approx(axes.bbox.x1, abs=3)
    assert axes.bbox.y1 <= box.y0 < box.y1 < figure.bbox.y1


@pytest.mark.parametrize("dpi", [50, 200])
@pytest.mark.parametrize("width", [4, 10])
@pytest.mark.parametrize("status", ["Private work", "Supplementary, with a very long remark"])
def test_a_heading_keeps_its_distances_in_any_layout(dpi, width, status):
    with styled_figure("CMS", width, width) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        axes.plot([0, 1], [0, 123456])
        add_heading(axes, Heading(status=status, lumi=138, energy=13.6))
    figure.set_dpi(dpi)
    figure.canvas.draw()
    drawn = texts(figure)
    name, words, right = (
        drawn[text].get_window_extent() for text in ("CMS", status, "138 fb⁻¹ (13.6 TeV)")
    )
    assert words.x0 - name.x1 > 0.05 * name.width
    assert words.x1 < right.x0
    assert right.x1 <= figure.bbox.x1
    assert axes.bbox.y1 < min(name.y0, right.y0) + 0.1 * name.height


def test_figures_are_drawn_in_their_style_when_it_has_ended():
    cms = labelled({"Jpsi": r"$\mathrm{Jpsi}$"}, parameters={"mean": "$M$"})
    assert any("TeXGyreHeros" in name for name in fonts(plot_fit(cms)))
    for plot in (plot_correlation, lambda result: plot_scans(result, scan(result))):
        assert any("TeXGyreHeros" in name for name in fonts(plot(cms)))
    math = plot_fit(restyled(fitted("counts"), text=[{"x": 0.5, "y": 0.1, "text": "$Abc$"}]))
    words = plot_fit(restyled(fitted("counts"), text=[{"x": 0.5, "y": 0.1, "text": "Abc"}]))
    assert fonts(math) == fonts(words)


def scan(result):
    mean = result.parameters["mean"]
    steps = np.linspace(-3, 3, 13)
    return {"mean": (mean.value + mean.error * steps, 0.5 * steps**2)}


def test_components_are_told_apart_in_color_and_in_gray():
    result = many()
    components = list(result.model.parts[result.model.name].components.values())
    drawn = looks(components)
    areas_of = [(look.color, look.hatch) for look in drawn[:-2]]
    assert len(set(areas_of)) == len(areas_of) == 8
    first, second = drawn[-2:]
    assert first.line != second.line
    assert first.color != second.color
    axes = plot_fit(result).axes[0]
    lines = {line.get_label().split(":")[0]: line for line in axes.lines}
    assert lines["rise"].get_linestyle() != lines["fall"].get_linestyle()
    filled = {tuple(area.get_facecolor()[0][:3]) for area in axes.collections[:6]}
    assert len(filled) == 6
    luminances = [np.dot(to_rgb(look.color), (0.299, 0.587, 0.114)) for look in drawn[:2]]
    assert abs(luminances[0] - luminances[1]) > 0.1


def test_axes_of_alice_have_the_units_of_masses():
    figure = plot_fit(restyled(fitted("counts"), style="ALICE", parameters={"mean": "μ"}))
    upper, lower = figure.axes
    assert lower.get_xlabel() == "m(μμ) (GeV/c²)"
    assert upper.get_ylabel() == "Candidates / 50 MeV/c²"
    assert any(text.endswith("± 0.0028 GeV/c²") for text in texts(figure))
    panel = plot_scans(restyled(fitted("counts"), style="ALICE"), scan(fitted("counts"))).axes[0]
    assert panel.get_xlabel() == "μ(J/ψ) (GeV/c²)"


def test_what_comes_with_the_package_claims_no_experiment_that_did_not_make_it():
    for name in shipped_fits():
        model = load_model(name)
        of_cms = name.startswith("dsphipi")  # a fit of CMS data
        assert model.plot.heading == ("CMS" if of_cms else ""), name
    model = load_model("jpsi_psi2s")
    figure = plot_fit(replace(fitted("counts"), model=restyled_like(model)))
    assert not {"ALICE", "CMS", "Private work"} & texts(figure).keys()


def restyled_like(model):
    """The model of the fitted data, with the plot of another but for its parameters."""
    plot = model.plot.model_copy(update={"parameters": {}})
    return fitted("counts").model.model_copy(update={"plot": plot})
