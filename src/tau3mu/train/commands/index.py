"""`python -m tau3mu.train index`: the database of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, run_main
from tau3mu.train.printing import (
    add_database_option,
    add_json_option,
    add_store_option,
    print_rows,
)

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Brings the database of a store up to date with its folders, and says what it holds.

The folders are the truth: the database is made from them, in a file of the store (SQLite) or in
PostgreSQL, and can be made again at any time."""

_EPILOG = """\
examples:
  python -m tau3mu.train index --rebuild
  python -m tau3mu.train index --database postgresql://me@host/trains

exit codes:
  0  success
  1  wrong usage, or the database cannot be used"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the program.
    """
    parser = Parser("python -m tau3mu.train index", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument(
        "--rebuild", action="store_true", help="forget the database, and make it from the folders"
    )
    add_store_option(parser)
    add_database_option(parser)
    add_json_option(parser)
    return run_main(_index, parser.parse_args(arguments))


def _index(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.index import Index
    from tau3mu.train.store import Store

    index = Index(Store(options.store), options.database)
    read = index.rebuild() if options.rebuild else index.refresh()
    name, sizes = index.database.name, index.sizes()
    if options.json:
        print_rows([{"database": name, "read": read, **sizes}], as_json=True)
        return 0
    rows = [{"table": table, "rows": number} for table, number in sizes.items()]
    print_rows(rows, as_json=False, title=f"{read} records read")
    PlainConsole().print(f"Database: {name}", soft_wrap=True, highlight=False)
    return 0
