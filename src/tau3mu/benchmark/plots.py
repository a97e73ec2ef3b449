"""Plots of a study: time against size, and efficiency against workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.benchmark.scaling import curves, efficiencies, line
from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.benchmark.records import Study

__all__ = ["plot_sizes", "plot_workers", "save_plots"]


def plot_sizes(study: Study) -> Figure:
    """Returns a figure of wall time against events, a line through each curve with its slope."""
    figure, axes = _figure("events", "wall time [s]")
    for name, points in curves(study.points, "size").items():
        events = [point.sample.events for point in points]
        wall = [point.median("wall") for point in points]
        (drawn,) = axes.plot(events, wall, "o", label=name)
        if len(set(events)) > 1:
            start, slope = line(points)
            ends = [0, max(events)]
            text = f"{start:.1f} s {1e6 * slope:+.1f} µs per event"
            axes.plot(ends, [start + slope * n for n in ends], color=drawn.get_color(), label=text)
    axes.set_ylim(bottom=0)
    axes.set_xlim(left=0)
    axes.legend()
    return figure


def plot_workers(study: Study) -> Figure:
    """Returns a figure of the speed per worker against workers, in the event loop."""
    figure, axes = _figure("workers", "speed per worker, that of the fewest being 1")
    largest = 1
    for name, points in curves(study.points, "workers").items():
        values = efficiencies(points)
        axes.plot(list(values), list(values.values()), "o-", label=name)
        largest = max([largest, *values])
    axes.set_xticks(range(1, largest + 1) if largest <= 16 else axes.get_xticks())
    axes.set_ylim(0, 1.2)
    axes.legend()
    return figure


def save_plots(study: Study, folder: Path) -> list[Path]:
    """Writes `sizes.png` and `workers.png`, as far as there are such points; returns their paths.

    Raises:
        RunError: A file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for series, name, plot in (
        ("size", "sizes.png", plot_sizes),
        ("workers", "workers.png", plot_workers),
    ):
        if any(point.series == series for point in study.points):
            with atomic(folder / name) as temporary:
                plot(study).savefig(temporary, dpi=150)
            written.append(folder / name)
    return written


def _figure(x: str, y: str) -> tuple[Figure, Axes]:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 5), layout="constrained")
    plt.close(figure)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(alpha=0.3)
    return figure, axes
