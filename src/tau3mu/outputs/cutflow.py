"""Cutflows as tables to read."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console

from tau3mu.console.terminal import PlainTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.table import Table

__all__ = ["cutflow_table", "cutflow_text"]


def cutflow_table(
    cutflow: Mapping[str, Sequence[Mapping[str, Any]]], *, title: str | None = None
) -> Table:
    """Returns the steps of each dataset with counts and efficiencies.

    Args:
        cutflow: The steps of each dataset in their order, each with `name`, `events`,
            `candidates` and `sumw`.
        title: Stands above the table.

    Returns:
        A table in which the efficiencies are ratios of events, in percent: to the step before,
        and to the first step. They are left empty where that step has no events.
    """
    table = PlainTable(title=title)
    # On a narrow terminal, names are broken over lines so that no digit is lost.
    table.add_column("dataset", overflow="fold")
    table.add_column("step", overflow="fold")
    for name in ("events", "candidates", "sumw", "% prev", "% all"):
        table.add_column(name, justify="right", no_wrap=True)
    for dataset, steps in cutflow.items():
        table.add_section()
        for index, step in enumerate(steps):
            events = step["events"]
            table.add_row(
                "" if index else dataset,
                step["name"],
                f"{events:d}",
                f"{step['candidates']:d}",
                f"{step['sumw']:.6g}",
                _percent(events, steps[max(index - 1, 0)]["events"]),
                _percent(events, steps[0]["events"]),
            )
    return table


def cutflow_text(cutflow: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Returns `cutflow_table` as plain text."""
    table = cutflow_table(cutflow)
    table.box = box.ASCII
    text = StringIO()
    how: dict[str, Any] = {"color_system": None, "force_terminal": False, "force_jupyter": False}
    console = Console(file=text, width=10_000, **how)
    console.print(table)
    return text.getvalue()


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.2f}" if whole else ""
