"""`python -m tau3mu.train COMMAND`: analysis trains, their datasets, tests and results."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, print_error
from tau3mu.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_COMMANDS: Final = {
    "check": "say what is wrong with a train file, and open no data",
    "parameters": "show the resolved parameters of wagons, and what differs between two files",
    "datasets": "register datasets, list them, show what has changed, remove them",
    "test": "run wagons and the whole train for a limited time, and measure what they need",
    "run": "compose a train and run it, or go on with one",
    "promote": "run a train on whole datasets after one on short ones, with the same configuration",
    "kill": "end a train that runs; what was done is kept",
    "rerun": "run a train again, also with other settings or the datasets of today",
    "label": "change label and comment of a train",
    "ls": "list trains",
    "show": "show a train: configuration, progress, resources, what is missing",
    "doctor": "say what failed in a train, grouped, and what to do",
    "reproduce": "run a results folder again and say whether the results are the same",
    "compare": "compare two results folders, or one with a list of events",
    "serve": "show analyses, trains and results in a browser",
    "index": "rebuild the database of a store from its folders",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code.

    Args:
        arguments: The name of the command and its words; those of the process by default.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in _COMMANDS:
        module = importlib.import_module(f"tau3mu.train.commands.{given[0]}")
        code: int = module.main(given[1:])
        return code
    if given and not given[0].startswith("-"):
        hint = suggest(given[0], _COMMANDS)
        print_error(f"unknown command {given[0]!r}{hint}\nsee: python -m tau3mu.train --help")
        return 1
    lines = [f"  {name:<10}  {text}" for name, text in _COMMANDS.items()]
    parser = Parser(
        "python -m tau3mu.train",
        "\n".join(
            ["Analysis trains: many configured analyses in one pass.", "", "commands:", *lines]
        ),
        epilog="python -m tau3mu.train COMMAND --help says more",
    )
    parser.add_argument("command", nargs="?", metavar="COMMAND", choices=list(_COMMANDS))
    parser.parse_args(given)
    parser.print_help()
    return 0


if __name__ == "__main__":
    sys.exit(main())
