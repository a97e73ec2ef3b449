"""Tables of a study."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.terminal import PlainTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tau3mu.benchmark.records import Point, Row, Study

__all__ = ["machine_line", "points_table", "rows_table"]

_MEGA = 1e6


def machine_line(study: Study) -> str:
    """Returns the machine in one line."""
    machine = study.machine
    packages = machine.get("versions", {})
    versions = ", ".join(f"{name} {packages[name]}" for name in ("tau3mu", "uproot", "awkward"))
    return (
        f"{machine['processor']}, {machine['cores']} cores, {machine['memory'] / 1e9:.0f} GB, "
        f"load {machine['load']:.1f} before; Python {machine['python']}, {versions}; "
        f"{machine['started']}"
    )


def points_table(points: Iterable[Point]) -> PlainTable:
    """Returns a table with one line per point; the values are medians over its runs."""
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
    """Returns a table of numbers and their targets."""
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
