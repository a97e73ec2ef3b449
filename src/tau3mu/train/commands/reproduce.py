"""`python -m tau3mu.train reproduce FOLDER`: the same results again, or where they differ."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, get_args

from tau3mu.console.cli import Parser, path_of, run_main, text_of
from tau3mu.train.printing import add_json_option

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Runs again what a results folder, or a train, recorded, and compares the results bit by bit.

Everything is taken from the folder: the resolved configuration, the code of users as it was
imported, the small files that it names, the fits. Input files are known by their UUIDs."""

_EPILOG = """\
examples:
  python -m tau3mu.train reproduce results/2017
  python -m tau3mu.train reproduce results/2017 --prefix /data/copy --executor futures
      on another machine, where the files lie below /data/copy

exit codes:
  0  SAME: all results are the same
  1  DIFFERENT: the first differences are named, and the new results kept; or wrong usage, or
     something that was recorded is not there any more"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the command.
    """
    from tau3mu.run.settings import Settings

    executors = get_args(Settings.model_fields["executor"].annotation)
    parser = Parser("python -m tau3mu.train reproduce", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("folder", type=path_of, metavar="FOLDER", help="of a run or a train")
    parser.add_argument(
        "--prefix", type=text_of, metavar="DIR-OR-URL",
        help="the files are below it now, each at the longest end of its path that is there",
    )  # fmt: skip
    parser.add_argument(
        "--files", type=path_of, metavar="MAP.json",
        help="where files are now: an object of places by recorded paths",
    )  # fmt: skip
    parser.add_argument(
        "--executor", choices=executors,
        help="how to run (default: as recorded; futures if that was on a cluster)",
    )  # fmt: skip
    parser.add_argument("--workers", type=_positive, metavar="N", help="processes of the executor")
    parser.add_argument(
        "--chunk-size", type=_positive, metavar="N",
        help="most events that are in memory at a time, per worker (default: as recorded)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, metavar="DIR",
        help="keep the new results here (default: beside FOLDER, and only if they differ)",
    )  # fmt: skip
    add_json_option(parser)
    return run_main(_reproduce, parser.parse_args(arguments))


def _positive(text: str) -> int:
    from tau3mu.run.options import whole_number

    return whole_number(text, 1)


def _reproduce(options: argparse.Namespace) -> int:
    from tau3mu.storage.files import json_text
    from tau3mu.train.reproduction import reproduce

    found = reproduce(
        options.folder, prefix=options.prefix, files=options.files, executor=options.executor,
        workers=options.workers, chunk_size=options.chunk_size, output=options.output,
        progress=True,
    )  # fmt: skip
    if options.json:
        sys.stdout.write(json_text(found.document()))
    else:
        from tau3mu.console.terminal import PlainConsole

        PlainConsole(highlight=False, soft_wrap=True).print(found.table())
    return 0 if found.same else 1
