"""Plots of histograms in the CMS style."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.results.histograms import NOMINAL, variations

if TYPE_CHECKING:
    from hist import Hist
    from matplotlib.figure import Figure

__all__ = ["plot_histogram"]


def plot_histogram(histogram: Hist[Any]) -> Figure:
    """Returns a figure with one line per dataset, nominal contents with their uncertainties.

    Args:
        histogram: With the axes `dataset` and `variation` before that of the variable.
    """
    import matplotlib.pyplot as plt
    import mplhep

    # The math fonts of the style are looked up when the figure is drawn, which is after it ended.
    style = [mplhep.style.CMS, {"mathtext.fontset": "dejavusans"}]
    with plt.style.context(style):
        figure, axes = plt.subplots(layout="constrained")
        for dataset, variation, part in variations(histogram):
            if variation == NOMINAL:
                mplhep.histplot(
                    part, ax=axes, label=dataset, histtype="step", yerr=True, flow="none"
                )
        axes.set_xlabel(histogram.axes[-1].label)
        axes.set_ylabel(histogram.label or "Candidates")
        axes.set_ylim(top=1.25 * axes.get_ylim()[1])  # room for the legend
        axes.legend()
        mplhep.cms.label("Private work", data=True, rlabel="", ax=axes)
    plt.close(figure)
    return figure
