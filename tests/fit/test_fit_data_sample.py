"""The samples that are fitted: their sums, pulls and hashes."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest

from tau3mu.fit.data import Binned, Unbinned

EDGES = np.array([0.0, 1.0, 2.0, 3.0, 4.0])


def _binned(contents, variances=None, used=(True, True, True, False)):
    contents = np.array(contents, dtype=float)
    variances = contents if variances is None else np.array(variances, dtype=float)
    return Binned(EDGES, contents, variances, np.array(used))


def test_counts():
    sample = _binned([4, 9, 16, 100])
    assert sample.entries == 29
    assert not sample.weighted
    assert sample.mean_weight == 1


def test_weighted_contents_of_used_bins():
    sample = _binned([4, 9, 16, 100], [2, 4.5, 8, 1])
    assert sample.weighted
    assert sample.mean_weight == 0.5
    assert not _binned([4, 9, 16, 100], [4, 9, 16, 1]).weighted


def test_residuals_and_pulls():
    expected = np.array([9.0, 9.0, 16.0, 4.0])
    sample = _binned([6, 15, 16, 100])
    np.testing.assert_array_equal(sample.residuals(expected), [-3, 6, 0, np.nan])
    np.testing.assert_allclose(sample.pulls(expected), [-1, 2, 0, np.nan])
    weighted = _binned([6, 15, 16, 100], [24, 60, 64, 1])
    np.testing.assert_allclose(weighted.pulls(expected), [-0.5, 1, 0, np.nan])


def test_pulls_of_subtracted_contents_have_the_variances_of_the_data():
    sample = _binned([-2, 15, 16, 100], [4, 9, 0, 1])
    np.testing.assert_allclose(
        sample.pulls(np.array([2.0, 9.0, 16.0, 4.0])), [-2, 2, np.nan, np.nan]
    )


def test_pull_of_an_expectation_of_nothing_is_unknown():
    assert math.isnan(_binned([4, 9, 16, 1]).pulls(np.array([0.0, 9.0, 16.0, 1.0]))[0])


def test_mean_weight_without_a_positive_sum():
    assert math.isnan(_binned([-4, 2, 2, 5], [4, 2, 2, 5]).mean_weight)


def test_hash_is_that_of_little_endian_doubles_with_their_lengths():
    sample = _binned([1, 2, 3, 4])
    digest = hashlib.sha256()
    for array in (sample.edges, sample.contents, sample.variances, [1, 1, 1, 0]):
        digest.update(f"{len(array)};".encode())
        digest.update(np.array(array, dtype="<f8").tobytes())
    assert sample.hash == digest.hexdigest()


def test_hash_follows_everything():
    samples = [
        _binned([1, 2, 3, 4]),
        _binned([1, 2, 3, 5], [1, 2, 3, 4]),
        _binned([1, 2, 3, 4], [1, 2, 3, 5]),
        _binned([1, 2, 3, 4], used=[True] * 4),
        Binned(EDGES + 1, *(np.arange(1.0, 5),) * 2, np.array([True, True, True, False])),
        Unbinned(np.array([1.0, 2.0]), None, ((0.0, 4.0),)),
        Unbinned(np.array([1.0, 2.5]), None, ((0.0, 4.0),)),
        Unbinned(np.array([1.0, 2.0]), np.array([1.0, 2.0]), ((0.0, 4.0),)),
        Unbinned(np.array([1.0, 2.0]), None, ((0.0, 5.0),)),
        Unbinned(np.array([1.0]), np.array([2.0]), ((0.0, 4.0),)),
    ]
    assert len({sample.hash for sample in samples}) == len(samples)
    assert _binned([1, 2, 3, 4]).hash == samples[0].hash


def test_values_without_weights():
    sample = Unbinned(np.array([0.5, 1.5, 1.7]), None, ((0.0, 4.0),), outside=2)
    assert sample.entries == 3
    assert not sample.weighted
    assert sample.mean_weight == 1


def test_values_with_weights():
    sample = Unbinned(np.array([0.5, 1.5, 1.7]), np.array([1.0, 3.0, -0.5]), ((0.0, 4.0),))
    assert sample.entries == 3.5
    assert sample.weighted
    assert sample.mean_weight == pytest.approx(10.25 / 3.5)
    assert not Unbinned(np.array([0.5]), np.array([1.0]), ((0.0, 4.0),)).weighted


def test_binning_values():
    values = np.array([0.5, 1.0, 1.7, 3.5, 4.0])
    plain = Unbinned(values, None, ((0.0, 2.0), (2.5, 5.0))).binned(EDGES)
    np.testing.assert_array_equal(plain.contents, [1, 2, 0, 1])
    np.testing.assert_array_equal(plain.variances, [1, 2, 0, 1])
    np.testing.assert_array_equal(plain.used, [True, True, False, True])
    weights = np.array([1.0, 2.0, -1.0, 0.5, 7.0])
    weighted = Unbinned(values, weights, ((0.0, 5.0),)).binned(EDGES)
    np.testing.assert_array_equal(weighted.contents, [1, 1, 0, 0.5])
    np.testing.assert_array_equal(weighted.variances, [1, 5, 0, 0.25])
    assert weighted.used.all()


def test_bins_of_decimal_edges_are_in_intervals_of_the_same_numbers():
    sample = Unbinned(np.array([1.9]), None, ((1.65, 1.72), (1.86, 2.01)))
    used = sample.binned(np.linspace(1.65, 2.01, 37)).used
    assert used.sum() == 7 + 15
    assert used[:7].all()
    assert used[21:].all()
