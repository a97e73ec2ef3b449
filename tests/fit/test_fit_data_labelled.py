"""Numbers by the labels of a histogram's bins; `root_objects.root` was written by ROOT."""

from __future__ import annotations

from pathlib import Path

import hist
import pytest
import uproot
from errors import raises

from tau3mu.errors import InputError
from tau3mu.fit.data import read_labelled

ROOT_FILE = Path(__file__).parents[1] / "data" / "root_objects.root"


def test_contents_and_errors_by_label():
    # Eight bins, of which four have labels, and `mean` is there twice with the same numbers.
    found = read_labelled(ROOT_FILE, "hParameters")
    assert list(found) == ["mean", "width", "alpha"]
    assert found["mean"] == pytest.approx((3.1, 0.01), rel=1e-6)
    assert found["width"] == pytest.approx((0.07, 0.002), rel=1e-6)
    assert found["alpha"] == pytest.approx((1.1, 0.1), rel=1e-6)


def test_a_label_that_stands_for_different_numbers():
    with raises(
        "fit.repeated-label", InputError, path="hConflict", mentions=("'mean'", "3.1", "3.2")
    ):
        read_labelled(ROOT_FILE, "hConflict")


def test_written_by_hist(tmp_path):
    histogram = hist.Hist(hist.axis.StrCategory(["a", "b"]), storage=hist.storage.Weight())
    histogram.fill(["a", "b", "b"], weight=[2, 3, 4])
    with uproot.recreate(tmp_path / "tails.root") as file:
        file["mc/tails"] = histogram
    assert read_labelled(tmp_path / "tails.root", "mc/tails") == {"a": (2.0, 2.0), "b": (7.0, 5.0)}


def test_no_labels(tmp_path):
    with uproot.recreate(tmp_path / "mass.root") as file:
        file["mass"] = hist.Hist(hist.axis.Regular(3, 0, 1))
    with raises("fit.no-labels", InputError, path="mass.root:mass"):
        read_labelled(tmp_path / "mass.root", "mass")


def test_what_is_not_there():
    with raises("fit.unreadable-root-file", InputError, path="none.root"):
        read_labelled("none.root", "hParameters")
    with raises("fit.unknown-histogram", InputError, path="hParam", mentions="'hParameters'"):
        read_labelled(ROOT_FILE, "hParam")
