"""Cutflows that show themselves as tables, in a terminal and in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.outputs.cutflow import cutflow_rows, cutflow_text, with_cuts
from tau3mu.report.notebook import in_notebook, part

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Cutflows", "ProcessorCutflow", "cutflow_view"]

_KEYS = ("name", "of", "events", "candidates", "sumw", "previous", "total")


def cutflow_view(cutflow: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Returns the rows of each dataset, of single cuts with their step as `of`.

    Args:
        cutflow: The steps of each dataset, as in `cutflow.json`, or as `with_cuts` gives them.
    """
    return {
        dataset: [{key: row.get(key) for key in _KEYS} for row in cutflow_rows(steps)]
        for dataset, steps in cutflow.items()
    }


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
        return in_notebook(part("cutflow", cutflow_view(self)))


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
        return in_notebook(
            *(part("cutflow", cutflow_view(one), name) for name, one in self.items())
        )
