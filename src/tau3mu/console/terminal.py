"""What is printed: names, titles and paths as they are.

They come from outside, and in rich's markup a square bracket in one of them would be a style, or an
error at the end of a long run. Nothing that is built here reads markup.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich import box
from rich.console import Console
from rich.progress import TextColumn
from rich.table import Table
from rich.text import Text

from tau3mu.redaction import redact

__all__ = ["PlainConsole", "PlainTable", "as_text", "description_column", "plain"]


def plain(text: str | Text, style: str = "") -> Text:
    """Returns a text without secrets, in which nothing has a meaning for rich or the terminal.

    Other control characters than those that end lines are written as escapes.
    """
    if isinstance(text, Text):
        return text
    text = redact(text)
    if not text.isprintable():
        text = "".join(
            each if each.isprintable() or each in "\n\t" else ascii(each)[1:-1] for each in text
        )
    return Text(text, style=style)


class PlainConsole(Console):
    """A console without markup and emoji codes."""

    def __init__(
        self, *, stderr: bool = False, soft_wrap: bool = False, highlight: bool = True
    ) -> None:
        """Creates a console."""
        super().__init__(
            stderr=stderr, soft_wrap=soft_wrap, highlight=highlight, markup=False, emoji=False
        )

    def render_str(self, text: str, **how: Any) -> Text:
        """Returns what is printed for a text."""
        return super().render_str(plain(text).plain, **how)

    def status(self, status: Any, **how: Any) -> Any:
        """Returns a line that is shown while a block runs."""
        return super().status(plain(status) if isinstance(status, str) else status, **how)


class PlainTable(Table):
    """A table whose texts are plain on any console."""

    def __init__(self, *headers: str, title: str | None = None, **how: Any) -> None:
        """Creates a table from its headers, its title and further options of rich's table."""
        super().__init__(title=None if title is None else plain(title, "table.title"), **how)
        for header in headers:
            self.add_column(header)

    def add_column(self, header: Any = "", *rest: Any, **how: Any) -> None:
        """Adds a column."""
        super().add_column(plain(header) if isinstance(header, str) else header, *rest, **how)

    def add_row(self, *cells: Any, **how: Any) -> None:
        """Adds a row."""
        plain_cells = (plain(cell) if isinstance(cell, str) else cell for cell in cells)
        super().add_row(*plain_cells, **how)


def as_text(*shown: Table | str) -> str:
    """Returns tables and lines as plain text, of any width and without colors.

    Args:
        shown: In their order.
    """
    text = StringIO()
    how: dict[str, Any] = {"color_system": None, "force_terminal": False, "force_jupyter": False}
    console = Console(file=text, width=10_000, **how)
    for one in shown:
        if isinstance(one, Table):
            one.box = box.ASCII
        console.print(plain(one) if isinstance(one, str) else one)
    return text.getvalue()


def description_column() -> TextColumn:
    """Returns the column of a progress bar that says what is done."""
    return TextColumn("{task.description}", style="progress.description", markup=False)
