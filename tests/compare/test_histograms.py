"""Differences of histograms of all kinds, against a slow reference."""

from __future__ import annotations

import math
from itertools import product

import hist
import numpy as np
import pytest

from tau3mu.compare.histograms import histogram_differences

AXES = {
    "regular": hist.axis.Regular(5, 0, 1, name="x"),
    "variable": hist.axis.Variable([0, 1, 3], name="x"),
    "without flow": hist.axis.Regular(4, 0, 1, flow=False, name="x"),
    "circular": hist.axis.Regular(4, 0, 1, circular=True, name="x"),
    "integer": hist.axis.Integer(-2, 3, name="x"),
    "boolean": hist.axis.Boolean(name="x"),
    "category": hist.axis.StrCategory(["a", "b"], name="x"),
    "numbers": hist.axis.IntCategory([13, 211], growth=True, name="x"),
}
STORAGES = {
    "weight": hist.storage.Weight(),
    "double": hist.storage.Double(),
    "int": hist.storage.Int64(),
    "mean": hist.storage.WeightedMean(),
}


def filled(axis, storage, seed):
    generator = np.random.default_rng(seed)
    histogram = hist.Hist(hist.axis.StrCategory(["demo"], growth=True, name="dataset"),
                          axis, storage=STORAGES[storage])  # fmt: skip
    kinds = {
        "category": lambda n: np.array(["a", "b", "other"])[generator.integers(0, 3, n)],
        "numbers": lambda n: np.array([13, 211])[generator.integers(0, 2, n)],
        "boolean": lambda n: generator.integers(0, 2, n).astype(bool),
        "integer": lambda n: generator.integers(-4, 5, n),
    }
    name = next(key for key, value in AXES.items() if value is axis)
    values = kinds.get(name, lambda n: generator.uniform(-1, 3, n))(400)
    how = {"sample": generator.normal(size=400)} if storage == "mean" else {}
    if storage != "int":
        how["weight"] = generator.uniform(0.5, 2, 400)
    histogram.fill(dataset="demo", x=values, **how)
    return histogram


def slowly(a, b):
    """Returns the number of bins that differ and the largest difference, one bin at a time."""
    values = [h.values(flow=True) for h in (a, b)]
    with np.errstate(all="ignore"):
        variances = [h.variances(flow=True) for h in (a, b)]
    variances = [abs(v) if w is None else w for v, w in zip(values, variances, strict=True)]
    number, largest = 0, 0.0
    for index in product(*(range(n) for n in values[0].shape)):
        if a.view(flow=True)[index] == b.view(flow=True)[index]:
            continue
        number += 1
        apart = abs(values[1][index] - values[0][index])
        total = sum(0.0 if math.isnan(w[index]) else w[index] for w in variances)
        if apart:
            largest = max(largest, apart / math.sqrt(total) if total else math.inf)
    return number, largest


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("axis", AXES)
def test_bins_are_compared_like_one_by_one(axis, storage):
    a, b = filled(AXES[axis], storage, 1), filled(AXES[axis], storage, 2)
    assert histogram_differences(a, a.copy(), strict=True).same
    found = histogram_differences(a, b, strict=True)
    assert (found.axes, found.bins) == ((), a.view(flow=True).size)
    assert (found.differing, pytest.approx(found.sigma)) == slowly(a, b)
    assert set(found.where) == {"dataset", "x"}


def test_categories_are_compared_by_name_whatever_their_order():
    a, b = (
        hist.Hist(hist.axis.StrCategory(names, growth=True, name="dataset"),
                  hist.axis.Regular(3, 0, 3, name="x"), storage=hist.storage.Weight())
        for names in (["one", "two", "three"], ["three", "two"])
    )  # fmt: skip
    for histogram in (a, b):
        histogram.fill(dataset=["two", "three", "three"], x=[0.5, 1.5, 1.5])
    found = histogram_differences(a, b)
    assert (found.bins, found.differing, len(found.axes)) == (10, 0, 1)
    b.fill(dataset="two", x=2.5)
    found = histogram_differences(a, b)
    assert (found.differing, found.where) == (1, {"dataset": "two", "x": "2 to 3"})


def test_no_uncertainty_is_an_infinite_difference():
    a = hist.Hist(hist.axis.Regular(2, 0, 2, name="x"), storage=hist.storage.Weight())
    b = a.copy()
    b[0] = [1.0, 0.0]
    assert histogram_differences(a, b).sigma == math.inf
    assert histogram_differences(a, b).b.value == 1.0


@pytest.mark.parametrize(
    "other",
    [
        hist.axis.Regular(10, 0, 1, name="x"),
        hist.axis.Regular(5, 0, 2, name="x"),
        hist.axis.Regular(5, 0, 1, name="y"),
        hist.axis.Regular(5, 0, 1, name="x", underflow=False),
        hist.axis.StrCategory(["a"], name="x"),
    ],
)
def test_other_axes_are_told_and_no_bins_compared(other):
    a = hist.Hist(hist.axis.Regular(5, 0, 1, name="x"))
    found = histogram_differences(a, hist.Hist(other))
    assert (found.same, found.bins, len(found.axes)) == (False, 0, 1)
    assert not histogram_differences(a, hist.Hist(a.axes[0], storage=hist.storage.Int64())).same


def test_an_equal_axis_of_another_kind_is_the_same():
    a = hist.Hist(hist.axis.Regular(4, 0, 1, name="x"))
    b = hist.Hist(hist.axis.Variable([0, 0.25, 0.5, 0.75, 1], name="x"))
    assert histogram_differences(a, b).same
