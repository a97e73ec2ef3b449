"""`python -m tau3mu.limits export MODEL`: a model or limits for another program."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main, text_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION: Final = """\
Writes a model, or its limits, in the form of another program, and says what is lost.

hs3 is JSON for RooFit and pyhs3; pyhf is JSON; combine is a folder with a card and templates;
hepdata is a folder with tables of limits. Data in the signal windows are neither read nor written
unless --observed is given."""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits export", _DESCRIPTION)
    parser.add_argument(
        "model", type=path_of, metavar="MODEL", help="a model file, or a folder of limits"
    )
    parser.add_argument(
        "--format", required=True, choices=("hs3", "pyhf", "combine", "hepdata"),
        help="hs3, pyhf, combine or hepdata",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, required=True, metavar="PATH", help="a new file or folder"
    )
    parser.add_argument(
        "--channels", action="append", default=[], type=text_of, metavar="PATTERN",
        help="use these channels alone; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--observed", action="store_true", help="read and write the data in the signal windows too"
    )
    return run_main(_export, parser.parse_args(given))


def _export(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.limits.exchange import export

    lost = export(
        options.model, options.format, options.output, channels=options.channels,
        observed=options.observed,
    )  # fmt: skip
    console = PlainConsole()
    console.print(f"Written: {options.output}", soft_wrap=True, highlight=False)
    for one in lost:
        console.print(f"not in it, or not the same: {one}", soft_wrap=True, highlight=False)
    return 0
