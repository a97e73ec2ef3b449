"""The plots show the numbers of the fit, cover nothing, and leave matplotlib as it was."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import cache
from itertools import combinations
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from errors import raises
from fitted_dimuons import COARSER, EDGES, document, expected, fitted, histogram, masses
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch
from scipy import stats

from tau3mu.errors import InputError
from tau3mu.fit.data.sample import split
from tau3mu.fit.language import model_of
from tau3mu.fit.output import plot_correlation, plot_fit, plot_residuals, plot_scans
from tau3mu.fit.output.labels import parameter_symbols

CENTRES = (EDGES[1:] + EDGES[:-1]) / 2
BLIND = (CENTRES > 3.5) & (CENTRES < 3.9)
LEFT_OUT = (CENTRES > 3.3) & (CENTRES < 3.4)


@cache
def drawn(case):
    return plot_fit(fitted(case))


def restyled(result, **plot):
    """The same result, drawn in another way."""
    changed = result.model.model_copy(
        update={"plot": model_of(document(plot=plot), "fit.json", Path()).plot}
    )
    return replace(result, model=changed)


def points(axes, number=0):
    """Positions, heights and error bars of a set of data points."""
    containers = [c for c in axes.containers if isinstance(c, ErrorbarContainer)]
    line, _, bars = containers[number]
    ends = np.array([segment[:, 1] for segment in bars[-1].get_segments()])
    return line.get_xdata(), line.get_ydata(), ends


def poisson_intervals(contents):
    """The central 68.27 % intervals of the means of Poisson counts, which are above zero."""
    tail = stats.norm.sf(1)
    return np.stack([stats.gamma.ppf(tail, contents), stats.gamma.isf(tail, contents + 1)], axis=1)


def curve(axes, label):
    (line,) = (line for line in axes.lines if line.get_label().startswith(label))
    return line.get_ydata()


def pulls(axes):
    (steps,) = (patch for patch in axes.patches if isinstance(patch, StepPatch))
    return steps.get_data().values


def legend(figure):
    return [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def title(figure):
    return figure.axes[0].get_legend().get_title().get_text()


def above(figure):
    axes = figure.axes[0]
    return " ".join([*(text.get_text() for text in axes.texts), axes.get_title(loc="right")])


def check_nothing_overlaps(figure):
    """What is written covers neither points, nor curves, nor itself, and lies on the figure."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    upper, lower = figure.axes
    written = [upper.get_legend(), *(text for text in upper.texts if text.get_text())]
    boxes = [artist.get_window_extent() for artist in written]
    inside = [box for box in boxes if upper.bbox.overlaps(box)]
    assert not any(one.overlaps(other) for one, other in combinations(inside, 2))
    for line in (line for line in upper.lines if len(line.get_xdata()) > 2):
        x, y = upper.transData.transform(line.get_xydata()).T
        for box in inside:
            assert not np.any((x > box.x0) & (x < box.x1) & (y > box.y0) & (y < box.y1))
    labels = (upper.yaxis.label, lower.xaxis.label, lower.yaxis.label)
    for extent in (*boxes, *(label.get_window_extent() for label in labels)):
        assert figure.bbox.x0 <= extent.x0 < extent.x1 <= figure.bbox.x1
        assert figure.bbox.y0 <= extent.y0 < extent.y1 <= figure.bbox.y1


def test_points_are_the_data_with_poisson_intervals():
    x, heights, ends = points(drawn("counts").axes[0])
    contents = histogram().values()
    np.testing.assert_allclose(x, CENTRES)
    np.testing.assert_array_equal(heights, contents)
    np.testing.assert_allclose(ends, poisson_intervals(contents), rtol=1e-6)


def test_an_empty_bin_has_an_error_bar():
    result = fitted("counts")
    sample = result.data["dimuon"]
    contents = np.where(np.arange(52) == 7, 0, sample.contents)
    changed = replace(sample, contents=contents, variances=contents)
    _, heights, ends = points(plot_fit(replace(result, data={"dimuon": changed})).axes[0])
    assert heights[7] == 0
    np.testing.assert_allclose(ends[7], [0, 1.841], atol=1e-3)


def test_curves_are_the_expectations():
    result = fitted("counts")
    axes = drawn("counts").axes[0]
    counts = expected(result.values)
    # Curves are in entries per bin: their means over the bins are the expected entries.
    means = curve(axes, "Fit").reshape(52, -1).mean(axis=1)
    np.testing.assert_allclose(means, counts.sum(axis=0), rtol=1e-6)
    assert means.sum() == pytest.approx(sum(p.value for p in result.yields.values()))
    background = curve(axes, "Background").reshape(52, -1).mean(axis=1)
    np.testing.assert_allclose(background, counts[2], rtol=1e-6)
    peak = axes.collections[0].get_paths()[0].vertices[:, 1].max()
    fine = expected(result.values, np.linspace(2.2, 4.8, 1041))[0]
    assert peak == pytest.approx(20 * fine.max())


def test_pulls_are_in_standard_deviations_of_the_expectation():
    result = fitted("counts")
    counts = expected(result.values).sum(axis=0)
    heights = pulls(drawn("counts").axes[1])
    np.testing.assert_allclose(
        heights, (histogram().values() - counts) / np.sqrt(counts), rtol=0, atol=1e-4
    )
    assert np.sum(heights**2) == pytest.approx(result.chi2)


def test_weighted_counts():
    result = fitted("weighted")
    figure = plot_fit(result)
    counts = expected(result.values).sum(axis=0)
    _, heights, ends = points(figure.axes[0])
    np.testing.assert_allclose(heights, 0.3 * histogram().values())
    np.testing.assert_allclose(ends, 0.3 * poisson_intervals(histogram().values()), rtol=1e-6)
    np.testing.assert_allclose(
        pulls(figure.axes[1]), (heights - counts) / np.sqrt(0.3 * counts), rtol=0, atol=1e-4
    )
    assert figure.axes[0].get_ylabel() == "Weighted candidates / 50 MeV"


def test_bins_of_different_widths_are_drawn_per_unit():
    result = fitted("variable")
    figure = plot_fit(result)
    _, heights, _ = points(figure.axes[0])
    np.testing.assert_allclose(heights, histogram(COARSER).values() / np.diff(COARSER))
    # The curve is a density, and its integral the number of entries.
    steps = np.repeat(np.diff(COARSER) / 20, 20)
    total = np.sum(curve(figure.axes[0], "Fit") * steps)
    assert total == pytest.approx(sum(p.value for p in result.yields.values()))
    assert figure.axes[0].get_ylabel() == "Candidates / GeV"


def test_blinded_data_are_not_drawn_and_left_out_ones_are_open():
    result = fitted("blinded")
    figure = plot_fit(result)
    axes = figure.axes[0]
    contents = histogram().values()
    x, heights, _ = points(axes)
    np.testing.assert_allclose(x, CENTRES[~BLIND & ~LEFT_OUT])
    np.testing.assert_array_equal(heights, contents[~BLIND & ~LEFT_OUT])
    x, heights, _ = points(axes, 1)
    np.testing.assert_allclose(x, CENTRES[LEFT_OUT])
    np.testing.assert_array_equal(heights, contents[LEFT_OUT])
    assert axes.containers[1].lines[0].get_markerfacecolor() == "white"
    (window,) = (patch for patch in axes.patches if patch.get_label() == "Blinded")
    assert (window.get_x(), window.get_x() + window.get_width()) == pytest.approx((3.5, 3.9))
    np.testing.assert_array_equal(np.isnan(pulls(figure.axes[1])), BLIND | LEFT_OUT)
    # The curve goes on below.
    assert len(curve(axes, "Fit")) == 52 * 20
    assert np.all(curve(axes, "Fit") > 0)
    assert legend(figure)[-2:] == ["Blinded", "Data, not fitted"]


def test_single_entries_are_counted_in_the_bins_of_the_observable():
    figure = drawn("entries")
    x, heights, _ = points(figure.axes[0])
    seen = ~BLIND & ~LEFT_OUT
    np.testing.assert_allclose(x, CENTRES[seen])
    np.testing.assert_allclose(heights, 0.5 * np.histogram(masses(), EDGES)[0][seen])
    assert len(figure.axes[0].containers) == 1
    assert legend(figure)[0] == "Data"


def test_bins_of_single_entries_are_split_where_ranges_end():
    result = fitted("entries")
    sample = result.data["dimuon"]
    kept = (sample.values >= 2.21) & (sample.values < 2.24)
    narrow = replace(
        sample, values=sample.values[kept], weights=sample.weights[kept], intervals=((2.21, 2.24),)
    )
    changed = replace(result, data={"dimuon": narrow})
    for plot in (plot_fit, plot_residuals):
        figure = plot(changed)
        x, heights, ends = points(figure.axes[0])
        assert x == pytest.approx([2.225])
        assert figure.axes[0].get_ylabel() == "Weighted candidates / 50 MeV"
        # Drawn as high as a bin of 50 MeV would be.
        low, high = 0.5 * poisson_intervals(np.array([kept.sum()]))[0] * 50 / 30
        assert ends[0, 1] - ends[0, 0] == pytest.approx(high - low, rel=1e-6)
    _, heights, _ = points(plot_fit(changed).axes[0])
    assert heights == pytest.approx([0.5 * kept.sum() * 50 / 30])
    total = curve(plot_fit(changed).axes[0], "Fit")
    values = {**result.values, "mean2": 4, "width2": 1, "nPsi2s": 0}
    whole = expected(values).sum(axis=0)[0]
    parts = total[:60].reshape(3, 20).mean(axis=1) * np.array([0.2, 0.6, 0.2])
    assert parts.sum() == pytest.approx(whole, rel=1e-5)


def test_ends_of_ranges_split_bins_but_not_at_their_edges():
    edges = np.array([0, 1, 2, 4.0])
    intervals = ((-1, 0.5), (1 + 1e-9, 3), (3, 4), (5, 6))
    np.testing.assert_array_equal(split(edges, intervals), [0, 0.5, 1, 2, 3, 4])


def test_a_long_label_stays_in_the_frame():
    result = fitted("counts")
    parts = document()["components"]
    parts["background"]["label"] = "Combinatorial background and partly reconstructed decays of B"
    model = model_of(document(components=parts), "fit.json", Path())
    figure = plot_fit(replace(result, model=model))
    check_nothing_overlaps(figure)
    assert legend(figure)[-1].replace("\n", " ").endswith("decays of B: 43786 ± 245")
    axes = figure.axes[0]
    box = axes.get_legend().get_window_extent()
    assert axes.bbox.x0 < box.x0 < box.x1 < axes.bbox.x1


def test_parameters_stand_below_of_texts():
    texts = [
        {"x": x, "y": y, "text": "Simulation, toy MC"} for x in (0.05, 0.6) for y in (0.8, 0.9)
    ]
    look = {"parameters": {"mean": "μ", "width": "σ", "nJpsi": "N"}, "text": texts}
    figure = plot_fit(restyled(fitted("counts"), **look))
    check_nothing_overlaps(figure)
    written = {text.get_text(): text for text in figure.axes[0].texts}
    assert written["Simulation, toy MC"].get_position()[0] == 0.6


def test_the_last_tick_label_is_on_the_figure():
    figure = plot_fit(fitted("counts"))
    lower = figure.axes[1]
    lower.set_xticks([2.2, 4.8], ["2.200", "4.800"])
    figure.canvas.draw()
    assert lower.get_xticklabels()[-1].get_window_extent().x1 < figure.bbox.x1


def test_subtracted_counts_have_the_errors_of_the_histogram():
    result = fitted("subtracted")
    figure = plot_fit(result)
    data = result.data["dimuon"]
    _, heights, ends = points(figure.axes[0])
    assert heights.min() < 0
    np.testing.assert_allclose(heights - ends[:, 0], np.sqrt(data.variances))
    np.testing.assert_allclose(ends[:, 1] - heights, np.sqrt(data.variances))
    assert figure.axes[0].get_ylim()[0] < ends.min()


def test_texts():
    figure = plot_fit(fitted("counts"), lumi=37.9)
    assert legend(figure) == [
        "Data",
        "Fit",
        "J/ψ: 3003 ± 112",
        "ψ(2S): 254 ± 69",
        "Background: 43786 ± 245",
    ]
    result = fitted("counts")
    assert title(figure) == f"χ²/ndf = {result.chi2:.1f}/{result.ndf}"
    upper, lower = figure.axes
    labels = [upper.get_ylabel(), lower.get_xlabel(), lower.get_ylabel()]
    assert labels == ["Candidates / 50 MeV", "m(μμ) [GeV]", "Pull"]
    for part in ("CMS", "Private work", "37.9 fb⁻¹ (13 TeV)"):
        assert part in above(figure)
    assert "Simulation" not in above(figure)


def test_simulation_without_luminosity():
    figure = plot_fit(fitted("counts"), simulation=True)
    assert "Simulation Private work" in above(figure)
    assert "(13 TeV)" in above(figure)
    assert "fb" not in above(figure)
    assert legend(figure)[0] == "Simulation"


def test_styles_of_the_experiments():
    result = fitted("counts")
    alice = plot_fit(restyled(result, style="ALICE", status="Preliminary"), lumi=1)
    assert "ALICE" in above(alice)
    assert "Preliminary" in above(alice)
    assert "1 fb⁻¹" in above(alice)
    assert "TeV" not in above(alice)
    plain = above(plot_fit(restyled(result, style="plain"), lumi=2.5))
    assert plain.strip() == "2.5 fb⁻¹"


def test_parameters_texts_colours_and_range():
    figure = plot_fit(
        restyled(
            fitted("counts"),
            parameters={"mean": "μ", "ratio": "$R$", "width2": "σ₂"},
            text=[{"x": 0.1, "y": 0.2, "text": "pp"}],
            y_range=[0, 9000],
        )
    )
    axes = figure.axes[0]
    written = {text.get_text(): text for text in axes.texts}
    lines = "μ = 3.0987 ± 0.0028 GeV", "$R$ = 0.085 ± 0.023", "σ₂ = 0.0733 ± 0.0031 GeV"
    assert "\n".join(lines) in written
    assert written["pp"].get_position() == (0.1, 0.2)
    assert written["pp"].get_transform() == axes.transAxes
    assert axes.get_ylim() == (0, 9000)
    filled = [tuple(c.get_facecolor()[0][:3]) for c in axes.collections[:2]]
    assert filled[1] == mpl.colors.to_rgb("green")


def test_invalid_fit_is_marked():
    figure = plot_fit(fitted("at limit"))
    assert title(figure).startswith("Fit is not valid:\nparameter at limit\nχ²/ndf = ")
    assert title(plot_residuals(fitted("at limit"))) == "Fit is not valid:\nparameter at limit"


def test_logarithmic_scale_shows_all_that_is_there():
    axes = plot_fit(restyled(fitted("counts"), log=True)).axes[0]
    assert axes.get_yscale() == "log"
    low, high = axes.get_ylim()
    assert 0 < low < histogram().values().min()
    assert high > histogram().values().max()


def test_each_of_several_spectra():
    result = fitted("two")
    first, second = (plot_fit(result, name) for name in ("A", "B"))
    np.testing.assert_array_equal(points(first.axes[0])[1], histogram().values())
    np.testing.assert_array_equal(points(second.axes[0])[1], histogram(seed=13).values())
    assert title(first) == f"Barrel\nχ² = {result.spectra['A'].chi2:.1f} (52 bins)"
    assert title(second) == f"B\nχ² = {result.spectra['B'].chi2:.1f} (52 bins)"
    assert legend(second)[2] == f"J/ψ: {result.parameters['nJpsi_B'].text}"
    assert np.sum(pulls(second.axes[1]) ** 2) == pytest.approx(result.spectra["B"].chi2)


@pytest.mark.parametrize("plot", [plot_fit, plot_residuals])
def test_which_spectrum_must_be_said_and_exist(plot):
    with raises("fit.unknown-spectrum", InputError, mentions="A, B"):
        plot(fitted("two"))
    with raises("fit.unknown-spectrum", InputError, path="C", mentions="A, B"):
        plot(fitted("two"), "C")


_ALICE = {"style": "ALICE", "parameters": {"mean": "$\\mu$ [GeV]", "width": "σ [GeV]"}}
_PLAIN = {"style": "plain", "text": [{"x": 0.05, "y": 0.6, "text": "pp, √s = 13 TeV"}]}


@pytest.mark.parametrize(
    ("case", "look"),
    [
        ("counts", {"style": "CMS"}),
        ("counts", _ALICE),
        ("blinded", _PLAIN),
        ("variable", {"style": "CMS", "log": True}),
        ("subtracted", _ALICE),
        ("at limit", {**_ALICE, "log": True}),
    ],
)
def test_nothing_overlaps(case, look):
    check_nothing_overlaps(plot_fit(restyled(fitted(case), **look), lumi=37.9))


def test_residuals_are_what_peaks_and_fit_leave():
    result = fitted("blinded")
    figure = plot_residuals(result)
    upper, lower = figure.axes
    seen = ~BLIND & ~LEFT_OUT
    values = {**result.values, "mean2": 4, "width2": 1, "nPsi2s": 0}
    counts, contents = expected(values), histogram().values()
    x, heights, ends = points(upper)
    np.testing.assert_allclose(x, CENTRES[seen])
    np.testing.assert_allclose(heights, (contents - counts[2])[seen], atol=1e-3)
    lengths = np.diff(poisson_intervals(contents[seen]))[:, 0]
    np.testing.assert_allclose(ends[:, 1] - ends[:, 0], lengths, rtol=1e-6)
    _, residuals, _ = points(lower)
    np.testing.assert_allclose(residuals, (contents - counts.sum(axis=0))[seen], atol=1e-2)
    low, high = lower.get_ylim()
    assert low < residuals.min() < residuals.max() < high
    assert legend(figure) == [
        "Data − background", "J/ψ: 3002 ± 113", "Fit − background", "Blinded"
    ]  # fmt: skip
    check_nothing_overlaps(figure)


def test_residuals_without_a_continuum():
    result = fitted("subtracted")
    figure = plot_residuals(result)
    np.testing.assert_array_equal(points(figure.axes[0])[1], result.data["dimuon"].contents)
    assert legend(figure)[0] == "Data"


def test_correlations_stand_in_their_cells():
    result = fitted("two")
    axes = plot_correlation(result).axes[0]
    names = result.covariance_parameters
    symbols = [parameter_symbols(result.model)[name] for name in names]
    assert [label.get_text() for label in axes.get_xticklabels()] == symbols
    assert [label.get_text() for label in axes.get_yticklabels()] == symbols
    covariance = np.array(result.covariance)
    errors = np.sqrt(np.diag(covariance))
    percent = 100 * covariance / np.outer(errors, errors)
    np.testing.assert_allclose(axes.images[0].get_array(), percent)
    written = {
        tuple(map(int, t.get_position())): int(t.get_text().replace("−", "-")) for t in axes.texts
    }
    assert written == {(j, i): round(percent[i, j]) for i in range(9) for j in range(9)}
    assert written[(0, 0)] == 100


def test_without_covariance_there_are_no_correlations():
    result = replace(fitted("counts"), covariance_parameters=(), correlation=())
    with raises("fit.no-covariance", InputError, path="dimuon"):
        plot_correlation(result)


def test_scans_show_twice_the_nll_and_the_errors():
    result = fitted("counts")
    mean = replace(result.parameters["mean"], minos=(-0.002, 0.004))
    marked = replace(result, parameters={**result.parameters, "mean": mean})
    values = mean.value + mean.error * np.linspace(-3, 3, 13)
    scan = values, 0.5 * np.linspace(-3, 3, 13) ** 2
    figure = plot_scans(marked, {"mean": scan, "width": scan, "slope": scan})
    assert [axes.get_xlabel() for axes in figure.axes] == [
        "μ(J/ψ) [GeV]", "σ(J/ψ) [GeV]", "slope(Background) [GeV⁻¹]"
    ]  # fmt: skip
    axes = figure.axes[0]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), np.linspace(-3, 3, 13) ** 2)
    heights = [line.get_ydata()[0] for line in axes.lines if line.get_linestyle() == "--"]
    assert heights == [1, 4]
    assert [text.get_text() for text in axes.texts] == ["1σ", "2σ"]
    upright = [line.get_xdata()[0] for line in axes.lines if len(set(line.get_xdata())) == 1]
    assert upright == pytest.approx([mean.value, mean.value - 0.002, mean.value + 0.004])
    band = axes.patches[0]
    assert band.get_x() == pytest.approx(mean.value - mean.error)
    assert band.get_width() == pytest.approx(2 * mean.error)


def test_scans_are_named_after_what_was_minimised():
    result = fitted("counts")
    slope = result.parameters["slope"]
    scan = {"slope": (np.linspace(-1, 1, 5), np.linspace(-1, 1, 5) ** 2)}
    axes = plot_scans(result, scan).axes[0]
    assert axes.get_ylabel() == "2ΔNLL"
    assert slope.text.startswith("-")
    assert axes.get_title(loc="right") == f"slope(Background) = −{slope.text[1:]} GeV⁻¹"
    assert axes.get_xticklabels()[0].get_text().startswith("−")
    chi2 = model_of(document(method={"engine": "numpy", "loss": "chi2"}), "fit.json", Path())
    assert plot_scans(replace(result, model=chi2), scan).axes[0].get_ylabel() == "Δχ²"


def test_matplotlib_stays_as_it_was():
    import matplotlib.pyplot as plt
    import mplhep  # noqa: F401  changes the list of styles when it is imported

    result = fitted("counts")
    before, numbers = dict(mpl.rcParams), plt.get_fignums()
    for style in ("CMS", "ALICE", "plain"):
        plot_fit(restyled(result, style=style))
        plot_residuals(restyled(result, style=style))
    plot_correlation(result)
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == numbers
