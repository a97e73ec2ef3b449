"""What the commands print: tables for people, the same rows as JSON for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import path_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

__all__ = [
    "add_database_option", "add_json_option", "add_store_option", "print_rows", "without_empty",
]  # fmt: skip


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
    from tau3mu.console.terminal import PlainConsole, PlainTable

    table = PlainTable(title=title)
    for name, value in (rows[0] if rows else {}).items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    PlainConsole().print(table)


def without_empty(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns rows without the columns in which there is nothing.

    Args:
        rows: With equal keys.
    """
    used = [name for name in (rows[0] if rows else {}) if any(row[name] for row in rows)]
    return [{name: row[name] for name in used} for row in rows]
