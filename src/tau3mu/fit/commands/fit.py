"""`python -m tau3mu.fit NAME-OR-FILE`: makes a fit, without reading events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.fit.full_fit import fit_and_save

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Fits a mass spectrum: a histogram, or the entries of a tree or a table.

Of the results folder of a run, it is the sum of the data, or of simulation where there is none."""

_EPILOG = """\
examples:
  python -m tau3mu.fit dsphipi --input results/demo --output results/demo-refit
  python -m tau3mu.fit my_fit.json --output my_fit
      the input is what the file says
  python -m tau3mu.fit dsphipi --input histograms.root --histogram demo/mass --output one
  python -m tau3mu.fit --check my_fit.json
      say what is wrong with a fit file, and open nothing else

other commands, each with its own --help:
  python -m tau3mu.fit generate   a toy data set of a model
  python -m tau3mu.fit toys       fits of many toy data sets: pulls and bias
  python -m tau3mu.fit trials     systematics: pdfs x ranges x binnings x tails
  python -m tau3mu.fit import     a configuration of dq_fitter as fit files

writes fit.json, fit.root and plots; docs/reference/fit-files.md explains fit files

exit codes:
  0  the fit is valid
  1  wrong usage, bad input (nothing was written), or a fit that is not valid"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the program.
    """
    parser = Parser("python -m tau3mu.fit", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("fit", metavar="NAME-OR-FILE", help="a shipped fit, a JSON or a YAML file")
    parser.add_argument(
        "--input", metavar="PATH",
        help="a results folder or a file, instead of the one that the fit file names",
    )  # fmt: skip
    parser.add_argument(
        "--histogram", metavar="NAME",
        help="one histogram of the file, such as demo/mass, instead of the one of the fit file",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, metavar="DIR", help="where to write; nothing there is replaced"
    )
    parser.add_argument("--check", action="store_true", help="only check the fit file")
    options = parser.parse_args(arguments)
    if not options.check and options.output is None:
        parser.error("--output is needed, or --check")
    return run_main(_check if options.check else _fit, options)


def _check(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.errors import InputError
    from tau3mu.fit.language import load_model
    from tau3mu.fit.language.values import fitted_bins, too_few_bins
    from tau3mu.fit.likelihood.dry_run import dry_run

    model = load_model(options.fit)
    dry_run(model, users_only=True)
    if (bins := fitted_bins(model)) is not None and (problem := too_few_bins(model, bins)):
        message = f"{options.fit}: observable.bins: {problem}"
        raise InputError(message, code="fit.too-few-bins", path="observable.bins")
    PlainConsole().print(f"{options.fit} is a valid fit: {model.title}")
    return 0


def _fit(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.fit.data.prepare import sources
    from tau3mu.fit.language import load_model
    from tau3mu.fit.output import check_free, check_plot
    from tau3mu.fit.output.report import print_fit

    console, messages = PlainConsole(), PlainConsole(stderr=True, soft_wrap=True, highlight=False)
    model = load_model(options.fit)
    check_free(options.output, model)
    check_plot(model)
    found = sources(model, options.input, options.histogram)
    for source in found.values():
        if source.warning:
            messages.print(f"warning: {source.warning}")
    names = ", ".join(source.name for source in found.values())
    with messages.status(f"Fitting {names}"):
        result = fit_and_save(model, found, options.output)
    print_fit(console, result)
    messages.print(f"written to {options.output}")
    return 0 if result.valid else 1
