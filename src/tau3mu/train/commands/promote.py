"""`promote NUMBER`: a train on the whole of its datasets, after a short one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, run_main, text_of
from tau3mu.train.commands.run import add_record_options, run_folder
from tau3mu.train.printing import add_store_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Runs a short train on the whole of its datasets, as a new train with the same frozen configuration
and the same files."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser("python -m tau3mu.train promote", _DESCRIPTION)
    parser.add_argument("number", type=text_of, metavar="NUMBER", help="of the train, see `ls`")
    parser.add_argument("--compose-only", action="store_true", help="do not run")
    add_record_options(parser)
    add_store_option(parser)
    return run_main(_promote, parser.parse_args(arguments))


def _promote(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.store import Store
    from tau3mu.train.trains import promote

    folder = promote(
        Store(options.store), options.number, label=options.label, comment=options.comment
    )
    console = PlainConsole(highlight=False, soft_wrap=True)
    console.print(f"Train {int(folder.name)}: {folder}")
    return 0 if options.compose_only else run_folder(folder, {}, strict=options.strict)
