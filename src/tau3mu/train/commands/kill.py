"""`kill NUMBER`: ends a train; what was done is kept."""

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
        "python -m tau3mu.train kill",
        "Ends a train that runs on this machine. What was done is kept: `run --resume` goes on.",
    )
    parser.add_argument("number", type=text_of, metavar="NUMBER", help="of the train, see `ls`")
    add_store_option(parser)
    return run_main(_kill, parser.parse_args(arguments))


def _kill(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.states import State
    from tau3mu.train.store import Store
    from tau3mu.train.trains import kill

    status = kill(Store(options.store), options.number)
    line = f"Train {options.number} is {status.state.value}: {status.reason}"
    PlainConsole(highlight=False, soft_wrap=True).print(line)
    return 0 if status.state is State.KILLED else 1
