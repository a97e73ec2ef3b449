"""`show NUMBER`: all that is known of a train."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import Parser, run_main, text_of
from tau3mu.train.printing import add_json_option, add_store_option, print_rows, without_empty

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_FACTS = (
    *("train", "name", "title", "label", "comment", "parent", "relation", "composed", "by"),
    *("approved", "hash", "file", "folder"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser(
        "python -m tau3mu.train show",
        "Shows a train: its states, progress, wagons, datasets, what is missing, and its files.",
    )
    parser.add_argument("number", type=text_of, metavar="NUMBER", help="of the train, see `ls`")
    add_store_option(parser)
    add_json_option(parser)
    return run_main(_show, parser.parse_args(arguments))


def _show(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.record import words
    from tau3mu.train.store import Store
    from tau3mu.train.summary import train_details

    store = Store(options.store)
    details = train_details(store.train(options.number), store)
    if options.json:
        sys.stdout.write(json.dumps(details, indent=2, ensure_ascii=False) + "\n")
        return 0
    facts: dict[str, Any] = details["facts"]
    console = PlainConsole(highlight=False, soft_wrap=True)
    for name in _FACTS:
        if facts.get(name):
            console.print(f"{name:9}  {facts[name]}")
    console.print(f"{'command':9}  {words(facts['command'])}")
    console.print(f"{'progress':9}  {details['progress']['text']}")
    for title in ("states", "datasets", "wagons", "missing"):
        if details[title]:
            print_rows(without_empty(details[title]), as_json=False, title=title)
    if reader := details["reader"]:
        read = f"{reader['cpu']:.1f} s of CPU, {reader['bytes'] / 1e6:,.1f} MB"
        console.print(f"{'reader':9}  {read}")
    for warning in details["warnings"]:
        console.print(f"warning: {warning}")
    for file in details["files"]:
        console.print(file)
    console.print(f"reproduce it with: {details['reproduce']}")
    return 0
