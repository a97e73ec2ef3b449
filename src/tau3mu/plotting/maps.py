"""Histograms of two variables: a map of each dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.outputs.histograms import variations
from tau3mu.outputs.names import NOMINAL
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.labels import short_name, without_broken_formulas
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from hist import Hist
    from matplotlib.figure import Figure

__all__ = ["plot_maps"]

_MOST: Final = 6
"""Datasets of which a map is drawn."""


def plot_maps(
    histogram: Hist[Any],
    *,
    heading: Heading = Heading(),
    log: bool = False,
) -> Figure:
    """Returns a figure with a map of the nominal contents of each of the first six datasets.

    Args:
        histogram: With an axis `dataset`, maybe one `variation`, and those of two variables.
        heading: What stands above it, and the looks.
        log: Whether the entries have a logarithmic scale.
    """
    from matplotlib.colors import LogNorm

    parts = {name: part for name, one, part in variations(histogram) if one == NOMINAL}
    shown = dict(list(parts.items())[:_MOST])
    with styled_figure(heading.style, 11, 9 * max(len(shown), 1)) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(max(len(shown), 1), squeeze=False)[:, 0]
        for axes, (name, part) in zip(panels, shown.items(), strict=False):
            x, y = part.axes
            values = np.asarray(part.values(), np.float64).T
            norm = LogNorm() if log and np.any(values > 0) else None
            mesh = axes.pcolormesh(
                x.edges, y.edges, np.ma.masked_less_equal(values, 0) if norm else values, norm=norm
            )
            bar = figure.colorbar(mesh, ax=axes)
            bar.set_label(histogram.label or "Candidates")
            axes.set(xlabel=x.label, ylabel=y.label)
            text = axes.text(0.03, 0.95, short_name(name), transform=axes.transAxes, va="top",
                             fontsize=18, color="black")  # fmt: skip
            text.set(parse_math=False, bbox={"color": "white", "alpha": 0.85})
            add_heading(axes, heading)
        without_broken_formulas(figure)
    return figure
