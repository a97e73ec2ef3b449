"""Pictures of stored results show their numbers."""

from __future__ import annotations

import json
from io import BytesIO

import hist
import numpy as np
import pytest
from errors import raises
from hostile_names import HOSTILE, LONG

import tau3mu
from tau3mu.outputs import load_histograms
from tau3mu.plotting import (
    cutflow_figure,
    histogram_figure,
    overlay_figure,
    plot_cutflow,
    plot_histogram,
)


def points(axes):
    """The lines of a panel, of their places to their values."""
    return [
        dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
        for line in axes.lines
        if len(line.get_xdata()) > 1 and line.get_marker() != "None"
    ]


def drawn(figure):
    figure.savefig(BytesIO(), format="png", dpi=20)
    return figure


def test_a_histogram_is_that_of_the_folder(demo_run):
    (axes,) = drawn(histogram_figure(demo_run, "dsphipi", "mass")).axes
    expected = tau3mu.open(demo_run)["dsphipi"].histogram("mass")
    (found,) = points(axes)
    assert list(found.values()) == [value for value in expected.values() if value]
    assert axes.get_yscale() == "linear"
    (axes,) = drawn(histogram_figure(demo_run, "dsphipi", "mass", log=True)).axes
    assert axes.get_yscale() == "log"
    assert 0 < axes.get_ylim()[0] < 3


def test_a_histogram_of_two_variables_is_a_map_of_each_dataset(hostile):
    stored = load_histograms(hostile / "first")["plane"]
    figure = drawn(histogram_figure(hostile, "first", "plane"))
    panels = [axes for axes in figure.axes if axes.texts]
    for axes, name in zip(panels, [HOSTILE, "mc"], strict=True):
        (mesh,) = axes.collections
        expected = stored[{"dataset": name}].values().T
        assert np.array_equal(mesh.get_array().reshape(expected.shape), expected)
        assert name in [text.get_text() for text in axes.texts]
    drawn(histogram_figure(hostile, "first", "plane", log=True))


def test_a_cutflow_shows_events_candidates_and_efficiencies(demo_run):
    rows = tau3mu.open(demo_run)["dsphipi"].cutflow["demo"]
    above, below = drawn(cutflow_figure(demo_run, "dsphipi")).axes
    events, candidates = points(above)
    total, previous = points(below)
    for place, row in enumerate(rows):
        before = rows[max(place - 1, 0)]["events"]
        assert events[place] == row["events"]
        assert candidates[place] == row["candidates"]
        assert total[place] == pytest.approx(100 * row["events"] / 12000, rel=1e-12)
        assert previous[place] == pytest.approx(100 * row["events"] / before, rel=1e-12)
    assert [one.get_text() for one in below.get_xticklabels()] == [row["name"] for row in rows]


def test_steps_of_other_datasets_stand_at_their_own_places():
    row = {"candidates": 1, "sumw": 1.0}
    steps = {
        "_a": [{"name": name, "events": n, **row} for name, n in (("x", 8), ("z", 4), ("q", 0))],
        "$b": [{"name": name, "events": n, **row} for name, n in (("x", 9), ("y", 3), ("z", 1))],
        "empty": [],
    }
    above, _ = drawn(plot_cutflow(steps)).axes
    events = [line for line in points(above) if 1 not in set(line.values()) or 9 in line.values()]
    assert events == [{0: 8, 1: 4}, {0: 9, 3: 3, 1: 1}]
    names = [text.get_text() for text in above.get_legend().get_texts()]
    assert names == ["events", "candidates", "_a", "$b"]
    with raises("plotting.empty-cutflow"):
        plot_cutflow({"empty": []})


def test_names_and_broken_formulas_are_shown_as_they_are():
    histogram = hist.Hist(
        hist.axis.StrCategory(["_$x", LONG, HOSTILE], name="dataset"),
        hist.axis.Regular(3, 0, 1, name="x", label="$\\frac{$ [GeV"),
        label="$good^2$ ",
    )
    for name in ("_$x", LONG, HOSTILE):
        histogram.fill(dataset=name, x=[0.1, 0.5])
    (axes,) = drawn(plot_histogram(histogram)).axes
    shown = [text.get_text() for text in axes.get_legend().get_texts()]
    assert shown[::2] == ["_$x", HOSTILE]
    assert len(shown[1]) < 40
    assert not axes.xaxis.label.get_parse_math()
    assert axes.yaxis.label.get_parse_math()


def changed(folder, target, how):
    """A copy of the results of which the histogram of the mass is changed."""
    import shutil

    shutil.copytree(folder, target)
    path = target / "dsphipi" / "histograms.json"
    content = json.loads(path.read_text())
    how(content)
    path.write_text(json.dumps(content))
    return target


@pytest.mark.parametrize("kind", ["ratio", "pull"])
def test_two_results_are_drawn_with_their_ratio(demo_run, tmp_path, kind):
    def more(content):
        values = content["mass"]["storage"]["values"][0][0]
        values[10:20] = [2 * value + 1 for value in values[10:20]]

    other = changed(demo_run, tmp_path / "b", more)
    a = tau3mu.open(demo_run)["dsphipi"].histogram("mass")
    b = tau3mu.open(other)["dsphipi"].histogram("mass")
    figure = drawn(overlay_figure(demo_run, other, "dsphipi", "mass", ratio=kind))
    above, below = figure.axes
    for patch, one in zip(above.patches, (a, b), strict=True):
        assert np.array_equal(patch.get_data().values, one.values())
    (found,) = points(below)
    edges = a.axes[0].edges
    for index, center in enumerate((edges[1:] + edges[:-1]) / 2):
        x, y = a.values()[index], b.values()[index]
        if kind == "ratio":
            assert found.get(center) == (pytest.approx(y / x) if x else None)
        else:
            variance = a.variances()[index] + b.variances()[index]
            expected = (y - x) / variance**0.5 if variance else 0.0
            assert found[center] == pytest.approx(expected)


def test_what_cannot_be_drawn_is_an_error(demo_run, hostile, tmp_path):
    def fewer(content):
        content["mass"]["axes"][-1]["upper"] = 3.0

    other = changed(demo_run, tmp_path / "b", fewer)
    with raises("plotting.other-bins", path="mass"):
        overlay_figure(demo_run, other, "dsphipi", "mass")
    with raises("plotting.unknown-histogram", path="nass"):
        histogram_figure(demo_run, "dsphipi", "nass")
    for name in ("..", "../demo", "/tmp", "", "nothing"):
        with raises("results.unknown-processor", path=name):
            histogram_figure(demo_run, name, "mass")
    with raises("plotting.unknown-dataset", path="none"):
        overlay_figure(demo_run, demo_run, "dsphipi", "mass", dataset="none")
    for name in ("none", "space"):
        with raises("plotting.not-one-variable"):
            histogram_figure(hostile, "first", name)
