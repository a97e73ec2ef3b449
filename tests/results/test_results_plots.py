from __future__ import annotations

import numpy as np

from tau3mu.results import plot_histogram

DATA, SIMULATION = "2017B.v1-rereco", "ds_phipi_mc"


def test_draws_the_nominal_contents_of_each_dataset(histograms):
    histogram = histograms["mass"]
    (axes,) = plot_histogram(histogram).axes
    assert axes.get_xlabel() == r"$m(\mu\mu\pi)$ [GeV]"
    assert axes.get_ylabel() == "Candidates"
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [DATA, SIMULATION]
    for patch, dataset in zip(axes.patches, (DATA, SIMULATION), strict=True):
        expected = histogram[dataset, "nominal", :]
        assert np.array_equal(patch.get_data().values, expected.values())
        assert np.array_equal(patch.get_data().edges, expected.axes[0].edges)


def test_leaves_no_figure_open(histograms):
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    plot_histogram(histograms["pt"])
    assert plt.get_fignums() == before
