"""The plot of a fit: data, components, yields, and pulls below."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.fit.data.sample import TOLERANCE
from tau3mu.fit.output.bins import POINTS, binned_fit, subdivided
from tau3mu.fit.output.labels import observable_label, parameter_line, per_bin
from tau3mu.fit.output.layout import Written, add_text, make_room
from tau3mu.fit.output.numbers import value_text
from tau3mu.fit.output.style import TOTAL, looks
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.style import PowersFormatter, add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.fit.fitting.result import FitResult, ParameterResult, Quantity
    from tau3mu.fit.language.method import Plot
    from tau3mu.fit.output.bins import BinnedFit

__all__ = ["candidates_label", "draw_blinded", "draw_points", "plot_fit", "scale", "two_panels"]


def plot_fit(
    result: FitResult,
    spectrum: str | None = None,
    *,
    lumi: float | None = None,
    energy: float | None = None,
    simulation: bool = False,
) -> Figure:
    """Returns a figure of the data with the fitted spectrum, its components and the pulls.

    What is blinded is not drawn, and what is not fitted has open markers. Entries in bins of
    different widths are drawn per unit of the observable; those in a part of a bin, where a range
    of single entries ends, are drawn as for a whole one.

    Args:
        result: The fit; one that is not valid is marked as such.
        spectrum: Which one; it may be left out where there is only one.
        lumi: Integrated luminosity in fb^-1, where the fit file does not say it.
        energy: Center-of-mass energy in TeV, where the fit file does not say it.
        simulation: Whether the data are simulation.

    Raises:
        InputError: There is no such spectrum, or it is not said which of several.
    """
    fit = binned_fit(result, spectrum)
    with two_panels(fit, result.model.plot, lumi, energy, simulation=simulation) as panels:
        figure, upper, lower = panels
        _draw_spectrum(upper, fit, result, simulation=simulation)
        _draw_pulls(lower, fit)
    return figure


@contextmanager
def two_panels(
    fit: BinnedFit, plot: Plot, lumi: float | None, energy: float | None, *, simulation: bool
) -> Iterator[tuple[Figure, Axes, Axes]]:
    """Yields a figure with a large and a small panel that share the axis of the observable.

    matplotlib has the style of the plot while the block runs; the heading is written after it.

    Args:
        fit: The spectrum.
        plot: The style, and texts of the heading.
        lumi: Integrated luminosity in fb^-1, if `plot` has none.
        energy: Center-of-mass energy in TeV, if `plot` has none.
        simulation: Whether the data are simulation.
    """
    with styled_figure(plot.style, 10, 10) as figure:
        figure.subplots_adjust(left=0.14, right=0.95, top=0.94, bottom=0.1)
        grid = {"height_ratios": (3.2, 1), "hspace": 0.06}
        upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw=grid)
        for axes in (upper, lower):
            axes.yaxis.set_major_formatter(PowersFormatter())
        upper.set_xlim(*fit.part.observable.range)
        upper.tick_params(labelbottom=False)
        upper.set_ylabel(candidates_label(fit, plot.style))
        lower.set_xlabel(observable_label(fit.part.observable, plot.style))
        figure.align_ylabels([upper, lower])
        _thin_labels(lower)
        yield figure, upper, lower
        add_heading(
            upper,
            Heading(
                style=plot.style,
                experiment=plot.heading,
                status=plot.status,
                lumi=lumi if plot.lumi is None else plot.lumi,
                energy=energy if plot.energy is None else plot.energy,
                simulation=simulation,
            ),
        )


def _thin_labels(axes: Axes) -> None:
    """Gives the axis of the observable so few numbers that they are apart and on the figure."""
    widths = [label.get_window_extent().width for label in axes.get_xticklabels()]
    widest = max(widths, default=1.0) or 1.0
    box = axes.bbox
    margin = (1 - axes.get_position().x1) / axes.get_position().width * box.width
    beside = "upper" if widest / 2 > margin else None
    axes.locator_params("x", nbins=min(9, max(1, int(box.width / (1.3 * widest)))), prune=beside)


def scale(fit: BinnedFit) -> np.ndarray:
    """Returns the factors by which the contents of each bin are multiplied to be drawn.

    Args:
        fit: The spectrum.
    """
    widths = np.diff(fit.data.edges)
    if fit.width is None:
        return np.asarray(1 / widths)
    whole = np.isclose(widths, fit.width, rtol=TOLERANCE, atol=0)
    return np.where(whole, 1.0, fit.width / widths)


def candidates_label(fit: BinnedFit, style: str) -> str:
    """Returns the label of the axis of contents: per bin if all are equal, else per unit.

    Args:
        fit: The spectrum.
        style: CMS, ALICE or plain.
    """
    what = "Weighted candidates" if fit.data.weighted else "Candidates"
    return f"{what} / {per_bin(fit.part.observable, fit.width, style)}"


def draw_points(
    axes: Axes, fit: BinnedFit, heights: np.ndarray, where: np.ndarray, *, label: str
) -> None:
    """Draws data points at `heights` with their errors in some of the bins, filled if fitted.

    Where bins have different widths, these are drawn, too.

    Args:
        axes: Where they are drawn.
        fit: The spectrum.
        heights: The heights of all bins, shape (bins,).
        where: The bins that are drawn, shape (bins,).
        label: For the legend.
    """
    widths = np.diff(fit.data.edges)
    axes.errorbar(
        fit.centers[where],
        heights[where],
        xerr=None if np.allclose(widths, widths[0], rtol=TOLERANCE) else widths[where] / 2,
        yerr=(fit.errors * scale(fit))[:, where],
        fmt="o",
        color="black",
        markerfacecolor="black" if fit.data.used[where].all() else "white",
        markersize=6,
        elinewidth=1.5,
        capsize=0,
        label=label,
        zorder=4,
    )


def draw_blinded(axes: Axes, fit: BinnedFit, *, label: str = "") -> None:
    """Hatches the blinded windows.

    Args:
        axes: Where they are drawn.
        fit: The spectrum.
        label: For the legend.
    """
    for number, (low, high) in enumerate(fit.part.blind):
        axes.axvspan(
            low,
            high,
            facecolor="0.92",
            edgecolor="0.6",
            hatch="//",
            linewidth=0,
            zorder=0,
            label=label if number == 0 else "",
        )


def _draw_spectrum(axes: Axes, fit: BinnedFit, result: FitResult, *, simulation: bool) -> None:
    plot = result.model.plot
    first = "Simulation" if simulation else "Data"
    contents = fit.data.contents * scale(fit)
    total = _draw_curves(axes, fit, result)
    draw_points(axes, fit, contents, fit.shown & fit.data.used, label=first)
    if (outside := fit.shown & ~fit.data.used).any():
        draw_points(axes, fit, contents, outside, label=f"{first}, not fitted")
    draw_blinded(axes, fit, label="Blinded")
    texts = [add_text(axes, text.x, text.y, text.text) for text in plot.text]
    reach = np.where(fit.shown, contents + fit.errors[1] * scale(fit), 0)
    heights = np.maximum(reach, total.reshape(-1, POINTS).max(axis=1))
    if plot.log:
        axes.set_yscale("log", nonpositive="clip")
    bottom, top = plot.y_range or (_bottom(fit, total, contents, log=plot.log), None)
    axes.set_ylim(bottom=bottom)
    written = Written(
        first,
        title=_title(fit, result),
        title_color="black" if result.valid else TOTAL,
        lines=_parameter_lines(result),
    )
    make_room(axes, fit.data.edges, heights, written, texts, top)


def _draw_curves(axes: Axes, fit: BinnedFit, result: FitResult) -> np.ndarray:
    """Draws the components and their sum, and returns the sum."""
    fine = subdivided(fit.data.edges)
    x = (fine[1:] + fine[:-1]) / 2
    curves = fit.curves * np.repeat(scale(fit), POINTS)
    total = np.asarray(curves.sum(axis=0))
    axes.plot(x, total, color=TOTAL, linewidth=2.5, zorder=3, label="Fit")
    components = fit.part.components.values()
    for curve, component, look in zip(curves, components, looks(components), strict=True):
        label = f"{component.label}: {value_text(result.parameters[component.yield_])}"
        if component.peaks:
            look.fill(axes, x, 0, curve, label)
        else:
            look.plot(axes, x, curve, label)
    return total


def _title(fit: BinnedFit, result: FitResult) -> str:
    """Returns what stands above the legend: spectrum, warning and χ²."""
    warning = [] if result.valid else ["Fit is not valid:", result.status]
    if len(result.model.parts) == 1:
        return "\n".join([*warning, f"χ²/ndf = {result.chi2:.1f}/{result.ndf}"])
    part = result.spectra[fit.name]
    name = fit.part.label or fit.name
    return "\n".join([name, *warning, f"χ² = {part.chi2:.1f} ({part.bins} bins)"])


def _parameter_lines(result: FitResult) -> list[str]:
    shown: dict[str, ParameterResult | Quantity] = {**result.parameters, **result.derived}
    names = result.model.plot.parameters
    return [parameter_line(result.model, name, shown[name]) for name in names]


def _bottom(fit: BinnedFit, total: np.ndarray, contents: np.ndarray, *, log: bool) -> float:
    """Returns the lower end of the axis: zero, or below of what is negative; above zero if log."""
    if not log:
        lowest = np.where(fit.shown, contents - fit.errors[0] * scale(fit), 0).min()
        curves = (fit.curves * np.repeat(scale(fit), POINTS)).min()
        return 1.1 * float(min(0.0, lowest, curves, total.min()))
    filled = contents[fit.shown & (contents > 0)]
    smallest = min(total[total > 0].min(), filled.min() if len(filled) else np.inf)
    # Two to six powers of ten: fewer have no labels, more have no use.
    return float(np.clip(smallest / 3, total.max() / 1e6, total.max() / 1e2))


def _draw_pulls(axes: Axes, fit: BinnedFit) -> None:
    pulls = fit.pulls
    limit = max(3.5, 1.15 * float(np.nanmax(np.abs(pulls), initial=0)))
    draw_blinded(axes, fit)
    axes.stairs(pulls, fit.data.edges, fill=True, color="#94a4a2")
    for height in (-2, 2):
        axes.axhline(height, color="black", linewidth=1, linestyle=":")
    axes.axhline(0, color="black", linewidth=1)
    axes.set_ylim(-limit, limit)
    axes.locator_params("y", nbins=4, steps=[1, 2, 5, 10])
    axes.set_ylabel("Pull")
