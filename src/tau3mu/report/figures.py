"""Pictures of stored histograms: one with its datasets, or two of two results with their ratio."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.outputs.histograms import load_histograms, variable_axes, variations
from tau3mu.outputs.names import DATASET, NOMINAL, VARIATION
from tau3mu.report.places import processor_in
from tau3mu.results.labels import short_name, without_broken_formulas
from tau3mu.results.manifest import results_in
from tau3mu.results.plots import (
    draw_lines,
    fitted_datasets,
    heading_of,
    only_variable,
    plot_histogram,
)
from tau3mu.results.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hist import Hist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["histogram_figure", "overlay_figure"]

_MOST_MAPS = 6  # datasets of which a histogram of two variables is drawn


def histogram_figure(folder: Path, processor: str, name: str, *, log: bool = False) -> Figure:
    """Returns the picture of a histogram: lines, or a map of each dataset for two variables.

    Args:
        folder: The results folder, or that of a train.
        processor: The name of the processor.
        name: Of the histogram.
        log: Whether the entries have a logarithmic scale.

    Raises:
        InputError: There is no such histogram, or it has neither one nor two variables.
    """
    histogram, facts = _stored(folder, processor, name)
    heading = heading_of({key: facts[key] for key in histogram.axes[DATASET] if key in facts})
    if len(variable_axes(histogram)) == 2:
        return _maps(histogram, heading, log=log)
    return plot_histogram(histogram, **heading, log=log)


def overlay_figure(
    folder_a: Path,
    folder_b: Path,
    processor: str,
    name: str,
    *,
    ratio: Literal["ratio", "pull"] = "ratio",
    dataset: str | None = None,
    log: bool = False,
) -> Figure:
    """Returns the picture of a histogram of two results, B over A, with their ratio below.

    Args:
        folder_a: The results folder A, or that of a train.
        folder_b: The results folder B.
        processor: The name of the processor, or `NAME_A/NAME_B`.
        name: Of the histogram.
        ratio: What stands below: `ratio`, B / A, or `pull`, (B − A) / √(variance of A + that of B).
        dataset: Which one. By default the sum of all data, or of all simulation where there is no
            data.
        log: Whether the entries have a logarithmic scale.

    Raises:
        InputError: There is no such histogram or dataset, it has not one variable, or the bins of A
            and B are not the same.
    """
    left, _, right = processor.partition("/")
    a, facts = _stored(folder_a, left, name)
    b, facts_b = _stored(folder_b, right or left, name)
    one, other = _nominal(a, facts, dataset), _nominal(b, facts_b, dataset)
    variable = only_variable(a)
    if not _same_bins(variable, only_variable(b)):
        message = f"the bins of histogram {name} of {folder_a} and {folder_b} are not the same"
        raise InputError(message, code="report.other-bins", path=name)
    with styled_figure("CMS", 10, 10) as figure:
        figure.set_layout_engine("constrained")
        above, below = figure.subplots(2, sharex=True, height_ratios=(3, 1.1))
        above.set_ylabel(a.label or "Candidates")
        below.set_xlabel(variable.label)
        without_broken_formulas(figure)
        add_heading(above, "CMS", "CMS", "Private work", **heading_of(facts))
        _draw_ratio(below, one, other, kind=ratio)
        draw_lines(above, {f"A: {_label(folder_a)}": one, f"B: {_label(folder_b)}": other}, log=log)
        above.set_xlabel("")  # which mplhep has set
    return figure


def _label(folder: Path) -> str:
    """Returns the name of a results folder, with that of a train or a test before it."""
    return "/".join(results_in(folder).absolute().parts[-2:])


def _draw_ratio(axes: Axes, a: Hist[Any], b: Hist[Any], *, kind: str) -> None:
    values, variances = _values(a), _variances(a)
    others, other_variances = _values(b), _variances(b)
    edges = a.axes[0].edges
    centers, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == "pull":
            shown = (others - values) / np.sqrt(variances + other_variances)
            shown[others == values] = 0.0
            errors, middle, label = np.zeros_like(shown), 0.0, "(B − A) / σ"
        else:
            shown = others / values
            errors = np.sqrt(other_variances + shown**2 * variances) / np.abs(values)
            middle, label = 1.0, "B / A"
    known = np.isfinite(shown)
    axes.axhline(middle, color="gray", linewidth=1)
    axes.errorbar(
        centers[known], shown[known], yerr=errors[known] if kind != "pull" else None,
        xerr=widths[known] / 2, fmt="o", markersize=4, color="black", elinewidth=1,
    )  # fmt: skip
    axes.set_ylabel(label, fontsize=20, loc="center")
    far = np.abs(shown[known] - middle)
    span = 1.2 * min(float(far.max(initial=0.0)), 1.0 if kind != "pull" else np.inf)
    axes.set_ylim(middle - (span or 1.0), middle + (span or 1.0))


def _maps(histogram: Hist[Any], heading: Mapping[str, Any], *, log: bool) -> Figure:
    from matplotlib.colors import LogNorm

    parts = {name: part for name, one, part in variations(histogram) if one == NOMINAL}
    shown = dict(list(parts.items())[:_MOST_MAPS])
    with styled_figure("CMS", 11, 9 * max(len(shown), 1)) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(max(len(shown), 1), squeeze=False)[:, 0]
        for axes, (name, part) in zip(panels, shown.items(), strict=False):
            x, y = part.axes
            values = _values(part).T
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
            add_heading(axes, "CMS", "CMS", "Private work", **heading)
        without_broken_formulas(figure)
    return figure


def _stored(
    folder: Path, processor: str, name: str
) -> tuple[Hist[Any], Mapping[str, DatasetFacts]]:
    """Returns a histogram with what the run knows of its datasets."""
    place, manifest = processor_in(folder, processor)
    histograms = load_histograms(place)
    if name not in histograms:
        message = f"{processor} has no histogram {name!r}{suggest(name, histograms)}"
        raise InputError(message, code="report.unknown-histogram", path=name)
    return histograms[name], manifest.datasets


def _nominal(
    histogram: Hist[Any], facts: Mapping[str, DatasetFacts], dataset: str | None
) -> Hist[Any]:
    names = list(histogram.axes[DATASET])
    if dataset is not None and dataset not in names:
        message = f"the histogram has no dataset {dataset!r}{suggest(dataset, names)}"
        raise InputError(message, code="report.unknown-dataset", path=dataset)
    chosen = [dataset] if dataset is not None else fitted_datasets(names, facts)
    varied = VARIATION in histogram.axes.name
    place: dict[int | str, Any] = {VARIATION: NOMINAL} if varied else {}
    parts = [cast("Hist[Any]", histogram[{**place, DATASET: one}]) for one in chosen]
    return reduce(add, parts)


def _values(histogram: Hist[Any]) -> Any:
    return np.asarray(histogram.values(), np.float64)


def _variances(histogram: Hist[Any]) -> Any:
    stored = histogram.variances()
    return np.abs(_values(histogram)) if stored is None else np.asarray(stored, np.float64)


def _same_bins(one: Any, other: Any) -> bool:
    numbers = one.traits.ordered and other.traits.ordered
    if not numbers:
        return list(one) == list(other)
    return np.array_equal(np.asarray(one.edges), np.asarray(other.edges))
