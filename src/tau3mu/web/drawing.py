"""Pictures of results as PNG; the worker process draws them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tau3mu.errors import InputError, suggest
from tau3mu.web.blinding import hidden_bins, without_bins
from tau3mu.web.ratios import Lower, compared_part, normalized, same_axes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hist import Hist
    from matplotlib.figure import Figure

__all__ = ["Chosen", "chosen_png", "cutflow_png", "histogram_png", "overlay_png"]

_DPI: Final = 80
_MOST_PLANES: Final = 4
_LABELS: Final = {"ratio": "Ratio", "pull": "Difference in σ"}


class Chosen(NamedTuple):
    """A histogram of a dataset and a variation.

    Attributes:
        side: The place of its folder.
        dataset: The dataset.
        variation: The variation.
        label: In the legend.
        compared: The place of the histogram that it is compared with, -1 if there is none.
    """

    side: int
    dataset: str
    variation: str
    label: str
    compared: int = -1


def cutflow_png(folder: Path, processor: str) -> bytes:
    """Returns the picture of a cutflow."""
    from tau3mu.plotting import cutflow_figure

    if (stored := _stored(folder, processor)) is not None:
        return stored
    try:
        return _png(cutflow_figure(folder, processor))
    except (LookupError, TypeError, AttributeError) as error:
        path = folder / processor / "cutflow.json"
        message = f"{path} does not hold a cutflow: {error}"
        raise InputError(message, code="web.no-cutflow", path=path) from error


def histogram_png(folder: Path, processor: str, name: str) -> bytes:
    """Returns the picture of a histogram with all of its datasets."""
    from tau3mu.plotting import histogram_figure

    stored = _stored(folder, processor, name)
    return stored or _png(histogram_figure(folder, processor, name), _DPI // 2)


def overlay_png(a: Path, b: Path, processor: str, name: str, lower: Lower) -> bytes:
    """Returns the picture of a histogram of two results."""
    from tau3mu.plotting import overlay_figure

    return _png(overlay_figure(a, b, processor, name, ratio=lower or "ratio"), _DPI // 2)


def chosen_png(
    a: Path,
    b: Path | None,
    name: str,
    chosen: tuple[Chosen, ...],
    lower: Lower,
    *,
    log: bool,
    unit: bool,
) -> bytes:
    """Returns the picture of histograms over each other, or beside each other if they are maps.

    Args:
        a: The folder of the processor.
        b: That of another result, if some are of it.
        name: Of the histogram.
        chosen: What is drawn, at least one.
        lower: What stands below: the ratio, or the difference in σ, to those that each is compared
            with.
        log: Whether the entries have a logarithmic scale.
        unit: Whether each has an area of one within its axes.

    Raises:
        InputError: There is no such histogram, or it has neither one nor two variables.
    """
    folders = (a, b or a)
    parts = [_part(folders[one.side], one, name) for one in chosen]
    hidden = [
        hidden_bins(folders[one.side], name, one.dataset, part)
        for one, part in zip(chosen, parts, strict=True)
    ]
    parts = [without_bins(part, bins) for part, bins in zip(parts, hidden, strict=True)]
    if unit:
        parts = [normalized(part) for part in parts]
    compared = [
        (place, compared_part(parts[one.compared], parts[place], lower))
        for place, one in enumerate(chosen)
        if lower and one.compared >= 0 and same_axes(parts[one.compared], parts[place])
    ]
    for place, part in compared:  # nothing can be compared with what is hidden
        for bins in (hidden[place], hidden[chosen[place].compared]):
            if bins is not None:
                content: Any = part.view()
                content["value"][bins] = float("nan")
    labels = [one.label for one in chosen]
    if parts[0].ndim == 1:
        return _png(_curves(parts, labels, compared, lower, log=log, unit=unit))
    if parts[0].ndim == 2:
        below = [(f"{_LABELS[lower]}: {labels[at]}", part) for at, part in compared if lower]
        return _png(_maps([*zip(labels, parts, strict=True)], below, log=log))
    message = f"histogram {name!r} has {parts[0].ndim} variables; one or two can be drawn"
    raise InputError(message, code="web.not-drawn", path=name)


def _stored(folder: Path, processor: str, name: str | None = None) -> bytes | None:
    """Returns the picture that the run has drawn, if it has."""
    from tau3mu.plotting.pictures import stored_picture
    from tau3mu.results.places import processor_in

    place, _ = processor_in(folder, processor)
    path = stored_picture(place, name)
    return None if path is None else path.read_bytes()


def _png(figure: Figure, dpi: int = _DPI) -> bytes:
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=dpi)
    return stream.getvalue()


def _part(folder: Path, one: Chosen, name: str) -> Hist[Any]:
    from tau3mu.outputs.histograms import load_histograms, variations

    stored = load_histograms(folder)
    if name not in stored:
        message = f"{folder} has no histogram {name!r}{suggest(name, stored)}"
        raise InputError(message, code="web.not-found", path=name)
    for dataset, variation, part in variations(stored[name]):
        if (dataset, variation) == (one.dataset, one.variation):
            found: Hist[Any] = part
            return found
    message = f"histogram {name!r} of {folder} has no {one.dataset!r}, {one.variation!r}"
    raise InputError(message, code="web.not-found", path=one.dataset)


def _curves(
    parts: Sequence[Hist[Any]], labels: Sequence[str], compared: Sequence[tuple[int, Hist[Any]]],
    lower: Lower, *, log: bool, unit: bool,
) -> Figure:  # fmt: skip
    import numpy as np

    from tau3mu.plotting.heading import Heading
    from tau3mu.plotting.labels import without_broken_formulas
    from tau3mu.plotting.panels import draw_lines
    from tau3mu.plotting.style import add_heading, styled_figure

    with styled_figure("CMS", 10, 10) as figure:
        figure.set_layout_engine("constrained")
        ratios = (3, 1.1) if compared else (1,)
        panels = figure.subplots(len(ratios), sharex=True, height_ratios=ratios, squeeze=False)
        above, below = panels[0, 0], panels[-1, 0]
        below.set_xlabel(parts[0].axes[0].label)
        text = parts[0].label or "Candidates"
        above.set_ylabel(f"{text} (unit area)" if unit else text)
        without_broken_formulas(figure)
        add_heading(above, Heading())
        for place, part in compared:
            edges = part.axes[0].edges
            errors = np.sqrt(part.variances()) if lower == "ratio" else None  # type: ignore[arg-type]
            below.errorbar(
                (edges[1:] + edges[:-1]) / 2, part.values(), yerr=errors,
                xerr=np.diff(edges) / 2, fmt="o", markersize=4, color=f"C{place}",
            )  # fmt: skip
        if compared:
            below.axhline(1.0 if lower == "ratio" else 0.0, color="gray", linewidth=1)
            below.set_ylabel(_LABELS[lower], fontsize=20, loc="center")
            if lower == "ratio":
                below.set_ylim(0, 2)
        places = range(len(parts))  # keep equal labels apart
        lines = {f"{labels[place]}{' ' * place}": parts[place] for place in places}
        draw_lines(above, lines, log=log)
        if compared:
            above.set_xlabel("")
    return figure


def _maps(
    parts: Sequence[tuple[str, Hist[Any]]], compared: Sequence[tuple[str, Hist[Any]]], *, log: bool
) -> Figure:
    import numpy as np
    from matplotlib.colors import LogNorm

    from tau3mu.plotting.labels import short_name, without_broken_formulas
    from tau3mu.plotting.style import styled_figure

    shown = [(*one, log) for one in parts[:_MOST_PLANES]]
    shown += [(*one, False) for one in compared[:_MOST_PLANES]]
    with styled_figure("CMS", 11, 9 * len(shown)) as figure:
        figure.set_layout_engine("constrained")
        panels = figure.subplots(len(shown), squeeze=False)[:, 0]
        for axes, (label, part, scale) in zip(panels, shown, strict=True):
            x, y = part.axes
            values = np.ma.masked_invalid(part.values().T)
            norm = LogNorm() if scale and np.any(values > 0) else None
            if norm:
                values = np.ma.masked_less_equal(values, 0)
            mesh = axes.pcolormesh(x.edges, y.edges, values, norm=norm)
            figure.colorbar(mesh, ax=axes)
            axes.set(xlabel=x.label, ylabel=y.label)
            axes.set_title(short_name(label), parse_math=False, fontsize=20)
        without_broken_formulas(figure)
    return figure
