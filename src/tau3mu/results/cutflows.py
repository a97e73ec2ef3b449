"""Cutflows that show themselves as tables, in a terminal and in a notebook."""

from __future__ import annotations

from html import escape
from typing import Any

from tau3mu.outputs.cutflow import cutflow_table, cutflow_text, with_cuts

__all__ = ["Cutflows", "ProcessorCutflow"]


class ProcessorCutflow(dict[str, list[dict[str, Any]]]):
    """The steps of each dataset, each with `name`, `events`, `candidates` and `sumw`."""

    @property
    def details(self) -> ProcessorCutflow:
        """The same with a row for each cut of those steps that have several."""
        return ProcessorCutflow(with_cuts(self))

    def __repr__(self) -> str:
        """Returns the table as text."""
        return cutflow_text(self)

    def _repr_html_(self) -> str:
        columns = cutflow_table(self).columns
        head = "".join(f"<th>{escape(str(column.header))}</th>" for column in columns)
        rows = zip(*(column.cells for column in columns), strict=True)
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>"
            for row in rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class Cutflows(dict[str, ProcessorCutflow]):
    """The cutflow of each processor."""

    @property
    def details(self) -> Cutflows:
        """The same with a row for each cut of those steps that have several."""
        return Cutflows({name: cutflow.details for name, cutflow in self.items()})

    def __repr__(self) -> str:
        """Returns the tables as text."""
        return "\n".join(f"{name}\n{cutflow!r}" for name, cutflow in self.items())

    def _repr_html_(self) -> str:
        return "".join(
            f"<h4>{escape(name)}</h4>{cutflow._repr_html_()}" for name, cutflow in self.items()
        )
