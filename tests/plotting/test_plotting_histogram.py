from __future__ import annotations

import re
from io import BytesIO

import hist
import numpy as np
import pytest

from tau3mu.errors import InputError
from tau3mu.plotting import Heading, plot_histogram

DATA, SIMULATION = "2017B.v1-rereco", "ds_phipi_mc"


def test_draws_the_nominal_contents_of_each_dataset(histograms):
    histogram = histograms["mass"]
    (axes,) = plot_histogram(histogram).axes
    assert axes.get_xlabel() == r"$m(\mu\mu\pi)$ [GeV]"
    assert axes.get_ylabel() == "Candidates / 5.81 MeV"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [DATA, SIMULATION]
    for patch, dataset in zip(axes.patches, (DATA, SIMULATION), strict=True):
        expected = histogram[dataset, "nominal", :]
        assert np.array_equal(patch.get_data().values, expected.values())
        assert np.array_equal(patch.get_data().edges, expected.axes[0].edges)


def test_a_heading_says_luminosity_energy_and_simulation_and_its_words_are_apart(histograms):
    figure = plot_histogram(
        histograms["mass"], heading=Heading(lumi=34.7, energy=13.6, simulation=True)
    )
    figure.canvas.draw()
    (axes,) = figure.axes
    written = {text.get_text(): text.get_window_extent() for text in axes.texts}
    name, status = written["CMS"], written["Simulation Private work"]
    right = written["34.7 fb⁻¹ (13.6 TeV)"]
    assert 0.05 * name.width < status.x0 - name.x1 < name.width
    assert status.x1 < right.x0
    assert right.x1 == pytest.approx(axes.bbox.x1, abs=3)
    assert min(name.y0, right.y0) > axes.bbox.y1 - 0.1 * name.height


def test_the_legend_is_above_the_lines():
    names = [f"2017{era}.v1-rereco-of-all-muons" for era in "ABCDEF"]
    histogram = hist.Hist(
        hist.axis.StrCategory(names, name="dataset"),
        hist.axis.StrCategory(["nominal"], name="variation"),
        hist.axis.Regular(10, 0, 1, name="x", label="x"),
        storage=hist.storage.Weight(),
    )
    for number, name in enumerate(names, 1):
        values = np.repeat(histogram.axes["x"].centers, 100 * number)
        histogram.fill(dataset=name, variation="nominal", x=values)
    figure = plot_histogram(histogram)
    figure.canvas.draw()
    (axes,) = figure.axes
    box = axes.get_legend().get_window_extent()
    top = axes.transData.transform((0, 600 + 600**0.5))[1]
    assert top < box.y0 < box.y1 < axes.bbox.y1
    assert top > axes.bbox.y0 + 0.5 * axes.bbox.height


def test_keeps_the_fonts_of_the_style(histograms):
    figure = plot_histogram(histograms["mass"])
    target = BytesIO()
    figure.savefig(target, format="pdf")
    found = set(re.findall(rb"/BaseFont /(?:\w+\+)?([\w-]+)", target.getvalue()))
    # The label m(μμπ) is a formula; only its Greek letters are not in the font of the style.
    assert any(name.startswith(b"TeXGyreHeros") for name in found)
    assert not any(name.startswith(b"DejaVuSans") for name in found)


def test_lines_are_told_apart_in_gray_and_the_axis_ends_with_the_bins(histograms):
    histogram = histograms["mass"]
    (axes,) = plot_histogram(histogram).axes
    styles = [patch.get_linestyle() for patch in axes.patches]
    assert len(set(styles)) == len(styles) == 2
    assert axes.get_xlim() == (histogram.axes[-1].edges[0], histogram.axes[-1].edges[-1])


def test_leaves_no_figure_open(histograms):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plot_histogram(histograms["pt"])
    assert plt.get_fignums() == before


def test_draws_histograms_without_variations_in_any_order_of_axes():
    dataset = hist.axis.StrCategory(["a"], growth=True, name="dataset")
    x, y = (hist.axis.Regular(2, 0, 2, name=name, label=f"the {name}") for name in "xy")
    one, two = hist.Hist(x, dataset), hist.Hist(x, dataset, y)
    one.fill(x=[0.5, 0.5, 1.5], dataset="a")
    (axes,) = plot_histogram(one).axes
    assert axes.get_xlabel() == "the x"
    assert axes.patches[0].get_data().values.tolist() == [2, 1]
    with pytest.raises(InputError, match="x, y"):
        plot_histogram(two)
