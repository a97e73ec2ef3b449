"""What the points say together: how time grows with size, and what further workers bring."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tau3mu.benchmark.records import Point

__all__ = ["curves", "efficiencies", "line", "slopes"]


def curves(points: Iterable[Point], series: str) -> dict[str, list[Point]]:
    """Returns the points of a series that differ in the size alone, by what they have in common.

    The points of a curve are in the order of their events, and in that of their workers.
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
    """Returns the seconds per additional event between each point and the next."""
    return [
        (b.median(quantity) - a.median(quantity)) / (b.sample.events - a.sample.events)
        for a, b in pairwise(points)
    ]


def efficiencies(points: Sequence[Point]) -> dict[int, float]:
    """Returns by number of workers the speed per worker, that of the fewest workers being 1.

    The speed is that of the event loop, so the start of the workers is left out.
    """
    loops = {point.setup.workers: point.loop for point in points}
    known = {workers: loop for workers, loop in sorted(loops.items()) if loop}
    if not known:
        return {}
    fewest = min(known)
    return {workers: known[fewest] * fewest / (loop * workers) for workers, loop in known.items()}


def _workers(point: Point) -> str:
    return "" if point.setup.executor == "iterative" else f", {point.setup.workers} workers"
