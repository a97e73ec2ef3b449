"""Pictures of what is in a results folder."""

from __future__ import annotations

from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, Literal, cast

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError, suggest
from tau3mu.outputs.histograms import load_histograms, variable_axes
from tau3mu.outputs.names import DATASET, NOMINAL, VARIATION
from tau3mu.plotting.cutflow import plot_cutflow
from tau3mu.plotting.heading import heading_of
from tau3mu.plotting.histogram import plot_histogram
from tau3mu.plotting.maps import plot_maps
from tau3mu.plotting.overlay import plot_overlay
from tau3mu.results.facts import fitted_datasets
from tau3mu.results.manifest import results_in
from tau3mu.results.places import processor_in

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hist import Hist
    from matplotlib.figure import Figure

    from tau3mu.results.manifest import DatasetFacts

__all__ = ["cutflow_figure", "histogram_figure", "overlay_figure"]


def cutflow_figure(folder: Path, processor: str) -> Figure:
    """Returns the picture of the stored cutflow of a processor.

    Args:
        folder: The results folder, or that of a train.
        processor: The name of the processor.

    Raises:
        InputError: There is no such cutflow, or no step in it.
    """
    place, manifest = processor_in(folder, processor)
    content = read_document(place / "cutflow.json", "cutflow", language="results").content
    return plot_cutflow(content, heading=heading_of(manifest.datasets))


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
        return plot_maps(histogram, heading=heading, log=log)
    return plot_histogram(histogram, heading=heading, log=log)


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
    return plot_overlay(
        one,
        other,
        (_label(folder_a), _label(folder_b)),
        heading=heading_of(facts),
        ratio=ratio,
        log=log,
        label=a.label,
    )


def _label(folder: Path) -> str:
    """Returns the name of a results folder, with that of a train or a test before it."""
    return "/".join(results_in(folder).absolute().parts[-2:])


def _stored(
    folder: Path, processor: str, name: str
) -> tuple[Hist[Any], Mapping[str, DatasetFacts]]:
    """Returns a histogram with what the run knows of its datasets."""
    place, manifest = processor_in(folder, processor)
    histograms = load_histograms(place)
    if name not in histograms:
        message = f"{processor} has no histogram {name!r}{suggest(name, histograms)}"
        raise InputError(message, code="plotting.unknown-histogram", path=name)
    return histograms[name], manifest.datasets


def _nominal(
    histogram: Hist[Any], facts: Mapping[str, DatasetFacts], dataset: str | None
) -> Hist[Any]:
    names = list(histogram.axes[DATASET])
    if dataset is not None and dataset not in names:
        message = f"the histogram has no dataset {dataset!r}{suggest(dataset, names)}"
        raise InputError(message, code="plotting.unknown-dataset", path=dataset)
    chosen = [dataset] if dataset is not None else fitted_datasets(names, facts)
    varied = VARIATION in histogram.axes.name
    place: dict[int | str, Any] = {VARIATION: NOMINAL} if varied else {}
    parts = [cast("Hist[Any]", histogram[{**place, DATASET: one}]) for one in chosen]
    return reduce(add, parts)
