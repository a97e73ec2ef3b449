"""`python -m tau3mu.train compare A B`: what differs between two results."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.train.printing import add_json_option, add_store_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["main"]

_DESCRIPTION = """\
Says what differs between two results: configuration, datasets and code; then cutflows, counters,
every bin of every histogram, candidates row by row, and fits. B may be the list of events of
another group: CSV or text with the columns run, lumi and event, and any others."""

_EPILOG = """\
A and B are results folders, also of python -m tau3mu.run; the folder of one processor in it; the
folder of a train or a test; or the number of a train of the store.

examples:
  python -m tau3mu.train compare results/base results/tight
  python -m tau3mu.train compare 7 8 --json
  python -m tau3mu.train compare results/demo/dsphipi events.csv --sync --output sync
      where the events are lost that others have selected and we have not

docs/how-to/compare.md explains the tables

exit codes:
  0  the results are the same
  1  they differ; or wrong usage or bad input"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the command.
    """
    parser = Parser("python -m tau3mu.train compare", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("a", metavar="A", help="results")
    parser.add_argument("b", metavar="B", help="other results, or a list of events")
    parser.add_argument(
        "--strict", action="store_true",
        help="every bit counts; else floats may differ by the rounding of their sums",
    )  # fmt: skip
    parser.add_argument(
        "--sync", action="store_true",
        help="run both analyses over their events again, and show the steps at which events are "
        "lost on one side alone",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, metavar="DIR",
        help="write all of it there: JSON, and CSV of the rows and events of one side alone",
    )  # fmt: skip
    add_store_option(parser)
    add_json_option(parser)
    return run_main(_compare, parser.parse_args(arguments))


def _compare(options: argparse.Namespace) -> int:
    from tau3mu.compare import compare
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.storage.files import json_text

    sides = [_place(text, options.store) for text in (options.a, options.b)]
    messages = PlainConsole(stderr=True)
    with messages.status("Reading events" if options.sync else "Comparing"):
        found = compare(*sides, sync=options.sync, strict=options.strict)
    if options.output is not None:
        found.save(options.output)
    if options.json:
        sys.stdout.write(json_text(found.document()))
    else:
        PlainConsole(highlight=False).print(found.table())
    return 0 if found.same else 1


def _place(text: str, store: Path | None) -> Path:
    """Returns the folder or file that is meant; a number is that of a train."""
    from tau3mu.train.store import Store

    path = path_of(text)
    return Store(store).train(text) if text.isdigit() and not path.exists() else path
