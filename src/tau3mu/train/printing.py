"""What the commands print: tables for people, the same rows as JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, Final

from tau3mu.console.cli import path_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from rich.table import Table

__all__ = [
    "add_database_option", "add_json_option", "add_store_option", "print_rows", "without_empty",
]  # fmt: skip

_BREAKABLE: Final = 24
"""Longer words, such as hashes and paths, may be broken."""


def add_store_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where datasets, tests and trains are.

    Args:
        parser: Of a command.
    """
    parser.add_argument(
        "--store", type=path_of, metavar="DIR",
        help="where datasets, tests and trains are (default: $TAU3MU_STORE or ./trains)",
    )  # fmt: skip


def add_database_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that says where the index of the store is.

    Args:
        parser: Of a command.
    """
    parser.add_argument(
        "--database", metavar="URL",
        help="PostgreSQL or SQLite (default: $TAU3MU_DATABASE or a file in the store)",
    )  # fmt: skip


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Adds the option that asks for JSON instead of tables.

    Args:
        parser: Of a command.
    """
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def print_rows(
    rows: Sequence[Mapping[str, Any]], *, as_json: bool, title: str | None = None
) -> None:
    """Prints rows as a table, or as a JSON list of objects.

    Args:
        rows: With equal keys; None is an empty cell.
        as_json: Whether to print JSON.
        title: Stands above the table.
    """
    if as_json:
        sys.stdout.write(json.dumps([dict(row) for row in rows], indent=2) + "\n")
        return
    from tau3mu.console.terminal import PlainConsole

    console = PlainConsole(highlight=False)
    console.print(_table(without_empty(rows), title, console.width))


def _table(rows: Sequence[Mapping[str, Any]], title: str | None, width: int) -> Table:
    """Returns rows as a table, of one record below the other where the width breaks words."""
    from rich import box

    from tau3mu.console.terminal import PlainTable

    texts = [{name: _cell(value) for name, value in row.items()} for row in rows]
    names = list(texts[0]) if texts else []
    words = [[name, *(word for text in texts for word in text[name].split())] for name in names]
    longest = [max(map(len, column)) for column in words]
    if sum(min(length, _BREAKABLE) + 3 for length in longest) + 1 > width:
        table = PlainTable(title=title, show_header=False, box=box.SIMPLE, title_justify="left")
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for text in texts:
            table.add_section()
            for name, value in text.items():
                if value:
                    table.add_row(name, value)
        return table
    table = PlainTable(title=title)
    for name, column in zip(names, _widths(texts, longest, width), strict=True):
        number = all(isinstance(row[name], int | float | None) for row in rows)
        table.add_column(
            name,
            justify="right" if number else "left",
            overflow="fold",
            width=column,
        )
    for text in texts:
        table.add_row(*text.values())
    return table


def _widths(texts: Sequence[Mapping[str, str]], longest: Sequence[int], width: int) -> list[int]:
    """Returns the widths of columns: of their texts, or fair shares of what a terminal has."""
    names = list(texts[0]) if texts else []
    full = [max(len(name), *(len(text[name]) for text in texts)) for name in names]
    widths = [min(length, _BREAKABLE) for length in longest]
    left = width - 1 - sum(least + 3 for least in widths)
    order = sorted(range(len(names)), key=lambda i: full[i] - widths[i])
    for done, i in enumerate(order):
        more = min(full[i] - widths[i], left // (len(order) - done))
        widths[i] += more
        left -= more
    return widths


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def without_empty(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows without the columns in which there is nothing.

    Args:
        rows: With equal keys.
    """
    used = [
        name
        for name in (rows[0] if rows else {})
        if any(row[name] is not None and row[name] != "" for row in rows)
    ]
    return [{name: row[name] for name in used} for row in rows]
