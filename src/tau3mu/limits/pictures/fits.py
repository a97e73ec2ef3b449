"""Pictures of fits: likelihood scan, goodness of fit, spectra with bands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
from matplotlib.ticker import MaxNLocator, NullLocator
from scipy.interpolate import PchipInterpolator
from scipy.stats import chi2

from tau3mu.limits.diagnostics.ensembles import p_text
from tau3mu.limits.pictures.looks import (
    BLUE,
    RED,
    heading_across,
    heading_for,
    name_rows,
    note,
    strength_axis,
)
from tau3mu.plotting.labels import add_legend, short_name
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.limits.diagnostics.diagnosis import Diagnosis
    from tau3mu.limits.diagnostics.goodness import Goodness
    from tau3mu.limits.diagnostics.postfit import PostFit

__all__ = ["plot_channel_goodness", "plot_goodness", "plot_scan", "plot_spectra"]

_COLUMNS: Final = 3
_POINTS: Final = 300
_PER_PAGE: Final = 9
_GAP: Final = 1.15  # inches between panels, where their numbers and labels are
_HEADING: Final = 0.55
_RIGHT: Final = 0.25  # for half of the last number
_BIN: Final = 0.01  # GeV, to which contents are scaled
_TOYS: Final = 25  # bins of a histogram of toys


def plot_scan(diagnosis: Diagnosis) -> Figure:
    """Returns a figure of 2 Δ(−ln L) against r, with and without systematic uncertainties.

    Args:
        diagnosis: With the scan.
    """
    scan, compiled = diagnosis.scan, diagnosis.fit.compiled
    heading = heading_for(compiled)
    with styled_figure(heading.style, 10, 10) as figure:
        figure.subplots_adjust(left=0.13, right=0.95, top=0.94, bottom=0.11)
        axes = figure.subplots()
        scale, label = strength_axis(compiled, float(np.abs(scan.r).max()))
        r = np.linspace(scan.r[0], scan.r[-1], _POINTS)
        x, side = scale * r, np.where(scan.r < scan.best, -1, 1)
        curves = [PchipInterpolator(scan.r, side * np.sqrt(one))(r) ** 2
                  for one in (scan.total, scan.statistical)]  # fmt: skip
        total = axes.plot(x, curves[0], color="black", linewidth=2.5)[0]
        alone = axes.plot(x, curves[1], "--", color=BLUE, linewidth=2.5)[0]
        for n in (1, 2):
            axes.axhline(n * n, color="0.6", linewidth=1, zorder=0)
            axes.annotate(f"{n} σ", (1, n * n), (-8, 4), xycoords=("axes fraction", "data"),
                          textcoords="offset points", ha="right", fontsize=18,
                          color="0.4")  # fmt: skip
            for end in scan.intervals[n]:
                if end is not None:
                    axes.plot([scale * end] * 2, [0, n * n], ":", color="0.5", linewidth=1.5)
        axes.set_xlim(x[0], x[-1])
        axes.set_ylim(0, 12)
        axes.set_xlabel(label)
        axes.set_ylabel("−2 Δ ln L")
        axes.tick_params(axis="x", pad=9)
        low, high = scan.intervals[1]
        best = scale * scan.best
        down = "" if low is None else f" −{best - scale * low:.2g}"
        up = "" if high is None else f" +{scale * high - best:.2g}"
        note(axes, f"{diagnosis.data}\n{label} = {best:.3g}{up}{down}", (0.05, 0.97))
        add_legend(axes, [total, alone], ["All uncertainties", "Statistical only"], fontsize=18,
                   loc="upper left", bbox_to_anchor=(0.02, 0.86))  # fmt: skip
        add_heading(axes, heading)
    return figure


def plot_goodness(diagnosis: Diagnosis, goodness: Goodness) -> Figure:
    """Returns a figure of the saturated statistic of data and of toys.

    Args:
        diagnosis: Of what.
        goodness: With toys.
    """
    heading = heading_for(diagnosis.shown.compiled)
    toys = goodness.toys[np.isfinite(goodness.toys)]
    low, high = min(toys.min(), goodness.value), max(toys.max(), goodness.value)
    pad = 0.06 * (high - low) or 1.0
    with styled_figure(heading.style, 10, 10) as figure:
        figure.subplots_adjust(left=0.14, right=0.95, top=0.94, bottom=0.11)
        axes = figure.subplots()
        edges = np.linspace(low - pad, high + pad, _TOYS + 1)
        counts = np.histogram(toys, edges)[0]
        filled = axes.stairs(counts, edges, fill=True, color=BLUE, alpha=0.5)
        axes.stairs(counts, edges, color=BLUE, linewidth=1.5)
        axes.set_ylim(0, 1.5 * counts.max())
        line = axes.plot([goodness.value] * 2, [0, counts.max()], color=RED, linewidth=3)[0]
        axes.set_xlim(edges[0], edges[-1])
        axes.set_xlabel("−2 ln(L / L$_{saturated}$)")
        axes.set_ylabel("Toys")
        axes.tick_params(axis="x", pad=9)
        assert goodness.p_value is not None
        bins, channels = sum(goodness.bins.values()), len(goodness.bins)
        p_value = p_text(goodness.toys, goodness.p_value)
        found = f"{bins} bins in {channels} channels\np {p_value}"
        note(axes, f"{diagnosis.seen}\n{found}", (0.05, 0.97))
        add_legend(axes, [line, filled], [f"Data: {goodness.value:.1f}", f"{len(toys)} toys"],
                   fontsize=18, loc="upper right")  # fmt: skip
        add_heading(axes, heading)
    return figure


def plot_channel_goodness(diagnosis: Diagnosis, goodness: Goodness) -> Figure:
    """Returns a figure of the p value of each channel, and of all together.

    Args:
        diagnosis: Of what.
        goodness: With toys.
    """
    heading = heading_for(diagnosis.shown.compiled)
    assert goodness.p_value is not None
    rows = {**goodness.channel_p_values, "all channels": goodness.p_value}
    least = 1 / (len(goodness.toys) + 1)
    with styled_figure(heading.style, 12, max(6.0, 3.0 + 0.40 * len(rows))) as figure:
        figure.set_layout_engine("constrained")
        axes = figure.subplots()
        for place, (value, error) in enumerate(rows.values()):
            low, high = max(value - error, least / 2), min(value + error, 1.0)
            axes.plot([low, high], [place] * 2, color="black", linewidth=2)
            axes.plot([max(value, least)], [place], "o" if value > 0 else "<", color="black",
                      markersize=9)  # fmt: skip
            axes.axhspan(place - 0.5, place + 0.5, color="0.95" if place % 2 else "white", zorder=0,
                         linewidth=0)  # fmt: skip
        axes.axhline(len(rows) - 1.5, color="0.3", linewidth=1)
        axes.set_xscale("log")
        axes.set_xlim(least / 2, 1.3)
        for value, color in ((0.05, "0.5"), (0.0027, RED)):
            if value > least / 2:
                axes.axvline(value, color=color, linestyle="--", linewidth=1.5)
        name_rows(axes, list(rows), size=17)
        axes.get_yticklabels()[-1].set_fontweight("bold")
        axes.set_xlabel(f"p value ({len(goodness.toys)} toys), {diagnosis.seen}", fontsize=22)
        figure.draw_without_rendering()
        add_heading(axes, heading)
    return figure


def plot_spectra(diagnosis: Diagnosis) -> list[Figure]:
    """Returns figures of the channels after the fit, nine in each.

    Args:
        diagnosis: With the spectra.
    """
    every = diagnosis.spectra
    pages = [every[first : first + _PER_PAGE] for first in range(0, len(every), _PER_PAGE)]
    return [_spectra_page(diagnosis, page) for page in pages]


def _spectra_page(diagnosis: Diagnosis, page: Sequence[PostFit]) -> Figure:
    heading = heading_for(diagnosis.shown.compiled)
    columns = min(_COLUMNS, len(page))
    rows = -(-len(page) // columns)
    side = 6.0 if columns > 1 else 8.6
    width, height = columns * (side + _GAP) + _RIGHT, _HEADING + rows * (0.8 * side + _GAP)
    with styled_figure(heading.style, width, height) as figure:
        # To lay out by the texts would take half of the time of all pictures.
        figure.subplots_adjust(
            left=0.88 * _GAP / width, right=1 - (0.12 * _GAP + _RIGHT) / width,
            bottom=0.75 * _GAP / height, top=1 - _HEADING / height,
            wspace=_GAP / side, hspace=_GAP / (0.8 * side),
        )  # fmt: skip
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in panels[len(page) :]:
            axes.set_visible(False)
        for axes, one in zip(panels, page, strict=False):
            _spectrum(axes, diagnosis, one)
        heading_across(figure, list(panels[:columns]), heading)
    return figure


def _spectrum(axes: Axes, diagnosis: Diagnosis, one: PostFit) -> None:
    mass = one.edges.shape[0] > 0 and bool(np.any(one.at % 1))
    width = _BIN if mass else 1.0
    factor = width / (one.at[:, 1] - one.at[:, 0])
    edges = np.append(one.at[:, 0], one.at[-1, 1])
    middle = one.at.mean(axis=1) if mass else edges
    whole, error = factor * (one.background + one.signal), factor * one.error

    def drawn(values: np.ndarray) -> np.ndarray:  # steps for bins, lines for spectra
        return values if mass else np.append(values, values[-1:])

    step: Literal["post"] | None = None if mass else "post"
    named: dict[str, Any] = {}
    tops = [float((whole + error).max())]
    if one.counts is not None:
        span = one.edges[:, 1] - one.edges[:, 0]
        there = one.counts > 0  # bars of empty bins would hide everything else
        scale, counts = (width / span)[there], one.counts[there]
        low, high = _poisson(counts)
        centers = one.edges.mean(axis=1)[there]
        named["Data"] = axes.errorbar(
            centers, scale * counts, yerr=scale * np.array([counts - low, high - counts]),
            fmt="o", color="black", markersize=4, elinewidth=1.2, capsize=0, zorder=5,
        )  # fmt: skip
        tops.append(float((scale * high).max(initial=0.0)))
    band = axes.fill_between(middle, drawn(whole - error), drawn(whole + error), color=BLUE,
                             alpha=0.35, linewidth=0, step=step, zorder=1)  # fmt: skip
    style = "default" if mass else "steps-post"
    if diagnosis.shown.parameters[0] != 0:
        line = axes.plot(middle, drawn(whole), color=RED, linewidth=2, drawstyle=style, zorder=3)[0]
        named["Signal + background"] = line
        below = axes.plot(middle, drawn(factor * one.background), "--", color=BLUE, linewidth=2,
                          drawstyle=style, zorder=3)[0]  # fmt: skip
        named["Background"] = below
    else:
        line = axes.plot(middle, drawn(whole), color=BLUE, linewidth=2, drawstyle=style, zorder=3)[
            0
        ]
        named["Background"] = line
    named["±1 σ of the fit"] = band
    if one.example.any():
        strength = diagnosis.fit.compiled.injected
        assert strength is not None
        expected = factor * (one.background + one.example)
        named[f"with r = {strength['r']:.2g}"] = axes.plot(
            middle, drawn(expected), ":", color=RED, linewidth=2, drawstyle=style, zorder=3
        )[0]
        tops.append(float(expected.max()))
    for low_end, high_end in one.windows:
        named["Blind"] = axes.axvspan(low_end, high_end, color="0.9", zorder=0, linewidth=0)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0, 1.5 * max(tops))
    axes.tick_params(labelsize=16)
    axes.tick_params(axis="x", pad=8)
    if not mass:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xlabel("Mass [GeV]" if mass else "Bin", fontsize=19)
    axes.set_ylabel("Events / 10 MeV" if mass else "Events", fontsize=19)
    note(axes, short_name(one.name), (0.05, 0.96), fontsize=17, fontweight="bold")
    add_legend(axes, list(named.values()), list(named), fontsize=13, loc="upper right",
               bbox_to_anchor=(1, 0.92), ncols=2 if len(named) > 3 else 1)  # fmt: skip


def _poisson(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the ends of central intervals of 68.3 % of Poisson means."""
    tail = 0.158655
    low = np.where(counts > 0, chi2.ppf(tail, 2 * np.maximum(counts, 1e-9)) / 2, 0.0)
    return low, chi2.isf(tail, 2 * (counts + 1)) / 2
