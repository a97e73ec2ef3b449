"""Two studies side by side: what became faster, slower, larger, or different."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tau3mu.benchmark.found import differences
from tau3mu.console.terminal import PlainTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tau3mu.benchmark.records import Point, Study

__all__ = ["Change", "Comparison", "compare", "comparison_table"]

QUANTITIES = {"wall": "wall time", "cpu": "CPU", "peak": "peak memory"}
THRESHOLD = 0.05
"""Changes smaller than this are none, however well the runs of each study agree."""


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
    """What two studies have in common, and what only one of them has.

    Attributes:
        changes: The quantities of the points of both.
        alone: The points of one study alone.
        physics: What the points found differently; nothing if all is well.
    """

    changes: list[Change]
    alone: list[str]
    physics: list[str]


def compare(before: Study, after: Study) -> Comparison:
    """Returns the changes from one study to another, point by point."""
    first = {_label(point): point for point in before.points}
    second = {_label(point): point for point in after.points}
    common = [label for label in first if label in second]
    return Comparison(
        changes=[
            _change(label, quantity, first[label], second[label])
            for label in common
            for quantity in QUANTITIES
        ],
        alone=sorted(first.keys() ^ second.keys()),
        physics=[
            f"{label}: {text}"
            for label in common
            for text in differences(second[label].found, first[label].found)
        ],
    )


def comparison_table(changes: Sequence[Change]) -> PlainTable:
    """Returns a table of the changes."""
    table = PlainTable("point", "quantity", title="From the first study to the second")
    for name in ("first", "second", "ratio", ""):
        table.add_column(name, justify="right")
    for change in changes:
        scale, unit = (1e-6, "MB") if change.quantity == "peak" else (1.0, "s")
        table.add_row(
            change.point,
            QUANTITIES[change.quantity],
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
    if apart and abs(after / before - 1) > THRESHOLD:
        verdict = "more" if after > before else "less"
    return Change(label, quantity, before, after, verdict)


def _label(point: Point) -> str:
    sample, setup = point.sample, point.setup
    return (
        f"{point.series}: {point.program}, {sample.events} events in {sample.files} "
        f"{sample.layout} {sample.form} ({sample.compression}), {setup.executor} {setup.workers}, "
        f"chunks {setup.chunk_size or 'default'}"
    )
