"""`rerun NUMBER`: a new train with the frozen configuration of another one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.console.cli import Parser, run_main, text_of
from tau3mu.train.commands.run import add_record_options, run_folder
from tau3mu.train.printing import add_store_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Runs a train again, as a new one with the same frozen configuration; also with other options of the
run, such as another executor, or on the datasets as they are today."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit code.

    Args:
        arguments: The words after the command.
    """
    parser = Parser("python -m tau3mu.train rerun", _DESCRIPTION)
    parser.add_argument("number", type=text_of, metavar="NUMBER", help="of the train, see `ls`")
    parser.add_argument(
        "--set", action="append", default=[], metavar="OPTION=VALUE", type=text_of, dest="values",
        help="an option under `settings` of train files, such as executor=dask; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--datasets-now", action="store_true",
        help="look the datasets up by their names, instead of taking the files of that train",
    )  # fmt: skip
    parser.add_argument("--compose-only", action="store_true", help="do not run")
    add_record_options(parser)
    add_store_option(parser)
    return run_main(_rerun, parser.parse_args(arguments))


def _rerun(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.train.store import Store
    from tau3mu.train.trains import rerun

    folder = rerun(
        Store(options.store),
        options.number,
        settings=_given(options.values),
        datasets_now=options.datasets_now,
        label=options.label,
        comment=options.comment,
    )
    console = PlainConsole(highlight=False, soft_wrap=True)
    console.print(f"Train {int(folder.name)}: {folder}")
    return 0 if options.compose_only else run_folder(folder, {}, strict=options.strict)


def _given(texts: Sequence[str]) -> dict[str, Any]:
    """Returns options by name, of texts such as `workers=2`."""
    import json

    from tau3mu.errors import InputError

    found: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            message = f"--set {text}: expected OPTION=VALUE, such as executor=dask"
            raise InputError(message, code="train.assignment-form", path="--set")
        try:
            found[name.strip().replace("-", "_")] = json.loads(value)
        except ValueError:
            found[name.strip().replace("-", "_")] = value
    return found
