"""`python -m tau3mu.fit generate`: writes a toy data set of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Writes a toy data set that a fit of the same file can read: histograms, or trees of entries.

The numbers fluctuate like those of an experiment. The truth is 'value' of the parameters of the
fit file, or the values of a fit."""

_EPILOG = """\
examples:
  python -m tau3mu.fit generate my_fit.json --output toy.root
  python -m tau3mu.fit my_fit.json --input toy.root --output toy
      fits it
  python -m tau3mu.fit generate dsphipi --values results/demo/dsphipi/fit.json --output toy.root

exit codes:
  0  the file is written
  1  wrong usage, or bad input (nothing was written)"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the program.
    """
    parser = Parser("python -m tau3mu.fit generate", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("fit", metavar="NAME-OR-FILE", help="a shipped fit, a JSON or a YAML file")
    parser.add_argument(
        "--output", type=path_of, metavar="FILE.root", required=True,
        help="where to write; nothing is replaced",
    )  # fmt: skip
    parser.add_argument(
        "--values", type=path_of, metavar="FIT.json",
        help="the fit.json whose values are the truth (default: those of the fit file)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the random numbers (default: 1)"
    )
    return run_main(_generate, parser.parse_args(arguments))


def _generate(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.fit.language import load_model
    from tau3mu.fit.output import load_fit_values
    from tau3mu.fit.studies import generate

    model = load_model(options.fit)
    values = None if options.values is None else load_fit_values(options.values)
    for name, entries in generate(model, options.output, values=values, seed=options.seed).items():
        PlainConsole().print(f"{name}: {entries} entries", highlight=False)
    messages = PlainConsole(stderr=True, soft_wrap=True, highlight=False)
    messages.print(f"written to {options.output}")
    return 0
