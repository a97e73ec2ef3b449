"""`doctor NUMBER`: what has failed in a train, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, run_main, text_of
from tau3mu.train.printing import add_json_option, add_store_option, print_rows

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_EPILOG = """\
exit codes:
  0  nothing is wrong with the results; chunks may have been tried again
  1  the train has not ended well
  2  events are missing"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser(
        "python -m tau3mu.train doctor",
        "Shows what has failed in a train, errors of one kind in one row, and what to do.",
        epilog=_EPILOG,
    )
    parser.add_argument("number", type=text_of, metavar="NUMBER", help="of the train, see `ls`")
    add_store_option(parser)
    add_json_option(parser)
    return run_main(_show, parser.parse_args(arguments))


def _show(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.problems import problems_of
    from tau3mu.train.store import Store

    folder = Store(options.store).train(options.number)
    rows = problems_of(folder)
    if rows or options.json:
        print_rows(rows, as_json=options.json)
    else:
        PlainConsole(highlight=False).print(f"Nothing has failed in train {options.number}")
    kinds = {row["what"] for row in rows}
    if "file" in kinds:
        return 2
    return 1 if kinds - {"chunk"} else 0
