"""Histograms that cannot be fitted are refused before anything heavy is imported."""

from __future__ import annotations

import subprocess
import sys

import hist
import numpy as np
import pytest

from tau3mu.errors import InputError
from tau3mu.fit import fit_histogram
from tau3mu.fit.counts import counts_of


def test_counts_are_the_contents_without_flow(spectra, dsphipi):
    histogram = spectra["demo"].copy()
    histogram.fill([1.0, 3.0, 3.0])
    counts = counts_of(histogram, dsphipi)
    assert counts.entries == 1449
    assert not counts.weighted
    assert counts.hash == counts_of(spectra["demo"], dsphipi).hash


def test_hash_follows_the_contents(spectra, dsphipi):
    demo, large = (counts_of(spectra[name], dsphipi) for name in ("demo", "1M"))
    assert len(demo.hash) == 64
    assert demo.hash != large.hash


def test_pulls_of_weighted_entries(histogram_of, dsphipi):
    contents = np.full(62, 8.0)
    expected = np.full(62, 9.0)
    plain = counts_of(histogram_of(contents), dsphipi)
    np.testing.assert_allclose(plain.pulls(expected), -1 / 3)
    weighted = counts_of(histogram_of(contents, 4 * contents), dsphipi)
    assert weighted.weighted
    np.testing.assert_allclose(weighted.pulls(expected), -1 / 6)


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (hist.axis.Regular(60, 1.65, 2.01, name="mass"),
         ("the histogram has 60 bins from 1.65 to 2.01, but the fit's observable has 62 equal bins "
         "from 1.65 to 2.01")),
        (hist.axis.Regular(62, 1.72, 2.01, name="mass"), "has 62 bins from 1.72 to 2.01, but"),
        (hist.axis.Variable([1.65, *np.linspace(1.6585, 2.01, 62)], name="mass"), "62 equal bins"),
    ],
)  # fmt: skip
def test_other_bins_are_refused(dsphipi, axis, message):
    histogram = hist.Hist(axis).fill([1.9])
    with pytest.raises(InputError, match="fit dsphipi: the histogram has") as error:
        fit_histogram(histogram, dsphipi)
    assert message in str(error.value)
    assert "observable.range" in str(error.value)


def test_variable_bins_that_are_equal_are_taken(dsphipi):
    histogram = hist.Hist(hist.axis.Variable(dsphipi.observable.edges, name="x")).fill([1.9, 1.9])
    assert counts_of(histogram, dsphipi).entries == 2


def test_several_axes_are_refused(dsphipi):
    histogram = hist.Hist(
        hist.axis.StrCategory(["demo"], name="dataset"),
        hist.axis.Regular(62, 1.65, 2.01, name="mass"),
    )
    with pytest.raises(InputError, match=r"2 axes \(dataset, mass\).*project it on 'mass' first"):
        fit_histogram(histogram, dsphipi)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "is not finite, first that of bin 3 from 1.6674 to 1.6732: nan"),
        (np.inf, "the content of 1 bins is not finite"),
        (-2.0, "the content of 1 bins is negative, first that of bin 3 from 1.6674 to 1.6732: -2"),
    ],
)  # fmt: skip
def test_contents_that_are_no_counts_are_refused(histogram_of, dsphipi, value, message):
    contents = np.ones(62)
    contents[3] = value
    with pytest.raises(InputError, match="fit dsphipi: ") as error:
        fit_histogram(histogram_of(contents, np.ones(62)), dsphipi)
    assert message in str(error.value)


def test_empty_histogram_is_refused(histogram_of, dsphipi):
    with pytest.raises(InputError, match="fit dsphipi: the histogram is empty"):
        fit_histogram(histogram_of(np.zeros(62)), dsphipi)


def test_refusal_comes_before_zfit_is_imported():
    code = (
        "import sys, hist\n"
        "from tau3mu.fit import fit_histogram, load_model\n"
        "try: fit_histogram(hist.Hist(hist.axis.Regular(62, 1.65, 2.01)), load_model('dsphipi'))\n"
        "except ValueError as error: print(error, 'zfit' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "fit dsphipi: the histogram is empty; there is nothing to fit False\n"
