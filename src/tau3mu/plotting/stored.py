"""Pictures of what is in a results folder."""

from __future__ import annotations

from functools import lru_cache, reduce
from operator import add
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError, suggest
from tau3mu.outputs.histograms import load_histograms, variable_axes
from tau3mu.outputs.names import DATASET, NOMINAL, VARIATION
from tau3mu.plotting.blinding import blinded
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

    from tau3mu.plotting.heading import Heading
    from tau3mu.results.manifest import DatasetFacts, Manifest

__all__ = ["cutflow_figure", "draw_histogram", "histogram_figure", "overlay_figure"]

_OF_CUTS: Final = ("n_minus_one_", "cut_by_cut_")
"""How the histograms of cuts are named, with the name of the cut behind it."""


def cutflow_figure(folder: Path, processor: str, *, heading: Heading | None = None) -> Figure:
    """Returns the picture of the stored cutflow of a processor.

    Args:
        folder: The results folder, or that of a train.
        processor: The name of the processor.
        heading: What stands above it, and the looks; by default what the run knows.

    Raises:
        InputError: There is no such cutflow, or no step in it.
    """
    place, manifest = processor_in(folder, processor)
    content = read_document(place / "cutflow.json", "cutflow", language="results").content
    return plot_cutflow(content, heading=heading or heading_of(manifest.datasets))


def histogram_figure(
    folder: Path,
    processor: str,
    name: str,
    *,
    heading: Heading | None = None,
    log: bool | None = None,
    ratio: bool | None = None,
) -> Figure:
    """Returns the picture of a histogram of one variable, or of two as a map of each dataset.

    Args:
        folder: The results folder, or that of a train.
        processor: The name of the processor.
        name: Of the histogram.
        heading: What stands above it, and the looks; by default what the run knows.
        log: Whether the entries have a logarithmic scale; see `plot_histogram`.
        ratio: Whether there is a ratio below; see `plot_histogram`.

    Raises:
        InputError: There is no such histogram, it has neither one nor two variables, or there is
            nothing to compare in a ratio.
    """
    histogram, place, manifest = _stored(folder, processor, name)
    return draw_histogram(
        place, name, histogram, manifest.datasets, heading=heading, log=log, ratio=ratio
    )


def draw_histogram(
    place: Path,
    name: str,
    histogram: Hist[Any],
    facts: Mapping[str, DatasetFacts],
    *,
    heading: Heading | None = None,
    log: bool | None = None,
    ratio: bool | None = None,
) -> Figure:
    """Returns the picture of a histogram with what its run knows: cut values, what is blinded.

    Args:
        place: The folder of the processor.
        name: Of the histogram.
        histogram: With one or two variables.
        facts: What the run knows of its datasets, by name.
        heading: What stands above it, and the looks; by default what the run knows.
        log: Whether the entries have a logarithmic scale; see `plot_histogram`.
        ratio: Whether there is a ratio below; see `plot_histogram`.

    Raises:
        InputError: As `histogram_figure`.
    """
    variables = [axis.name for axis in variable_axes(histogram)]
    blind = {one: blinded(place.parent, place.name, {name, one}) for one in variables}
    if heading is None:
        heading = heading_of({key: facts[key] for key in histogram.axes[DATASET] if key in facts})
    if len(variables) == 2:
        return plot_maps(histogram, facts, heading=heading, log=bool(log), blind=blind)
    return plot_histogram(
        histogram, facts, heading=heading, log=log, ratio=ratio,
        cuts=_cut_values(place, name), blind=blind[variables[0]] if len(variables) == 1 else (),
    )  # fmt: skip


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
    a, place_a, manifest = _stored(folder_a, left, name)
    b, place_b, manifest_b = _stored(folder_b, right or left, name)
    one = _nominal(a, manifest.datasets, dataset)
    other = _nominal(b, manifest_b.datasets, dataset)
    names = {name, *(axis.name for axis in variable_axes(a))}
    blind = [
        window
        for place in (place_a, place_b)
        for window in blinded(place.parent, place.name, names)
    ]
    return plot_overlay(
        one,
        other,
        (_label(folder_a), _label(folder_b)),
        heading=heading_of(manifest.datasets),
        ratio=ratio,
        log=log,
        blind=blind,
    )


def _label(folder: Path) -> str:
    """Returns the name of a results folder, with that of a train or a test before it."""
    return "/".join(results_in(folder).absolute().parts[-2:])


def _cut_values(place: Path, name: str) -> list[float]:
    """Returns the values to be marked in a distribution of the quantity of a cut."""
    cut = next((name.removeprefix(one) for one in _OF_CUTS if name.startswith(one)), None)
    if cut is None:
        return []
    _, manifest = processor_in(place.parent, place.name)
    known = manifest.configuration["processors"][place.name]
    return [float(value) for value in known.get("cut_values", {}).get(cut, ())]


def _stored(folder: Path, processor: str, name: str) -> tuple[Hist[Any], Path, Manifest]:
    """Returns a histogram, the folder of its processor, and the manifest of its run."""
    place, manifest = processor_in(folder, processor)
    path = place / "histograms.json"
    stamp = (path.stat().st_ino, path.stat().st_mtime_ns) if path.is_file() else ()
    histograms = _loaded(place, stamp)
    if name not in histograms:
        message = f"{processor} has no histogram {name!r}{suggest(name, histograms)}"
        raise InputError(message, code="plotting.unknown-histogram", path=name)
    return histograms[name], place, manifest


@lru_cache(maxsize=1)
def _loaded(place: Path, _: tuple[int, ...]) -> dict[str, Hist[Any]]:
    """Returns the histograms of a processor, which are read once for many pictures."""
    return load_histograms(place)


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
