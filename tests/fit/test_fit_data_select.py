"""Histograms and values become samples: cut, rebinned, blinded, or refused."""

from __future__ import annotations

from types import SimpleNamespace

import hist
import numpy as np
import pytest
import uproot
from errors import raises

from tau3mu.errors import InputError
from tau3mu.fit.data import binned, unbinned
from tau3mu.fit.data.windows import kept

WHERE = "fit jpsi"


def _observable(lower=0.0, upper=10.0, bins=None):
    edges = None if bins is None else np.linspace(lower, upper, bins + 1)
    return SimpleNamespace(
        name="mass", label="m", unit="GeV", range=(lower, upper), bins=bins, edges=edges
    )


def _windows(*ranges, blind=()):
    return SimpleNamespace(ranges=ranges, blind=tuple(blind))


ALL = _windows()


def _histogram(contents, variances=None, axis=None):
    axis = axis or hist.axis.Regular(len(contents), 0, 10, name="mass")
    histogram = hist.Hist(axis, storage=hist.storage.Weight())
    histogram.view().value = contents
    histogram.view().variance = contents if variances is None else variances
    return histogram


COUNTS = np.arange(1.0, 21.0)  # bins of 0.5 from 0 to 10


def test_own_bins_without_flow():
    histogram = _histogram(COUNTS).fill([-1, 0.1, 11, 12])
    sample = binned(histogram, _observable(), ALL, where=WHERE)
    np.testing.assert_array_equal(sample.edges, np.linspace(0, 10, 21))
    np.testing.assert_array_equal(sample.contents, [2, *COUNTS[1:]])
    assert sample.entries == 211
    assert sample.used.all()


def test_cut_to_the_range():
    sample = binned(_histogram(COUNTS, 2 * COUNTS), _observable(2, 5), ALL, where=WHERE)
    np.testing.assert_array_equal(sample.edges, [2, 2.5, 3, 3.5, 4, 4.5, 5])
    np.testing.assert_array_equal(sample.contents, [5, 6, 7, 8, 9, 10])
    np.testing.assert_array_equal(sample.variances, [10, 12, 14, 16, 18, 20])


def test_merged_into_the_bins_of_the_observable():
    sample = binned(_histogram(COUNTS, 2 * COUNTS), _observable(2, 5, bins=2), ALL, where=WHERE)
    np.testing.assert_array_equal(sample.edges, [2, 3.5, 5])
    np.testing.assert_array_equal(sample.contents, [18, 27])
    np.testing.assert_array_equal(sample.variances, [36, 54])


def test_variable_bins():
    axis = hist.axis.Variable([0, 1, 3, 4, 8, 10], name="mass")
    histogram = _histogram([1, 2, 3, 4, 5], axis=axis)
    sample = binned(histogram, _observable(1, 8), ALL, where=WHERE)
    np.testing.assert_array_equal(sample.edges, [1, 3, 4, 8])
    np.testing.assert_array_equal(sample.contents, [2, 3, 4])
    merged = binned(histogram, _observable(0, 8, bins=2), ALL, where=WHERE)
    np.testing.assert_array_equal(merged.contents, [6, 4])


def test_bins_of_whole_numbers():
    histogram = hist.Hist(hist.axis.Integer(0, 10, name="n")).fill([0, 3, 3, 9])
    sample = binned(histogram, _observable(2, 10), ALL, where=WHERE)
    np.testing.assert_array_equal(sample.contents, [0, 2, 0, 0, 0, 0, 0, 1])


def test_histograms_of_other_libraries(tmp_path):
    boost = _histogram(COUNTS, 2 * COUNTS)
    with uproot.recreate(tmp_path / "a.root") as file:
        file["mass"] = boost
    expected = binned(boost, _observable(2, 5, bins=3), ALL, where=WHERE)
    with uproot.open(tmp_path / "a.root") as file:
        found = binned(file["mass"], _observable(2, 5, bins=3), ALL, where=WHERE)
    assert found.hash == expected.hash


def test_histogram_with_nothing_but_the_protocol():
    class Axis(list):
        traits = SimpleNamespace(discrete=False, circular=False)

    protocol = SimpleNamespace(
        axes=(Axis([(0, 1), (1, 2)]),),
        kind="COUNT",
        values=lambda: np.array([3, 4]),
        variances=lambda: None,
    )
    sample = binned(protocol, _observable(0, 2), ALL, where=WHERE)
    np.testing.assert_array_equal(sample.contents, [3, 4])
    np.testing.assert_array_equal(sample.variances, [3, 4])


def test_ranges_and_blinded_windows():
    windows = _windows((1, 4), (6, 20), blind=[(2, 3), (9.5, 12)])
    sample = binned(_histogram(COUNTS), _observable(bins=20), windows, where=WHERE)
    used = [2, 3, 6, 7, *range(12, 19)]
    np.testing.assert_array_equal(np.flatnonzero(sample.used), used)
    assert sample.entries == COUNTS[used].sum()
    # Outside of the ranges the contents stay for plots; in blinded windows they are gone.
    assert sample.contents[0] == 1
    np.testing.assert_array_equal(sample.contents[[4, 5, 19]], 0)
    np.testing.assert_array_equal(sample.variances[[4, 5, 19]], 0)


@pytest.mark.parametrize(
    ("ranges", "blind", "expected"),
    [
        ((), (), [(1, 9)]),
        ([(5, 8), (0, 2)], (), [(1, 2), (5, 8)]),
        ([(2, 4), (4, 5), (3, 3.5)], (), [(2, 5)]),
        ((), [(4, 5), (4.5, 6)], [(1, 4), (6, 9)]),
        ([(2, 4)], [(3, 5)], [(2, 3)]),
        ((), [(0, 2), (8, 9)], [(2, 8)]),
    ],
)
def test_what_is_kept_of_the_range(ranges, blind, expected):
    assert kept((1, 9), _windows(*ranges, blind=blind), WHERE) == tuple(expected)


@pytest.mark.parametrize(
    ("windows", "code", "path", "mentions"),
    [
        (_windows((1, 4), (10, 12)), "outside-range", "ranges", ("10 to 12", "0 to 10")),
        (_windows(blind=[(1700, 1800)]), "outside-range", "blind", ("1700 to 1800", "0 to 10")),
        (_windows((4, 1)), "falling-range", "ranges", ("4 to 1",)),
        (_windows((1, 2), blind=[(0, 3)]), "all-blinded", "blind", ()),
    ],
)
def test_windows_that_are_refused(windows, code, path, mentions):
    for select in (
        lambda: binned(_histogram(COUNTS), _observable(), windows, where=WHERE),
        lambda: unbinned([1.5], None, _observable(), windows, where=WHERE),
    ):
        with raises(f"fit.{code}", InputError, path=path, mentions=(WHERE, *mentions)):
            select()


NARROW, EDGE, MERGE = "fit.too-narrow-histogram", "fit.no-edge", "fit.bins-do-not-merge"


@pytest.mark.parametrize(
    ("observable", "windows", "code", "path", "mentions"),
    [
        (_observable(-1, 5), ALL, NARROW, "observable.range", ("0 to 10", "-1 to 5")),
        (_observable(2, 10.5), ALL, NARROW, "observable.range", ("2 to 10.5",)),
        (_observable(2.2, 5), ALL, EDGE, "observable.range", ("2.2", "2 and 2.5")),
        (_observable(2, 4.9), ALL, EDGE, "observable.range", ("4.5 and 5",)),
        (_observable(2, 5, bins=4), ALL, MERGE, "observable.bins",
         ("6 bins", "2 to 5", "2.75", "2.5 and 3", "1, 2, 3, 6")),
        (_observable(2, 5, bins=12), ALL, MERGE, "observable.bins", ("2.25",)),
        (_observable(2, 5), _windows((2, 3.1)), EDGE, "ranges", ("3.1", "3 and 3.5")),
        (_observable(2, 5, bins=3), _windows(blind=[(2.5, 4)]), EDGE, "blind", ("2.5", "2 and 3")),
    ],
)  # fmt: skip
def test_edges_that_do_not_fit(observable, windows, code, path, mentions):
    with raises(code, InputError, path=path, mentions=(WHERE, *mentions)):
        binned(_histogram(COUNTS), observable, windows, where=WHERE)


def test_variable_bins_that_cannot_be_merged():
    histogram = _histogram([1, 2, 3], axis=hist.axis.Variable([0, 1, 3, 4], name="mass"))
    with raises(MERGE, InputError, path="observable.bins", mentions="0 to 4"):
        binned(histogram, _observable(0, 4, bins=4), ALL, where=WHERE)


def test_several_axes():
    histogram = hist.Hist(
        hist.axis.StrCategory(["demo"], name="dataset"), hist.axis.Regular(2, 0, 1, name="mass")
    )
    with raises("fit.several-axes", InputError, path="mass", mentions="dataset, mass"):
        binned(histogram, _observable(), ALL, where=WHERE)


@pytest.mark.parametrize(
    "axis", [hist.axis.StrCategory(["a", "b"], name="c"), hist.axis.IntCategory([1, 2], name="c")]
)
def test_categories(axis):
    with raises("fit.categories", InputError, mentions=(WHERE, "axis c")):
        binned(hist.Hist(axis), _observable(), ALL, where=WHERE)


def test_profile():
    profile = hist.Hist(hist.axis.Regular(2, 0, 1), storage=hist.storage.Mean())
    with raises("fit.profile", InputError, mentions=WHERE):
        binned(profile, _observable(), ALL, where=WHERE)


@pytest.mark.parametrize(
    ("contents", "variances", "code", "path", "mentions"),
    [
        ({3: np.nan, 5: np.inf}, {}, "fit.not-finite", "content", ("2 bin", "1.5 to 2", "nan")),
        ({}, {4: np.nan}, "fit.not-finite", "variance", ("1 bin", "bin 4")),
        ({3: -2}, {}, "fit.negative", "content", ("1 bin", "bin 3", "1.5 to 2", "-2", "chi2")),
        ({}, {3: -2}, "fit.negative", "variance", ("1 bin", "bin 3")),
    ],
)
def test_contents_that_cannot_be_fitted(contents, variances, code, path, mentions):
    values, squares = COUNTS.copy(), COUNTS.copy()
    for array, wrong in ((values, contents), (squares, variances)):
        for i, value in wrong.items():
            array[i] = value
    with raises(code, InputError, path=path, mentions=(WHERE, *mentions)):
        binned(_histogram(values, squares), _observable(), ALL, where=WHERE)


def test_negative_contents_are_for_least_squares():
    contents = np.where(np.arange(20) == 3, -2.0, COUNTS)
    sample = binned(
        _histogram(contents, COUNTS), _observable(), ALL, where=WHERE, allow_negative=True
    )
    assert sample.contents[3] == -2
    elsewhere = binned(_histogram(contents, COUNTS), _observable(), _windows((2, 9)), where=WHERE)
    assert elsewhere.entries == COUNTS[4:18].sum()


@pytest.mark.parametrize("windows", [ALL, _windows((0, 3)), _windows(blind=[(5, 10)])])
def test_nothing_to_fit(windows):
    contents = np.zeros(20) if windows is ALL else np.where(np.arange(20) > 12, 1.0, 0.0)
    with raises("fit.empty-histogram", InputError, mentions=WHERE):
        binned(_histogram(contents), _observable(), windows, where=WHERE)


def test_contents_without_variances_are_taken_as_counts():
    histogram = hist.Hist(hist.axis.Regular(2, 0, 10)).fill([1, 1, 6])
    whole = binned(histogram, _observable(), ALL, where=WHERE)
    assert (whole.weighted, whole.fractional) == (False, False)
    scaled = hist.Hist(hist.axis.Regular(2, 0, 10)).fill([1, 1, 6], weight=0.3)
    sample = binned(scaled, _observable(), ALL, where=WHERE)
    np.testing.assert_allclose(sample.variances, [0.6, 0.3])
    assert sample.fractional
    assert not binned(
        _histogram([0.6, 0.3], [0.18, 0.09]), _observable(), ALL, where=WHERE
    ).fractional


def test_values_in_ranges_and_outside_of_blinded_windows():
    windows = _windows((1, 4), (6, 9), blind=[(2, 3)])
    values = np.array([0.5, 1, 1.9, 2, 2.9, 3, 4, 5, 6, 8.9, 9, 11], dtype="float32")
    sample = unbinned(values, None, _observable(), windows, where=WHERE)
    np.testing.assert_array_equal(sample.values, values[[1, 2, 5, 8, 9]].astype(float))
    assert sample.weights is None
    assert sample.outside == 5  # without the two that are blinded
    assert sample.intervals == ((1, 2), (3, 4), (6, 9))


def test_weights_go_with_their_values():
    sample = unbinned([9, 20, 1], [1, 5, -0.25], _observable(), ALL, where=WHERE)
    np.testing.assert_array_equal(sample.values, [9, 1])
    np.testing.assert_array_equal(sample.weights, [1, -0.25])
    assert (sample.entries, sample.outside) == (0.75, 1)


def test_binned_values_are_the_histogram():
    values = np.random.default_rng(4).normal(5, 2, 2000).round(1)
    windows = _windows((1, 8), blind=[(4, 5)])
    histogram = hist.Hist(hist.axis.Regular(20, 0, 10)).fill(values)
    direct = binned(histogram, _observable(bins=20), windows, where=WHERE)
    later = unbinned(values, None, _observable(), windows, where=WHERE).binned(direct.edges)
    np.testing.assert_array_equal(later.used, direct.used)
    np.testing.assert_array_equal(later.contents[later.used], direct.contents[direct.used])
    assert later.entries == direct.entries > 1000


@pytest.mark.parametrize(
    ("values", "weights", "code", "path", "mentions"),
    [
        ([1, np.nan, np.inf], None, "not-finite", "mass", ("2 of 3", "entry 1", "nan")),
        ([1, 2], [1, np.inf], "not-finite", "weights", ("1 of 2", "entry 1")),
        ([1, 2], [1], "weights-differ", "mass", ("1 weights", "2 values")),
        ([[1, 2]], None, "not-numbers", "mass", ("int64", "2 dimensions")),
        (["a"], None, "not-numbers", "mass", ("<U1", "1 dimensions")),
        ([1, 2], [0, 0], "no-sum-of-weights", "mass", ("2 values", "0")),
        ([1, 2, 30], [1, -3, 9], "no-sum-of-weights", "mass", ("2 values", "-2")),
        ([1700, 1800, 10], None, "nothing-in-ranges", "observable.range", ("3 values", "0 to 10")),
        (np.array([]), None, "nothing-in-ranges", "observable.range", ("0 values",)),
    ],
)
def test_values_that_cannot_be_fitted(values, weights, code, path, mentions):
    with raises(f"fit.{code}", InputError, path=path, mentions=(WHERE, *mentions)):
        unbinned(values, weights, _observable(), ALL, where=WHERE)
