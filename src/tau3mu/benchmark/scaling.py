"""Time against size, and speed against workers: numbers and plots."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.benchmark.study import Point, Study

__all__ = [
    "curves",
    "efficiencies",
    "line",
    "plot_sizes",
    "plot_workers",
    "save_plots",
    "slopes",
]


def curves(points: Iterable[Point], series: str) -> dict[str, list[Point]]:
    """Returns the points of a series that differ in the size alone, by what they have in common.

    The points of a curve are in the order of their events, and in that of their workers.

    Args:
        points: Of a study.
        series: `size` or `workers`.
    """
    found: dict[str, list[Point]] = {}
    for point in points:
        if point.series == series:
            workers = "" if series == "workers" else _workers(point)
            found.setdefault(f"{point.program}, {point.setup.executor}{workers}", []).append(point)
    return {
        name: sorted(curve, key=lambda p: (p.sample.events, p.setup.workers))
        for name, curve in found.items()
    }


def line(points: Sequence[Point], quantity: str = "wall") -> tuple[float, float]:
    """Returns the start in seconds and the slope in seconds per event, by least squares.

    Args:
        points: At least two, of different sizes.
        quantity: `wall` or `cpu`; the medians are taken.
    """
    events = [point.sample.events for point in points]
    seconds = [point.median(quantity) for point in points]
    slope, start = np.polyfit(events, seconds, 1)
    return float(start), float(slope)


def slopes(points: Sequence[Point], quantity: str = "cpu") -> list[float]:
    """Returns the seconds per additional event between each point and the next.

    Args:
        points: Of different sizes, in their order.
        quantity: `wall` or `cpu`.
    """
    return [
        (b.median(quantity) - a.median(quantity)) / (b.sample.events - a.sample.events)
        for a, b in pairwise(points)
    ]


def efficiencies(points: Sequence[Point]) -> dict[int, float]:
    """Returns by number of workers the speed per worker, that of the fewest workers being 1.

    The speed is that of the event loop, so the start of the workers does not count.

    Args:
        points: With different numbers of workers.
    """
    loops = {point.setup.workers: point.loop for point in points}
    known = {workers: loop for workers, loop in sorted(loops.items()) if loop}
    if not known:
        return {}
    fewest = min(known)
    return {workers: known[fewest] * fewest / (loop * workers) for workers, loop in known.items()}


def _workers(point: Point) -> str:
    return "" if point.setup.executor == "iterative" else f", {point.setup.workers} workers"


def plot_sizes(study: Study) -> Figure:
    """Returns a figure of wall time against events, a line through each curve with its slope.

    Args:
        study: With points of the series `size`.
    """
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
    """Returns a figure of the speed per worker against workers, in the event loop.

    Args:
        study: With points of the series `workers`.
    """
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

    Args:
        study: The points.
        folder: Is created if needed.

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
