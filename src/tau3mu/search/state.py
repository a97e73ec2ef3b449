"""A search in a folder: what its steps have found so far, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tau3mu.run import Run
    from tau3mu.search.config import SearchConfig
    from tau3mu.search.tables import SearchTable

__all__ = [
    "CATEGORIES", "CONTROL", "DISCRIMINANT", "HALF_WINDOWS", "MODEL", "RANGE", "RECORD", "SCORED",
    "STEPS", "UNBLINDED", "Search",
]  # fmt: skip

STEPS: Final = (
    "datasets", "control", "selection", "training", "scores", "bins", "model", "limit",
)  # fmt: skip
"""The steps in their order."""
RECORD: Final = "step.json"
UNBLINDED: Final = "unblinded.json"
DISCRIMINANT: Final = "discriminant.json"
MODEL: Final = "model.json"
SCORED: Final = "tau3mu"
CONTROL: Final = "dsphipi"
CATEGORIES: Final = "ABC"
RANGE: Final = (1.62, 2.0)
HALF_WINDOWS: Final = (0.024, 0.038, 0.050)
"""Two standard deviations of the mass in A, B and C, in GeV."""


@dataclass(repr=False)
class Search:
    """A search in a folder.

    Attributes:
        config: What is searched and how.
        folder: Where the results of the steps are, a folder each.
        options: Of all runs: the executor and the like; no result depends on them.
        facts: What the steps have found, by step.
        keys: A hash of all that each step depends on, by step.
    """

    config: SearchConfig
    folder: Path
    options: Mapping[str, Any] = field(default_factory=dict)
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    @property
    def is_unblinded(self) -> bool:
        """Whether the signal windows of data have been opened."""
        return (self.folder / UNBLINDED).exists()

    def at(self, step: str) -> Path:
        """Returns the folder of a step."""
        return self.folder / step

    def run(self, step: str) -> Run:
        """Returns the run of a step: `run("control")["dsphipi"].fit.plot()`.

        Args:
            step: `control`, `selection`, `scores`, or `unblinded`.

        Raises:
            InputError: It has not been done, or has no run.
        """
        from tau3mu.run import open_run

        return open_run(self.at(step) / "results")

    @property
    def tables(self) -> dict[str, SearchTable]:
        """What is found so far: `datasets`, `eras`, `training`, `yields`, `budget`, `limit`."""
        from tau3mu.search.tables import tables_of

        return tables_of(self.facts, self.config)

    def __repr__(self) -> str:
        """Returns the folder and all tables as text."""
        return "\n".join([self._headline(), *map(repr, self.tables.values())])

    def _repr_html_(self) -> str:
        from tau3mu.report.notebook import in_notebook, part

        shown = [one for table in self.tables.values() for one in table.parts()]
        return in_notebook(part("messages", [self._headline()]), *shown)

    def _headline(self) -> str:
        state = "its windows are open" if self.is_unblinded else "blind"
        done = f"done: {', '.join(self.facts)}" if self.facts else "nothing is done"
        return f"{self.config.title} in {self.folder}, {state}; {done}"
