"""The stability plot: yields per luminosity by era, and those over simulation."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError
from tau3mu.plotting.heading import Heading, heading_of
from tau3mu.results.places import processor_in
from tau3mu.storage.names import YIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["has_stability", "plot_stability", "stability_figure"]

_MOST: Final = 5
"""Panels of one picture."""

_OFF: Final = "#bd1f01"


def has_stability(content: Mapping[str, Any]) -> bool:
    """Returns whether there are at least two eras with a yield per luminosity.

    Args:
        content: That of `yields.json`.
    """
    return bool(_panels(content))


def stability_figure(folder: Path, processor: str, *, heading: Heading | None = None) -> Figure:
    """Returns the stability plot of the stored yields of a processor.

    Args:
        folder: The results folder, or that of a train.
        processor: The name of the processor.
        heading: What stands above it, and the looks; by default what the run knows.

    Raises:
        InputError: There are no yields of two eras with luminosities.
    """
    place, manifest = processor_in(folder, processor)
    content = read_document(place / YIELDS, "yields", language="results").content
    data = {name: one for name, one in manifest.datasets.items() if not one.is_mc}
    return plot_stability(content, heading=heading or heading_of(data))


def plot_stability(content: Mapping[str, Any], *, heading: Heading = Heading()) -> Figure:
    """Returns a figure with a panel for the selected candidates and for each fitted component.

    Points are yields per fb⁻¹ by era; those that are off are marked. The line is the yield of all
    eras that are not off, the band around it what an era may differ by without being marked. If
    data can be compared with simulation, the last panel is their ratio.

    Args:
        content: That of `yields.json`.
        heading: What stands above it, and the looks.

    Raises:
        InputError: There are no yields of two eras with luminosities.
    """
    from tau3mu.plotting.labels import name_ticks
    from tau3mu.plotting.style import add_heading, styled_figure

    panels = _panels(content)
    if not panels:
        message = "a stability plot needs at least two eras of data with luminosities"
        raise InputError(message, code="plotting.no-eras")
    eras = list(dict.fromkeys(era for _, table, key in panels for era in _points(table, key)))
    relative = content["criterion"]["relative"]
    width, height = max(10, 1.2 * len(eras)), 2.5 + 4 * len(panels)
    with styled_figure(heading.style, width, height) as figure:
        figure.set_layout_engine("constrained")
        places = figure.subplots(len(panels), sharex=True, squeeze=False)[:, 0]
        for axes, (label, table, key) in zip(places, panels, strict=True):
            _draw(axes, eras, table, key, relative)
            axes.set_ylabel(label, fontsize=20)
        turned: dict[str, Any] = {"rotation": 40, "ha": "right"} if len(eras) > 8 else {}
        name_ticks(places[-1], eras, **turned)
        places[-1].set_xlim(-0.5, len(eras) - 0.5)
        add_heading(places[0], heading)
    return figure


def _panels(content: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any], str]]:
    """Returns the label, the table and what is drawn of it, for each panel."""
    from tau3mu.plotting.labels import short_name

    selected = content["selected"]
    found = [("Candidates / fb⁻¹", selected, "per_fb")] if selected else []
    found += [
        (f"{short_name(name, 16)} / fb⁻¹", table, "per_fb")
        for name, table in content["fitted"].items()
    ]
    tables = [*([selected] if selected else []), *content["fitted"].values()]
    ratio = [("Data / simulation", table, "ratio") for table in tables][:1]
    shown = [one for one in found if len(_points(one[1], one[2])) > 1][: _MOST - 1]
    return shown + [one for one in ratio if shown and _points(one[1], one[2])]


def _points(table: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    return {era: one[key] for era, one in table["eras"].items() if one[key] is not None}


def _draw(
    axes: Axes, eras: Sequence[str], table: Mapping[str, Any], key: str, relative: float
) -> None:
    constancy = table["constancy"]
    off = set(constancy["off"]) if constancy else set()
    tops = []
    for era, amount in _points(table, key).items():
        value, error = amount["value"], amount["error"] or 0.0
        low, high = amount["interval"] or (value - error, value + error)
        marked = era in off and key == "per_fb"
        place = eras.index(era)
        axes.errorbar(
            [place], [value], yerr=[[value - low], [high - value]], fmt="D" if marked else "o",
            color=_OFF if marked else "black", markersize=9, elinewidth=2, capsize=0,
        )  # fmt: skip
        if marked:
            side = "low" if table["eras"][era]["compared"]["deviation"] < 0 else "high"
            axes.annotate(
                side, (place, high), (0, 6), textcoords="offset points", ha="center", va="bottom",
                color=_OFF, fontsize=18,
            )  # fmt: skip
        tops.append(high)
    if key == "ratio":
        axes.axhline(1.0, color="gray", linewidth=1)
    elif (rate := _rate(table, off)) is not None:
        percent = f"± {100 * relative:g} %: may differ without a mark"
        axes.axhspan(rate * (1 - relative), rate * (1 + relative), color="0.88", zorder=0,
                     label=percent)  # fmt: skip
        axes.axhline(rate, color="gray", linewidth=1.5, zorder=1, label="all that are not off")
        axes.legend(loc="upper left", fontsize=15, ncols=2)
    top = max([*tops, 1.0] if key == "ratio" else tops, default=1.0)
    low_end = min([0.0, *(p["value"] - (p["error"] or 0.0) for p in _points(table, key).values())])
    axes.set_ylim(1.1 * low_end, 1.35 * top if top > 0 else None)
    if constancy and constancy["chi2"] is not None and key == "per_fb":
        p_value = constancy["p_value"]
        chance = f"p = {p_value:.2g}" if p_value else "p < 1e-300"
        test = f"all equal: χ²/ndf = {constancy['chi2']:.1f}/{constancy['ndf']}, {chance}"
        text = axes.text(0.98, 0.05, test, transform=axes.transAxes, ha="right", va="bottom",
                         fontsize=17)  # fmt: skip
        text.set_parse_math(False)


def _rate(table: Mapping[str, Any], off: set[str]) -> float | None:
    """Returns the yield per luminosity of the eras that are not off, else of all."""
    rows = {e: one for e, one in table["eras"].items() if one["per_fb"] is not None}
    good = [one for era, one in rows.items() if era not in off] or list(rows.values())
    lumi = math.fsum(one["lumi"] for one in good)
    rate = math.fsum(one["amount"]["value"] for one in good) / lumi
    return rate if rate > 0 else None
