"""The rows of the cutflow of a parent: of parts, of files, and before those of a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tau3mu.datasets.origin import Counts
from tau3mu.selection.sums import exact_sum, rounded_sum

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tau3mu.selection import Step

__all__ = ["PREFIX", "added_rows", "as_dictionaries", "prefixed", "rows_up_to"]

PREFIX: Final = "parent:"
"""How the rows of a parent begin in the cutflow of whoever reads derived data."""


def rows_up_to(steps: Iterable[Step], step: str) -> tuple[Counts, ...]:
    """Returns the rows of a cutflow up to a step, it included.

    Args:
        steps: The cutflow.
        step: The name of one of its steps; without one, all are returned.
    """
    rows = []
    for one in steps:
        rows.append(_row(one))
        if one.name == step:
            break
    return tuple(rows)


def _row(step: Step) -> Counts:
    return Counts(
        name=step.name,
        events=step.events,
        candidates=step.candidates,
        sumw=(step.sumw, *step.remainder),
        cuts=tuple(_row(cut) for cut in step.cuts),
    )


def prefixed(rows: Iterable[Counts], *, empty: bool = False) -> tuple[Counts, ...]:
    """Returns the rows of a parent as they stand before those of a reader.

    Args:
        rows: The rows of the parent.
        empty: Whether nothing is counted in them.
    """
    return tuple(
        row.model_copy(update={"name": f"{PREFIX}{row.name}"} | (_nothing(row) if empty else {}))
        for row in rows
    )


def _nothing(row: Counts) -> dict[str, Any]:
    cuts = tuple(cut.model_copy(update=_nothing(cut)) for cut in row.cuts)
    return {"events": 0, "candidates": 0, "sumw": (), "cuts": cuts}


def as_dictionaries(rows: Iterable[Counts]) -> list[dict[str, Any]]:
    """Returns rows in the form of `cutflow.json`."""
    return [
        {
            "name": row.name,
            "events": row.events,
            "candidates": row.candidates,
            "sumw": rounded_sum(row.sumw),
        }
        | ({"cuts": as_dictionaries(row.cuts)} if row.cuts else {})
        for row in rows
    ]


def added_rows(many: Sequence[tuple[Counts, ...]]) -> tuple[Counts, ...]:
    """Returns the sum of cutflows of the same steps; the sums of weights are exact.

    Args:
        many: Cutflows, all of the same steps.

    Raises:
        ValueError: Their steps differ.
    """
    added = []
    for rows in zip(*many, strict=True):
        if len(names := {row.name for row in rows}) > 1:
            message = f"cutflows with the steps {', '.join(sorted(names))} in one place"
            raise ValueError(message)
        added.append(
            Counts(
                name=rows[0].name,
                events=sum(row.events for row in rows),
                candidates=sum(row.candidates for row in rows),
                sumw=exact_sum([part for row in rows for part in row.sumw]),
                cuts=added_rows([row.cuts for row in rows]),
            )
        )
    return tuple(added)
