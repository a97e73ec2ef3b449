"""Cutflows as tables to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

__all__ = ["cutflow_rows", "cutflow_table", "cutflow_text", "with_cuts"]

_CERTIFIED = "certified"
"""The row of certified events, if a run has it, is the second one."""


def cutflow_rows(steps: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the steps of a dataset with their efficiencies.

    Args:
        steps: In their order, each with `name`, `events`, `candidates` and `sumw`; those of
            `with_cuts` also have rows of single cuts.

    Returns:
        The same with the ratios of events in percent: `previous`, to the step before, or to the cut
        before in the row of a cut, and `total`, to the first step; of certified data, to the
        certified events. They are None where that has no events, and before those are chosen.
    """
    rows = []
    first = 1 if len(steps) > 1 and steps[1]["name"] == _CERTIFIED else 0
    before = step_before = steps[0]["events"] if steps else 0
    for place, step in enumerate(steps):
        events = step["events"]
        previous = before if "of" in step else step_before
        before = events
        step_before = step_before if "of" in step else events
        total = _percent(events, steps[first]["events"]) if place >= first else None
        rows.append({**step, "previous": _percent(events, previous), "total": total})
    return rows


def cutflow_table(
    cutflow: Mapping[str, Sequence[Mapping[str, Any]]], *, title: str | None = None
) -> Table:
    """Returns the steps of each dataset with counts and efficiencies.

    Args:
        cutflow: The steps of each dataset in their order, each with `name`, `events`,
            `candidates` and `sumw`; those of `with_cuts` also have rows of single cuts.
        title: Stands above the table.

    Returns:
        A table in which the efficiencies are ratios of events, in percent: to the step before, or
        to the cut before in the row of a cut, and to the first step, or to the certified
        events, which are what an analysis may use. They are left empty where
        that has no events. If the luminosity of data was counted, it stands in a column of its own.
    """
    from tau3mu.console.terminal import PlainTable

    table = PlainTable(title=title)
    # On a narrow terminal, names are broken over lines so that no digit is lost.
    table.add_column("dataset", overflow="fold")
    table.add_column("step", overflow="fold")
    counted = any("lumi" in step for steps in cutflow.values() for step in steps)
    columns = ("events", "candidates", "sumw", "% prev", "% all", *(["fb⁻¹"] if counted else []))
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for dataset, steps in cutflow.items():
        table.add_section()
        for index, step in enumerate(cutflow_rows(steps)):
            table.add_row(
                "" if index else dataset,
                step["name"],
                f"{step['events']:d}",
                f"{step['candidates']:d}",
                f"{step['sumw']:.6g}",
                _text(step["previous"]),
                _text(step["total"]),
                *([f"{step['lumi']:.6g}" if "lumi" in step else ""] if counted else []),
            )
    return table


def with_cuts(
    cutflow: Mapping[str, Sequence[Mapping[str, Any]]],
) -> dict[str, list[dict[str, Any]]]:
    """Returns a cutflow in which a row for each cut stands before a step of several cuts.

    Args:
        cutflow: The steps of each dataset; those of several cuts have a list `cuts`.

    Returns:
        The same with the rows of cuts, each named `- CUT`, with its step as `of`.
    """
    return {
        dataset: [
            row
            for step in steps
            for row in (
                *(
                    {**cut, "name": f"- {cut['name']}", "of": step["name"]}
                    for cut in step.get("cuts", ())
                ),
                dict(step),
            )
        ]
        for dataset, steps in cutflow.items()
    }


def cutflow_text(cutflow: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Returns `cutflow_table` as plain text."""
    from tau3mu.console.terminal import as_text

    return as_text(cutflow_table(cutflow))


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _text(percent: float | None) -> str:
    return "" if percent is None else f"{percent:.2f}"
