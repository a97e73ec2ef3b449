"""The tests of a wagon over time, as a table and as a picture."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError, suggest
from tau3mu.storage.files import atomic
from tau3mu.train.metrics import METRICS, read_metrics
from tau3mu.train.states import STATUS, State, read_status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from tau3mu.train.metrics import Metrics
    from tau3mu.train.store import Store

__all__ = ["history", "history_picture", "plot_history"]

_DPI: Final = 110
_PICTURE: Final = "history.png"
_COLORS: Final = {State.OK: "tab:green", State.WARN: "tab:orange", State.FAILED: "tab:red"}
_MARKS: Final = {State.OK: "*", State.WARN: "^", State.FAILED: "X"}


def history(store: Store, wagon: str) -> list[dict[str, Any]]:
    """Returns a row for each test of a wagon, the oldest first.

    Args:
        store: Where the tests are.
        wagon: The name of the wagon, or of a train.

    Raises:
        InputError: It has no tests, or a file of one of them cannot be read.
    """
    return [_row(folder) for folder in _folders(store, wagon)]


def plot_history(store: Store, wagon: str) -> Path:
    """Returns the picture of the tests of a wagon, after writing it beside their folders.

    Args:
        store: Where the tests are.
        wagon: The name of the wagon, or of a train.

    Raises:
        InputError: It has no tests, or a file of one of them cannot be read.
        RunError: The picture cannot be written.
    """
    figure = _figure(store, wagon)
    path = store.root / "tests" / wagon / _PICTURE
    with atomic(path) as temporary:
        figure.savefig(temporary, dpi=_DPI)
    return path


def history_picture(store: Store, wagon: str) -> bytes:
    """Returns the picture of the tests of a wagon, as PNG; nothing is written.

    Args:
        store: Where the tests are.
        wagon: The name of the wagon, or of a train.

    Raises:
        InputError: It has no tests, or a file of one of them cannot be read.
    """
    content = BytesIO()
    _figure(store, wagon).savefig(content, dpi=_DPI, format="png")
    return content.getvalue()


def _figure(store: Store, wagon: str) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.ticker import MaxNLocator

    folders = [folder for folder in _folders(store, wagon) if (folder / METRICS).is_file()]
    numbers = [int(folder.name) for folder in folders]
    tests = [read_metrics(folder) for folder in folders]
    figure = Figure(figsize=(9, 9), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(_quantities(None)), 1, sharex=True)
    for number, axes in enumerate(panels):
        label = _quantities(None)[number][0]
        values = [_quantities(test)[number][1] for test in tests]
        known = [(x, y) for x, y in zip(numbers, values, strict=True) if y is not None]
        axes.plot([x for x, _ in known], [y for _, y in known], color="0.7", lw=1, zorder=1)
        for x, y, test in zip(numbers, values, tests, strict=True):
            if y is not None:
                axes.plot(x, y, _MARKS[test.state], color=_COLORS[test.state], ms=9)
        axes.set_ylabel(label)
        axes.set_ylim(0, 1.15 * max([y for _, y in known if y] or [1.0]))
    changes = [(number, test.changed) for number, test in zip(numbers, tests, strict=True)]
    for number, changed in changes:
        if changed:
            for axes in panels:
                axes.axvline(number - 0.5, color="0.8", lw=0.8, ls=":")
            panels[0].annotate(
                ", ".join(changed), (number - 0.5, 1.02), xycoords=("data", "axes fraction"),
                fontsize=8, color="0.4", rotation=30, va="bottom",
            )  # fmt: skip
    panels[-1].set_xlabel(f"number of the test of {wagon}")
    panels[-1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    panels[-1].set_xlim(min(numbers, default=1) - 0.7, max(numbers, default=1) + 0.7)
    marks = [
        Line2D([], [], marker=_MARKS[state], color=color, ls="", ms=9, label=state.value)
        for state, color in _COLORS.items()
    ]
    figure.legend(handles=marks, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _quantities(test: Metrics | None) -> list[tuple[str, float | None]]:
    """Returns what is drawn: labels, and the values of a test."""
    labels = "memory [MB]", "CPU per event [µs]", "events / s", "output, all [MB]"
    values: list[float | None] = [None] * len(labels)
    if test is not None and test.events:
        output = None if test.expected is None else test.expected.output_bytes / 1e6
        cpu = 1e6 * test.loop.cpu / test.events
        values = [test.memory.most / 1e6, cpu, test.events_per_second, output]
    return list(zip(labels, values, strict=True))


def _folders(store: Store, wagon: str) -> Sequence[Path]:
    folders = store.tests(wagon)
    if not folders:
        known = store.tested()
        message = (
            f"{store.root} has no tests of {wagon!r}{suggest(wagon, known)}; it has those of "
            f"{', '.join(known) or 'nothing'}"
        )
        raise InputError(message, code="train.no-tests", path=wagon)
    return folders


def _row(folder: Path) -> dict[str, Any]:
    """Returns the row of a test, which may not have come to its metrics."""
    row: dict[str, Any] = {"test": int(folder.name)}
    status = read_status(folder) if (folder / STATUS).is_file() else None
    state, reason = (status.state.value, status.reason) if status else ("LOST", "no status.json")
    if not (folder / METRICS).is_file():
        return row | {"state": state, "reason": reason}
    metrics = read_metrics(folder)
    summary = metrics.summary() | {"state": state}
    del summary["wagon"]
    return {
        **row,
        "started": metrics.started,
        **summary,
        "changed": ", ".join(metrics.changed),
        "reason": reason,
    }
