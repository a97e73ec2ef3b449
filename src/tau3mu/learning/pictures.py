"""Pictures of a training: scores, the curve of efficiencies, the mass, the inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tau3mu.plotting.drawing import save
from tau3mu.plotting.heading import Heading
from tau3mu.plotting.labels import add_legend
from tau3mu.plotting.style import add_heading, styled_figure

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from tau3mu.learning.training import Training

__all__ = ["training_pictures"]

_BINS: Final = 25
_COLORS: Final = {"signal": "#bd1f01", "background": "#3f90da"}
_NAMES: Final = {"signal": "Signal", "background": "Sidebands"}


def training_pictures(training: Training, folder: Path) -> list[str]:
    """Writes the pictures of a training, and returns the names of their files.

    Args:
        training: The training.
        folder: Is made if it is not there.

    Raises:
        RunError: A file cannot be written.
    """
    names = []
    for name, figure in _figures(training):
        save(figure, folder / f"{name}.png")
        names.append(f"{name}.png")
    return names


def _figures(training: Training) -> Iterator[tuple[str, Figure]]:
    heading = Heading()
    with styled_figure(heading.style, 10, 10) as figure:
        axes = _axes(figure, heading)
        _draw_scores(axes, training)
        yield "scores", figure
    with styled_figure(heading.style, 10, 10) as figure:
        axes = _axes(figure, heading)
        _draw_curve(axes, training)
        yield "efficiencies", figure
    with styled_figure(heading.style, 10, 10) as figure:
        axes = _axes(figure, heading)
        _draw_mass(axes, training)
        yield "efficiency_against_mass", figure


def _axes(figure: Figure, heading: Heading) -> Any:
    axes = figure.subplots()
    figure.subplots_adjust(left=0.16, right=0.95, top=0.94, bottom=0.11)
    add_heading(axes, heading)
    return axes


def _kinds(training: Training) -> Iterator[tuple[str, Any]]:
    yield "signal", training.sample.signal
    yield "background", ~training.sample.signal


def _draw_scores(axes: Axes, training: Training) -> None:
    edges = np.linspace(0, 1, _BINS + 1)
    width, center = edges[1] - edges[0], (edges[1:] + edges[:-1]) / 2
    handles, labels = [], []
    for kind, here in _kinds(training):
        weight = training.sample.weight[here]
        filled, _ = np.histogram(training.trained[here], edges, weights=weight)
        bars = axes.stairs(filled / weight.sum() / width, edges, fill=True, alpha=0.3,
                           color=_COLORS[kind])  # fmt: skip
        values, _ = np.histogram(training.tested[here], edges, weights=weight)
        squares, _ = np.histogram(training.tested[here], edges, weights=weight**2)
        points = axes.errorbar(center, values / weight.sum() / width,
                               np.sqrt(squares) / weight.sum() / width, fmt="o",
                               color=_COLORS[kind])  # fmt: skip
        handles += [bars, points]
        labels += [f"{_NAMES[kind]}, trained with", f"{_NAMES[kind]}, not seen"]
    # Most candidates are in the first and the last bin, and what is decided is in between.
    axes.set(xlabel="Score", ylabel="Candidates per unit, normalized", xlim=(0, 1), yscale="log")
    least = 0.3 / width / min(here.sum() for _, here in _kinds(training))
    axes.set_ylim(least, 30 * axes.get_ylim()[1])
    add_legend(axes, handles, labels, loc="upper center", fontsize=18, ncols=2)


def _draw_curve(axes: Axes, training: Training) -> None:
    sample = training.sample
    handles, labels = [], []
    for scores, label, style in (
        (training.tested, "Not seen", "-"),
        (training.trained, "Trained with", "--"),
    ):
        order = np.argsort(-scores)
        passed = [
            np.cumsum((sample.weight * here)[order]) / (sample.weight * here).sum()
            for _, here in _kinds(training)
        ]
        handles += axes.plot(passed[0], np.maximum(passed[1], 1e-9), style, linewidth=2.5)
        which = "tested" if style == "-" else "trained"
        area = training.discriminant.training["checks"]["auc"][which]
        labels.append(f"{label}: area {area:.3f}")
    axes.set(xlabel="Efficiency of signal", ylabel="Sideband candidates kept", yscale="log",
             xlim=(0, 1), ylim=(0.5 / (~sample.signal).sum(), 2))  # fmt: skip
    add_legend(axes, handles, labels, loc="upper left", fontsize=20)


def _draw_mass(axes: Axes, training: Training) -> None:
    found = training.discriminant.training["checks"]["efficiency_against_mass"]
    handles, labels = [], []
    for wanted, one in found.items():
        error = float(wanted) * one["deviation_error"]
        handles.append(axes.errorbar(one["place"], one["efficiency"], error, fmt="o"))
        axes.axhline(float(wanted), color="0.7", zorder=0)
        trend = f"{100 * one['trend_across_window']:+.1f}".replace("-", "−")
        labels.append(f"{100 * float(wanted):.0f} %: {trend} ± {100 * one['trend_error']:.1f} %, "
                      f"χ² {one['chi2']:.1f}/{one['ndof']}")  # fmt: skip
    axes.set(xlabel="m(3μ) in the signal window, from end to end", ylabel="Efficiency of signal",
             xlim=(-1, 1), ylim=(0, 1.15))  # fmt: skip
    add_legend(axes, handles, labels, loc="upper left", fontsize=20, title_fontsize=20,
               title=_candidates_in_words(found), alignment="left")  # fmt: skip


def _candidates_in_words(found: Mapping[str, Any]) -> str:
    if not found:
        return "Too few candidates in the signal windows"
    numbers = next(iter(found.values()))["candidates"]
    return f"Kept of {sum(numbers):,} in {len(numbers)} intervals: trend across the window"
