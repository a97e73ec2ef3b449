"""`ls`: the trains of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, run_main
from tau3mu.train.printing import add_json_option, add_store_option, print_rows, without_empty
from tau3mu.train.states import State

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser("python -m tau3mu.train ls", "Lists the trains of a store, the last one last.")
    parser.add_argument(
        "--state", action="append", default=[], choices=[state.value for state in State],
        help="only trains in this state; may be repeated",
    )  # fmt: skip
    parser.add_argument("--label", metavar="TEXT", help="only trains whose label has this text")
    add_store_option(parser)
    add_json_option(parser)
    return run_main(_list, parser.parse_args(arguments))


def _list(options: argparse.Namespace) -> int:
    from tau3mu.train.store import Store
    from tau3mu.train.summary import train_row

    rows = [train_row(folder) for folder in Store(options.store).trains()]
    if options.state:
        rows = [row for row in rows if row["state"] in options.state]
    if options.label:
        rows = [row for row in rows if options.label in (row["label"] or "")]
    print_rows(rows if options.json else without_empty(rows), as_json=options.json)
    return 0
