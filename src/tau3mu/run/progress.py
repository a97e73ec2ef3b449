"""What a run shows while it works: what is being done, and how many events have been read."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from tau3mu.console.terminal import PlainConsole, description_column

if TYPE_CHECKING:
    from rich.progress import TaskID

    from tau3mu.execution import ChunkResult

__all__ = ["Display"]


class Display:
    """Progress bars on standard error."""

    def __init__(self, shown: bool | None = True) -> None:
        """Creates the display.

        Args:
            shown: Whether to show anything, None for a terminal only.
        """
        on = sys.stderr.isatty() if shown is None else shown
        columns = (description_column(), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(*columns, console=PlainConsole(stderr=True), disable=not on)
        self.entries = 0
        self._current: TaskID | None = None

    def check_files(self, number: int) -> None:
        """Shows that files are checked."""
        self._current = self.progress.add_task("Checking files", total=number)

    def advance(self) -> None:
        """Shows that one file more is checked."""
        if self._current is not None:
            self.progress.advance(self._current)

    def begin(self, description: str) -> None:
        """Shows what is done next, in words."""
        self.finish()
        self._current = self.progress.add_task(description, total=None)

    def read(self, result: ChunkResult) -> None:
        """Shows that the events of a chunk were read."""
        if self._current is not None:
            self.progress.update(self._current, total=self.entries, advance=result.entries)

    def show(self, done: int, entries: int) -> None:
        """Shows how many events have been read, also by another process."""
        if self._current is not None:
            self.progress.update(self._current, total=entries, completed=done)

    def say(self, message: str) -> None:
        """Prints a line above the bars."""
        self.progress.console.print(message, soft_wrap=True, highlight=False)

    def finish(self) -> None:
        """Shows that what began last is done."""
        if self._current is not None and self.progress.tasks[-1].total is None:
            self.progress.update(self._current, total=1, completed=1)
