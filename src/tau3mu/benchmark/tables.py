"""Tables of studies: points, targets, the machine, and the changes from one study to another."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tau3mu.benchmark.study import differences
from tau3mu.console.terminal import PlainTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tau3mu.benchmark.study import Point, Row, Study

__all__ = [
    "Change",
    "Comparison",
    "compare",
    "comparison_table",
    "describe_machine",
    "machine_line",
    "points_table",
    "rows_table",
]

_MEGA: Final = 1e6
_QUANTITIES: Final = {"wall": "wall time", "cpu": "CPU", "peak": "peak memory"}
_THRESHOLD: Final = 0.05  # smaller changes do not count, however well the runs agree


def describe_machine() -> dict[str, Any]:
    """Returns processor, cores, memory, versions, command and time, ready for JSON."""
    import psutil

    from tau3mu.results.provenance import provenance

    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "load": psutil.getloadavg()[0],
        **provenance(started=datetime.now(timezone.utc)),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def machine_line(study: Study) -> str:
    """Returns the machine in one line.

    Args:
        study: Made on the machine.
    """
    machine = study.machine
    packages = machine.get("versions", {})
    versions = ", ".join(f"{name} {packages[name]}" for name in ("tau3mu", "uproot", "awkward"))
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory'] / 1e9:.0f} GB, "
        f"load {machine['load']:.1f} before; Python {machine['python']}, {versions}; "
        f"{machine['started']}"
    )


def points_table(points: Iterable[Point]) -> PlainTable:
    """Returns a table with one line per point; the values are medians over its runs.

    Args:
        points: In the order of the lines.
    """
    table = PlainTable(
        title="Points", caption="MB/s: of the branches that are read, in the event loop"
    )
    for name in ("series", "program", "files", "events", "executor", "chunk"):
        table.add_column(name, justify="right" if name in {"events", "chunk"} else "left")
    for name in ("wall s", "CPU s", "loop s", "events/s", "MB/s", "unpacked", "peak MB", "all MB"):
        table.add_column(name, justify="right")
    for name in ("MB read", "needed"):
        table.add_column(name, justify="right")
    for point in points:
        table.add_row(*_cells(point))
    return table


def rows_table(rows: Iterable[Row]) -> PlainTable:
    """Returns a table of numbers and their targets.

    Args:
        rows: In the order of the lines.
    """
    table = PlainTable("What", "Measured", "Target", "Met", title="Benchmarks")
    for row in rows:
        table.add_row(row.what, row.measured, row.target, row.met)
    return table


def _cells(point: Point) -> list[str]:
    sample, setup, seconds = point.sample, point.setup, point.loop or point.median("wall")
    read = point.median("read")
    return [
        point.series,
        point.program,
        f"{sample.files} {sample.layout} {sample.form}, {sample.compression}",
        str(sample.events),
        setup.executor if setup.executor == "iterative" else f"{setup.executor} {setup.workers}",
        str(setup.chunk_size or "default"),
        f"{point.median('wall'):.2f}",
        f"{point.median('cpu'):.2f}",
        "" if point.loop is None else f"{point.loop:.2f}",
        f"{sample.events / seconds:.0f}",
        f"{sample.needed / seconds / _MEGA:.1f}",
        f"{sample.unpacked / seconds / _MEGA:.1f}",
        f"{point.median('peak') / _MEGA:.0f}",
        f"{point.median('peak_tree') / _MEGA:.0f}",
        f"{read / _MEGA:.0f}" if read else "",
        f"{sample.needed / _MEGA:.1f}",
    ]


@dataclass(frozen=True)
class Change:
    """One quantity of one point: the medians of two studies.

    It is `less` or `more` if it differs by more than 5 % and the runs of the two studies do not
    overlap, else `same`.
    """

    point: str
    quantity: str
    before: float
    after: float
    verdict: str

    @property
    def ratio(self) -> float:
        """The second divided by the first."""
        return self.after / self.before


@dataclass(frozen=True)
class Comparison:
    """The points of two studies: common ones, and those of one study only.

    Attributes:
        changes: The quantities of the points of both.
        alone: The points of one study alone.
        physics: Differences of the results; none if all is well.
    """

    changes: list[Change]
    alone: list[str]
    physics: list[str]


def compare(before: Study, after: Study) -> Comparison:
    """Returns the changes from one study to another, point by point.

    Args:
        before: The first study.
        after: The second study.
    """
    first = {_label(point): point for point in before.points}
    second = {_label(point): point for point in after.points}
    common = [label for label in first if label in second]
    return Comparison(
        changes=[
            _change(label, quantity, first[label], second[label])
            for label in common
            for quantity in _QUANTITIES
        ],
        alone=sorted(first.keys() ^ second.keys()),
        physics=[
            f"{label}: {text}"
            for label in common
            for text in differences(second[label].found, first[label].found)
        ],
    )


def comparison_table(changes: Sequence[Change]) -> PlainTable:
    """Returns a table of the changes.

    Args:
        changes: In the order of the lines.
    """
    table = PlainTable("point", "quantity", title="From the first study to the second")
    for name in ("first", "second", "ratio", ""):
        table.add_column(name, justify="right")
    for change in changes:
        scale, unit = (1e-6, "MB") if change.quantity == "peak" else (1.0, "s")
        table.add_row(
            change.point,
            _QUANTITIES[change.quantity],
            f"{change.before * scale:.2f} {unit}",
            f"{change.after * scale:.2f} {unit}",
            f"{change.ratio:.2f}",
            "" if change.verdict == "same" else change.verdict,
        )
    return table


def _change(label: str, quantity: str, first: Point, second: Point) -> Change:
    before, after = first.median(quantity), second.median(quantity)
    ones, others = ([getattr(run, quantity) for run in point.runs] for point in (first, second))
    apart = max(ones) < min(others) or max(others) < min(ones)
    verdict = "same"
    if apart and abs(after / before - 1) > _THRESHOLD:
        verdict = "more" if after > before else "less"
    return Change(label, quantity, before, after, verdict)


def _label(point: Point) -> str:
    sample, setup = point.sample, point.setup
    return (
        f"{point.series}: {point.program}, {sample.events} events in {sample.files} "
        f"{sample.layout} {sample.form} ({sample.compression}), {setup.executor} {setup.workers}, "
        f"chunks {setup.chunk_size or 'default'}"
    )
