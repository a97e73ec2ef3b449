"""The picture of a test: memory against time, with the chunks and the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.storage.files import atomic

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.metrics import Metrics

__all__ = ["PICTURE", "plot_performance"]

PICTURE: Final = "performance.png"
_DPI: Final = 110


def plot_performance(metrics: Metrics, folder: Path) -> Path:
    """Returns the picture of a test, after writing it into a folder.

    Args:
        metrics: Of the test.
        folder: Where to write.

    Raises:
        RunError: The file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 6), layout="constrained")
    FigureCanvasAgg(figure)
    memory, speed = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    times = [sample.at for sample in metrics.samples]
    memory.plot(times, [sample.pss / 1e6 for sample in metrics.samples], label="PSS")
    memory.plot(
        times, [sample.private / 1e6 for sample in metrics.samples], ls="--", label="private"
    )
    ends = [chunk.at for chunk in metrics.chunks]
    memory.plot(
        ends,
        [chunk.peak / 1e6 for chunk in metrics.chunks],
        ".",
        ms=4,
        label="peak (RSS) of a chunk",
    )
    seen = [sample.pss for sample in metrics.samples] + [chunk.peak for chunk in metrics.chunks]
    top = max(seen or [1]) / 1e6
    limit = metrics.limits.memory_mb
    if limit < 3 * top:
        memory.axhline(limit, color="tab:red", lw=1, label=f"limit, {limit:g} MB")
    memory.set_ylim(0, 1.15 * max(top, limit if limit < 3 * top else 0))
    memory.set_ylabel("memory [MB]")
    for axes in (memory, speed):
        for name, at in metrics.phases.items():
            axes.axvline(at, color="0.7", lw=0.8, ls=":")
            if axes is memory:
                axes.annotate(
                    name, (at, 0.02), xycoords=("data", "axes fraction"), rotation=90,
                    fontsize=8, color="0.4", ha="right", va="bottom",
                )  # fmt: skip
    memory.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    memory.set_title(f"{metrics.wagon}: {metrics.state.value}, {metrics.events} events", loc="left")
    speed.plot(ends, [chunk.entries / max(chunk.wall, 1e-9) for chunk in metrics.chunks], ".", ms=4)
    speed.set_ylim(bottom=0)
    speed.set_ylabel("events / s")
    speed.set_xlabel("time since the start [s]")
    path = folder / PICTURE
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=_DPI)
    return path
