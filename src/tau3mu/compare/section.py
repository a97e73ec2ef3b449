"""A part of a comparison as rows of texts, for tables in terminals and reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Group

__all__ = ["DETAILED", "MOST_ROWS", "Section"]

DETAILED: Final = 3
"""Of so many processors, rows and events are shown; the numbers of all are."""

MOST_ROWS: Final = 20
"""The rows of a table; there are more in the JSON, and all in the files of `save`."""


@dataclass(frozen=True)
class Section:
    """A table.

    Attributes:
        title: Stands above it.
        headers: The names of the columns.
        rows: Texts.
        note: Stands below it.
        most: How many rows are shown.
    """

    title: str
    headers: tuple[str, ...]
    rows: Sequence[tuple[str, ...]] = ()
    note: str = ""
    most: int = MOST_ROWS

    def table(self) -> Group:
        """Returns it for a terminal."""
        from rich.console import Group

        from tau3mu.console.terminal import PlainTable, plain

        table = PlainTable()
        for header in self.headers:
            table.add_column(header, overflow="fold")
        for row in self.rows[: self.most]:
            table.add_row(*row)
        below = [plain(note)] if (note := self.below()) else []
        return Group(plain(f"\n{self.title}", "bold"), table, *below)

    def below(self) -> str:
        """Returns how many rows are not shown, and the note."""
        more = len(self.rows) - self.most
        return "; ".join(text for text in (f"... and {more} more" if more > 0 else "", self.note)
                         if text)  # fmt: skip
