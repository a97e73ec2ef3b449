"""The plot shows the numbers of the fit, and leaves matplotlib as it was."""

from __future__ import annotations

import warnings

import matplotlib as mpl
import numpy as np
import pytest
from independent_fit import EDGES, expected

from tau3mu.fit import plot_fit


@pytest.fixture(scope="module")
def figure(fits, spectra, dsphipi):
    return plot_fit(spectra["1M"], dsphipi, fits["1M"], lumi=37.9)


def _texts(figure):
    upper, lower = figure.axes
    legend = upper.get_legend()
    return {
        "legend": [text.get_text() for text in legend.get_texts()],
        "title": legend.get_title().get_text(),
        "free": [text.get_text() for text in upper.texts] + [upper.get_title(loc="right")],
        "labels": [upper.get_ylabel(), lower.get_xlabel(), lower.get_ylabel()],
    }


def test_texts(figure):
    texts = _texts(figure)
    assert texts["legend"] == [
        "Data",
        "Fit",
        "Dₛ⁺ → φπ⁺: 1704 ± 68",
        "D⁺ → φπ⁺: 816 ± 45",
        "Background: 1763 ± 92",
    ]
    assert texts["title"] == "χ²/ndf = 52.8/52"
    assert texts["labels"] == ["Candidates / 5.8 MeV", "m(μμπ) [GeV]", "Pull"]
    joined = " ".join(texts["free"])
    for part in ("CMS", "Private work", "37.9 fb⁻¹ (13 TeV)"):
        assert part in joined
    assert "Simulation" not in joined


def test_simulation_without_luminosity(fits, spectra, dsphipi):
    texts = _texts(plot_fit(spectra["demo"], dsphipi, fits["demo"], simulation=True))
    joined = " ".join(texts["free"])
    assert "Simulation" in joined
    assert "TeV" not in joined
    assert texts["legend"][0] == "Simulation"


def test_invalid_fit_is_marked(notebook_fits, spectra, notebook):
    texts = _texts(plot_fit(spectra["demo"], notebook, notebook_fits["demo"]))
    assert texts["title"].startswith("Fit is not valid:\nparameter at limit\nχ²/ndf = ")


def test_points_curves_and_pulls(figure, fits, spectra):
    upper, lower = figure.axes
    contents = spectra["1M"].values()
    counts = expected(fits["1M"].values)
    points = next(line for line in upper.lines if line.get_linestyle() == "None")
    np.testing.assert_allclose(points.get_xdata(), (EDGES[1:] + EDGES[:-1]) / 2)
    np.testing.assert_allclose(points.get_ydata(), contents)
    curve = next(line for line in upper.lines if line.get_label() == "Fit")
    # The curve is in counts per bin of the data: its means over the bins are the expected counts.
    np.testing.assert_allclose(curve.get_ydata().reshape(62, -1).mean(axis=1), counts)
    (pulls,) = (patch for patch in lower.patches if hasattr(patch, "get_data"))
    np.testing.assert_allclose(pulls.get_data().values, (contents - counts) / np.sqrt(counts))


def test_error_bars_are_poisson_intervals_also_of_empty_bins(fits, spectra, dsphipi):
    figure = plot_fit(spectra["demo"], dsphipi, fits["demo"])
    (bars,) = figure.axes[0].containers
    segments = bars.lines[2][0].get_segments()
    contents = spectra["demo"].values()
    empty, four = (int(np.flatnonzero(contents == n)[0]) for n in (0, 4))
    np.testing.assert_allclose(segments[empty][:, 1], [0, 1.841], atol=1e-3)
    np.testing.assert_allclose(segments[four][:, 1], [4 - 1.914, 4 + 3.163], atol=1e-3)


def test_nothing_overlaps_and_nothing_warns(figure):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    upper, lower = figure.axes
    renderer = figure.canvas.get_renderer()
    legend = upper.get_legend().get_window_extent(renderer)
    points = next(line for line in upper.lines if line.get_linestyle() == "None")
    assert not any(legend.contains(*xy) for xy in upper.transData.transform(points.get_xydata()))
    inside = figure.bbox
    for artist in (upper.yaxis.label, lower.xaxis.label, lower.yaxis.label, *upper.texts):
        box = artist.get_window_extent(renderer)
        assert inside.x0 <= box.x0 < box.x1 <= inside.x1
        assert inside.y0 <= box.y0 < box.y1 <= inside.y1


def test_matplotlib_stays_as_it_was(fits, spectra, dsphipi):
    import matplotlib.pyplot as plt
    import mplhep  # noqa: F401  changes the list of styles when it is imported

    before, numbers = dict(mpl.rcParams), plt.get_fignums()
    plot_fit(spectra["demo"], dsphipi, fits["demo"])
    assert dict(mpl.rcParams) == before
    assert plt.get_fignums() == numbers
