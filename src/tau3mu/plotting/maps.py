"""Histograms of two variables: a map of each dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.outputs.histograms import variations
from tau3mu.outputs.names import NOMINAL
from tau3mu.plotting.content import outside
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.labels import short_name, without_broken_formulas
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hist import Hist
    from matplotlib.figure import Figure

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["plot_maps"]

_MOST: Final = 6
"""Datasets of which a map is drawn."""


def plot_maps(
    histogram: Hist[Any],
    facts: Mapping[str, DatasetFacts] | None = None,
    *,
    heading: Heading = Heading(),
    log: bool = False,
    blind: Mapping[str, Sequence[tuple[float, float]]] | None = None,
) -> Figure:
    """Returns a figure with a map of the nominal contents of each of the first six datasets.

    Args:
        histogram: With an axis `dataset`, maybe one `variation`, and those of two variables.
        facts: What a run knows of the datasets, by name.
        heading: What stands above it, and the looks.
        log: Whether the entries have a logarithmic scale.
        blind: Intervals in which data are not drawn, by the name of the variable.
    """
    from matplotlib.colors import LogNorm

    facts, blind = facts or {}, blind or {}
    parts = {name: part for name, one, part in variations(histogram) if one == NOMINAL}
    shown = dict(list(parts.items())[:_MOST])
    columns = 1 if len(shown) < 2 else 2
    rows = -(-max(len(shown), 1) // columns)
    with styled_figure(heading.style, 11 * columns, 9 * rows) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(shown) :]:
            axes.set_axis_off()
        for axes, (name, part) in zip(panels, shown.items(), strict=False):
            x, y = part.axes
            values: Any = np.ma.array(np.asarray(part.values(), np.float64).T)
            if name not in facts or not facts[name].is_mc:
                x_shown, y_shown = (outside(axis, blind.get(axis.name, ())) for axis in (x, y))
                values = np.ma.masked_where(~(y_shown[:, None] & x_shown[None, :]), values)
            norm = LogNorm() if log and np.ma.any(values > 0) else None
            if norm:
                values = np.ma.masked_less_equal(values, 0)
            mesh = axes.pcolormesh(x.edges, y.edges, values, norm=norm)
            bar = figure.colorbar(mesh, ax=axes)
            bar.set_label(histogram.label or "Candidates")
            axes.set(xlabel=x.label, ylabel=y.label)
            text = axes.text(0.03, 0.95, short_name(name), transform=axes.transAxes, va="top",
                             fontsize=18, color="black")  # fmt: skip
            text.set(parse_math=False, bbox={"color": "white", "alpha": 0.85})
            add_heading(axes, heading)
        without_broken_formulas(figure)
    return figure
