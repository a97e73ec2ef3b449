"""Data and simulation in one picture: what the artists hold equals what slow loops compute."""

from __future__ import annotations

import math
from io import BytesIO

import hist
import numpy as np
import pytest
from errors import raises
from matplotlib.container import ErrorbarContainer
from matplotlib.patches import StepPatch

from tau3mu.outputs.histograms import variations
from tau3mu.plotting import plot_histogram, plot_maps
from tau3mu.plotting.content import helps_log
from tau3mu.results.manifest import DatasetFacts, GeneratedFacts

NAMES = ("2017B", "2017C", "signal", "background")
DATA, SIMULATION = NAMES[:2], NAMES[2:]
EDGES = np.linspace(0, 4, 9)
CROSS_SECTIONS = {"signal": 2.0, "background": 5.0}
LUMI, SUMW = 9.7, 7e4


@pytest.fixture
def spectrum():
    random = np.random.default_rng(5)
    made = hist.Hist(
        hist.axis.StrCategory(NAMES, name="dataset"),
        hist.axis.StrCategory(["nominal", "sf_up", "sf_down", "pileup_up"], name="variation"),
        hist.axis.Regular(8, 0, 4, name="x", label="x [GeV]"),
        storage="weight",
    )
    for number, name in enumerate(NAMES):
        x = random.uniform(-0.2, 4, 60 * (number + 1))
        if name in DATA:
            made.fill(name, "nominal", x)
            continue
        weights = {"nominal": 0.5, "sf_up": 0.55, "sf_down": 0.4}
        for variation, weight in weights.items():
            made.fill(name, variation, x, weight=weight)
        if name == "signal":  # a source that the other has not
            made.fill(name, "pileup_up", x, weight=0.5 + 0.1 * x)
    return made


def facts(*, cross_sections=CROSS_SECTIONS):
    generated = GeneratedFacts(events=1, sumw=SUMW, sumw2=1.0)
    return {
        name: DatasetFacts(lumi=LUMI, energy=13.6)
        if name in DATA
        else DatasetFacts(is_mc=True, cross_section=cross_sections.get(name), generated=generated)
        for name in NAMES
    }


def part(histogram, name, variation="nominal"):
    return {(d, v): h for d, v, h in variations(histogram)}.get((name, variation))


def drawn(figure):
    figure.savefig(BytesIO(), format="png", dpi=20)
    return figure


def point_bars(axes):
    """Of each point: its place, height, and the ends of its error bar."""
    (container,) = [c for c in axes.containers if isinstance(c, ErrorbarContainer)][:1]
    line, _, (bars, *_) = container.lines
    ends = [segment[:, 1] for segment in bars.get_segments()]
    return {
        round(float(x), 6): (float(y), float(low), float(high))
        for x, y, (low, high) in zip(line.get_xdata(), line.get_ydata(), ends, strict=True)
    }


def stack(axes):
    """The parts of the stack, from below."""
    return [p.get_data() for p in axes.patches if isinstance(p, StepPatch) and p.get_fill()
            and not p.get_hatch()]  # fmt: skip


def poisson(mean, most):
    """The probability of at most so many."""
    return sum(math.exp(-mean) * mean**k / math.factorial(k) for k in range(int(most) + 1))


def factors():
    return {name: CROSS_SECTIONS[name] * 1000 * 2 * LUMI / SUMW for name in SIMULATION}


def test_points_are_the_sum_of_data_with_poisson_intervals(spectrum):
    upper, lower = drawn(plot_histogram(spectrum, facts())).axes
    found, below = point_bars(upper), point_bars(lower)
    for index, center in enumerate((EDGES[1:] + EDGES[:-1]) / 2):
        count = sum(part(spectrum, name).values()[index] for name in DATA)
        expected = sum(factors()[n] * part(spectrum, n).values()[index] for n in SIMULATION)
        y, low, high = found[round(center, 6)]
        assert y == count
        # The defining property of the central interval: 15.87 % of Poisson beyond each end.
        assert 1 - poisson(low, count - 1) == pytest.approx(0.158655, abs=1e-5)
        assert poisson(high, count) == pytest.approx(0.158655, abs=1e-5)
        ratio, ratio_low, ratio_high = below[round(center, 6)]
        assert ratio == pytest.approx(count / expected)
        assert (ratio_low, ratio_high) == pytest.approx((low / expected, high / expected))


def test_simulation_is_stacked_at_cross_section_times_luminosity(spectrum):
    upper, _ = plot_histogram(spectrum, facts()).axes
    top = np.zeros(8)
    for data, name in zip(stack(upper), SIMULATION, strict=True):
        assert np.broadcast_to(data.baseline, 8) == pytest.approx(top)
        top = top + factors()[name] * part(spectrum, name).values()
        assert data.values == pytest.approx(top)
    names = [text.get_text() for text in upper.get_legend().get_texts()]
    assert names == ["Data", "background", "signal", "Stat. ⊕ syst. unc."]
    assert upper.get_legend().get_title().get_text() == ""
    assert "19.4 fb⁻¹ (13.6 TeV)" in [text.get_text() for text in upper.texts]


def test_the_band_adds_statistics_and_sources_in_quadrature(spectrum):
    upper, lower = plot_histogram(spectrum, facts()).axes
    band = next(p for p in upper.patches if p.get_hatch()).get_data()
    relative = next(p for p in lower.patches if p.get_hatch()).get_data()
    for index in range(8):
        total = statistics = 0.0
        shift = dict.fromkeys(("sf_up", "sf_down", "pileup_up"), 0.0)
        for name in SIMULATION:
            factor, nominal = factors()[name], part(spectrum, name)
            total += factor * nominal.values()[index]
            statistics += factor**2 * nominal.variances()[index]
            for variation in shift:
                varied = part(spectrum, name, variation)
                if varied is not None:
                    shift[variation] += factor * (varied.values()[index] - nominal.values()[index])
        high = max(shift["sf_up"], shift["sf_down"], 0) ** 2 + max(shift["pileup_up"], 0) ** 2
        low = min(shift["sf_up"], shift["sf_down"], 0) ** 2 + min(shift["pileup_up"], 0) ** 2
        up, down = math.sqrt(statistics + high), math.sqrt(statistics + low)
        assert band.values[index] == pytest.approx(total + up)
        assert band.baseline[index] == pytest.approx(total - down)
        assert relative.values[index] == pytest.approx(1 + up / total)
        assert relative.baseline[index] == pytest.approx(1 - down / total)


def test_without_a_cross_section_simulation_has_the_area_of_data_and_the_legend_says_so(spectrum):
    known = facts(cross_sections={"signal": 2.0})
    upper, _ = plot_histogram(spectrum, known, blind=[(1.0, 2.0)]).axes
    top = stack(upper)[1].values
    shown = [0, 1, 4, 5, 6, 7]  # the area is that of the bins in which data are drawn
    data = sum(part(spectrum, name).values() for name in DATA)
    assert top[shown].sum() == pytest.approx(data[shown].sum())
    raw = sum(part(spectrum, name).values() for name in SIMULATION)
    assert top / top[0] == pytest.approx(raw / raw[0])
    assert "area of data" in upper.get_legend().get_title().get_text()


def test_blinded_bins_have_simulation_and_no_data(spectrum):
    figure = plot_histogram(spectrum, facts(), blind=[(1.2, 1.7)], log=False)
    for axes in figure.axes:
        assert not {1.25, 1.75} & set(point_bars(axes))
        assert {0.75, 2.25} <= set(point_bars(axes))
    top = stack(figure.axes[0])[1].values
    assert (top > 0).all()
    blinded = plot_maps(two_variables(), facts(), blind={"x": [(1.0, 2.0)]})
    meshes = [axes.collections[0].get_array() for axes in blinded.axes[:2]]
    for mesh, hidden in zip(meshes, (True, False), strict=True):
        columns = np.ma.getmaskarray(mesh.reshape(3, 4)).all(axis=0)
        assert columns.tolist() == [False, hidden, False, False]


def two_variables():
    made = hist.Hist(
        hist.axis.StrCategory(["2017B", "signal"], name="dataset"),
        hist.axis.Regular(4, 0, 4, name="x", label="x"),
        hist.axis.Regular(3, 0, 3, name="y", label="y"),
        storage="weight",
    )
    for name in ("2017B", "signal"):
        made.fill(name, [0.5, 1.5, 2.5], [0.5, 1.5, 2.5])
    return made


def only(histogram, *names):
    """The same histogram, of some datasets."""
    left = hist.Hist(
        hist.axis.StrCategory(names, name="dataset"), *list(histogram.axes)[1:], storage="weight"
    )
    for name in names:
        left.view(flow=True)[left.axes[0].index(name)] = histogram.view(flow=True)[
            histogram.axes[0].index(name)
        ]
    return left


def test_eras_are_lines_with_their_sum_as_points(spectrum):
    (axes,) = plot_histogram(only(spectrum, *DATA), facts()).axes
    for patch, name in zip(axes.patches, DATA, strict=True):
        assert np.array_equal(patch.get_data().values, part(spectrum, name).values())
    total = sum(part(spectrum, name).values() for name in DATA)
    assert [y for y, *_ in point_bars(axes).values()] == total.tolist()
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["Sum", *DATA]


def test_a_ratio_can_be_asked_for_and_left_out(spectrum):
    assert len(plot_histogram(spectrum, facts(), ratio=False).axes) == 1
    _, lower = plot_histogram(only(spectrum, *DATA), facts(), ratio=True).axes
    first, second = (part(spectrum, name).values() for name in DATA)
    assert [y for y, *_ in point_bars(lower).values()] == pytest.approx((second / first).tolist())
    with raises("plotting.no-ratio", path="x"):
        plot_histogram(only(spectrum, "2017B"), facts(), ratio=True)


def test_simulation_alone_is_stacked_only_where_it_is_normalized(spectrum):
    alone = only(spectrum, *SIMULATION)
    with_lumi = {name: facts()[name].model_copy(update={"lumi": 2 * LUMI}) for name in SIMULATION}
    (stacked,) = plot_histogram(alone, with_lumi).axes
    assert stack(stacked)[0].values == pytest.approx(
        factors()["signal"] * part(spectrum, "signal").values()
    )
    (lines,) = plot_histogram(alone, {name: facts()[name] for name in SIMULATION}).axes
    assert [patch.get_fill() for patch in lines.patches] == [False, False]


def test_values_of_cuts_are_lines_within_the_axis(spectrum):
    (axes,) = plot_histogram(only(spectrum, "2017B"), facts(), cuts=[-1.0, 0.5, 3.0, 4.0]).axes
    places = [float(line.get_xdata()[0]) for line in axes.lines if len(line.get_xdata()) == 2]
    assert places == [0.5, 3.0]
    assert "Cut" in [text.get_text() for text in axes.get_legend().get_texts()]


@pytest.mark.parametrize(
    ("values", "log"),
    [([100, 1, 1, 1], True), ([100, 3, 3, 3], False), ([100, 100, 1, 1], False),
     ([100, 0, 0, 0], False), ([0, 0], False), ([100, 1, 0, 0, 0, 1], True)],
)  # fmt: skip
def test_a_logarithmic_scale_is_chosen_by_its_rule(values, log):
    """More than half of the bins that are not empty are lower than 2 % of the highest."""
    assert helps_log(values) is log


def test_nothing_is_drawn_over_the_legend_and_all_is_within_the_figure(spectrum):
    for log in (False, True):
        figure = drawn(plot_histogram(spectrum, facts(), log=log))
        upper, _ = figure.axes
        box = upper.get_legend().get_window_extent()
        highest = max(p.get_data().values.max() for p in upper.patches)
        highest = max(highest, *(high for _, _, high in point_bars(upper).values()))
        assert upper.transData.transform((0, highest))[1] < box.y0
        for axes in figure.axes:
            inside = axes.get_tightbbox()
            assert figure.bbox.x0 <= inside.x0
            assert inside.x1 <= figure.bbox.x1
            assert figure.bbox.y0 <= inside.y0
            assert inside.y1 <= figure.bbox.y1


def test_bins_with_names_show_them_and_an_empty_picture_says_so():
    named = hist.Hist(
        hist.axis.StrCategory(["2017B"], name="dataset"),
        hist.axis.StrCategory(["barrel", "end$cap"], name="region", label="Region"),
        storage="weight",
    )
    (axes,) = drawn(plot_histogram(named, facts())).axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["barrel", "end$cap"]
    assert any("no entries" in text.get_text() for text in axes.texts)
