"""`ls`: the trains of a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    if not options.json and not rows:
        print_rows([{"trains": 0, "store": str(Store(options.store).root)}], as_json=False)
        return 0
    if not options.json:
        rows = without_empty([_short(row) for row in rows])
    print_rows(rows, as_json=options.json)
    return 0


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Returns a row that fits into a terminal."""
    row = {**row, "composed": (row["composed"] or "")[:16].replace("T", " ")}
    row["done"] = f"{row['events'] / row['of']:.0%}" if row["of"] else ""
    return {key: value for key, value in row.items() if key not in {"of", "by"}}
