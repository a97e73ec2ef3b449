"""Histograms of which only axes and weights are declared."""

from __future__ import annotations

import awkward as ak
import hist
import numpy as np
import pytest
from errors import raises
from toys import Toy

from tau3mu.processing import Axis, Processor, Table

X = hist.axis.Regular(4, 0, 4, name="x", label="x [cm]")
Y = hist.axis.Regular(2, 0, 2, name="y")
ROWS = ak.Array({"x": [0.5, 1.5, 1.6], "y": [0.5, 1.5, 9.0], "w": [1.0, 2.0, 4.0], "u": [3.0] * 3})


def processor(given, columns=None):
    class One(Processor):
        columns = frozenset({"run"})
        axes = given
        weights = columns or {}

        def select(self, events, cutflow):
            return Table(x=np.zeros(len(events)))

    One.weights = columns or {}
    return One()


def filled(given, weights=None, rows=ROWS, *, is_mc=True):
    one = processor(given, weights)
    histograms = one.histograms()
    one.fill(histograms, rows, dataset="d", is_mc=is_mc)
    return histograms


def test_a_list_gives_a_histogram_per_axis():
    histograms = filled([X, Y])
    assert list(histograms) == ["x", "y"]
    assert list(histograms["x"].axes.name) == ["dataset", "x"]
    assert histograms["x"].axes["x"].label == "x [cm]"
    assert histograms["x"]["d", :].values().tolist() == [1, 2, 0, 0]
    assert histograms["y"]["d", :].values(flow=True).tolist() == [0, 1, 1, 1]


def test_a_dictionary_gives_histograms_by_name():
    histograms = filled({"both": [X, Y], "x": Axis(2, 0, 2, "x")})
    assert histograms["both"]["d", ...].values().tolist()[:2] == [[1, 0], [0, 1]]
    assert histograms["x"]["d", :].values().tolist() == [1, 2]


def test_simulation_is_filled_in_all_variations_and_data_in_the_nominal_one():
    weights = {"nominal": "w", "up": "u"}
    simulation = filled([X], weights)["x"]
    assert simulation["d", "nominal", :].values().tolist() == [1, 6, 0, 0]
    assert simulation["d", "nominal", :].variances().tolist() == [1, 20, 0, 0]
    assert simulation["d", "up", :].values().tolist() == [3, 6, 0, 0]
    data = filled([X], weights, is_mc=False)["x"]
    assert data["d", "nominal", :].values().tolist() == [1, 6, 0, 0]
    assert data["d", "up", :].sum().value == 0


def test_a_missing_value_is_not_filled():
    rows = ak.Array({"x": [0.5, None, 1.5], "y": [None, 0.5, 0.5], "w": [1.0, 2.0, 4.0]})
    histograms = filled({"x": X, "both": [X, Y]}, {"nominal": "w"}, rows)
    assert histograms["x"].sum(flow=True).value == 5
    assert histograms["both"].sum(flow=True).value == 4


def test_axes_may_depend_on_parameters():
    assert Toy(axes_by_name={"pt": {"bins": 3}}).histograms()["pt"].axes["pt"].size == 3
    assert Toy(axes_by_name={"pt": None}).histograms() == {}


@pytest.mark.parametrize(
    ("axes", "weights", "code", "path"),
    [
        ([hist.axis.Regular(2, 0, 1)], None, "axis-name", "One.axes."),
        ([hist.axis.Regular(2, 0, 1, name="dataset")], None, "axis-name", "One.axes.dataset"),
        ({"h": [X, hist.axis.Regular(2, 0, 1, name="variation")]}, None, "axis-name", "One.axes.h"),
        ([X, X], None, "axis-name", "One.axes"),
        ([X], {"up": "u"}, "no-nominal-weight", "One.weights"),
        ([hist.axis.Regular(2, 0, 1, name="z")], None, "missing-column", "z.z"),
        ([X], {"nominal": "wt"}, "missing-column", "x.wt"),
    ],
)
def test_axes_that_cannot_be_filled_are_errors(axes, weights, code, path):
    with raises(f"processor.{code}", path=path):
        filled(axes, weights)
