"""`label NUMBER`: changes what a user says about a train."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, run_main, text_of
from tau3mu.train.printing import add_store_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser(
        "python -m tau3mu.train label",
        "Changes label and comment of a train, by which it is found, and shows them. What is "
        "frozen stays as it is.",
    )
    parser.add_argument("number", type=text_of, metavar="NUMBER", help="of the train, see `ls`")
    parser.add_argument(
        "--label", metavar="TEXT", help="what `ls` calls the train; an empty text removes it"
    )
    parser.add_argument(
        "--comment", metavar="TEXT", help="a note about the train; an empty text removes it"
    )
    add_store_option(parser)
    return run_main(_label, parser.parse_args(arguments))


def _label(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.annotating import annotate
    from tau3mu.train.notes import described
    from tau3mu.train.store import Store

    store = Store(options.store)
    if options.label is None and options.comment is None:
        record = described(store.train(options.number))
    else:
        record = annotate(
            store,
            options.number,
            label=options.label,
            comment=options.comment,
        )
    console = PlainConsole(highlight=False, soft_wrap=True)
    console.print(f"label    {record.label}".rstrip())
    console.print(f"comment  {record.comment}".rstrip())
    return 0
