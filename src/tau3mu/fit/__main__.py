"""`python -m tau3mu.fit`: repeats a fit on the histograms of a run, without reading events."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tau3mu.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Fits the mass spectrum of a run again, from its histograms, without reading events.

The histogram is the sum of the data, or of simulation where there is no data."""

_EPILOG = """\
examples:
  python -m tau3mu.fit dsphipi --input results/demo --output results/demo-refit
  python -m tau3mu.fit my_fit.json --input results/demo/dsphipi --output my_fit
  python -m tau3mu.fit dsphipi --input histograms.root --histogram demo/mass --output one
  python -m tau3mu.fit my_fit.json --check
      say what is wrong with a fit file, and fit nothing

writes fit.json, mass_fit.png and mass_fit.pdf; the help of tau3mu.fits explains fit files

exit codes:
  0  the fit is valid
  1  wrong usage, bad input (nothing was written), or a fit that is not valid"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = Parser("python -m tau3mu.fit", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("fit", metavar="NAME-OR-FILE", help="a shipped fit or a JSON file")
    parser.add_argument(
        "--input", metavar="PATH",
        help="a results folder, the folder of a processor in it, or histograms.root",
    )  # fmt: skip
    parser.add_argument(
        "--histogram", metavar="NAME",
        help="one histogram of the file, such as demo/mass (default: the sum that the fit names)",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, metavar="DIR", help="where to write; nothing there is replaced"
    )
    parser.add_argument("--check", action="store_true", help="only check the fit file")
    options = parser.parse_args(arguments)
    if not options.check and (options.input is None or options.output is None):
        parser.error("--input and --output are needed, or --check")
    return run_main(_check if options.check else _fit, options)


def _check(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tau3mu.fit import load_model

    model = load_model(options.fit)
    Console().print(f"{options.fit} is a valid fit: {model.title}", markup=False)
    return 0


def _fit(options: argparse.Namespace) -> int:
    from rich.console import Console

    from tau3mu.fit import fit_histogram, load_model, save_fit
    from tau3mu.fit.report import print_fit
    from tau3mu.fit.saving import check_free
    from tau3mu.fit.spectra import read_spectrum

    console, notes = Console(), Console(stderr=True, soft_wrap=True, highlight=False)
    model = load_model(options.fit)
    check_free(options.output)
    chosen = read_spectrum(options.input, model, options.histogram)
    if chosen.remark:
        notes.print(f"note: {chosen.remark}", markup=False)
    with notes.status(f"Fitting {chosen.source}"):
        result = fit_histogram(chosen.histogram, model)
        save_fit(
            options.output,
            chosen.histogram,
            model,
            result,
            lumi=chosen.lumi,
            simulation=chosen.simulation,
        )
    print_fit(console, result)
    notes.print(f"written to {options.output}", markup=False)
    return 0 if result.valid else 1


if __name__ == "__main__":
    sys.exit(main())
