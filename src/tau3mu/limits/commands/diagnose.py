"""`python -m tau3mu.limits diagnose MODEL`: impacts, goodness of fit and spectra of a fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.limits.commands.data_options import add_data_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from tau3mu.limits.diagnostics.diagnosis import Diagnosis

__all__ = ["main", "print_diagnosis"]

_DESCRIPTION: Final = """\
Shows whether a fit can be believed: impacts and pulls of the nuisances, the likelihood against the
signal strength, goodness of fit, correlations, and the spectra after the fit.

Without --observed, impacts are those of data with the signal of the expected limit (Asimov), and
goodness of fit and spectra are those of the sidebands."""

_EPILOG: Final = """\
examples:
  python -m tau3mu.limits diagnose model.json --output diagnostics
  python -m tau3mu.limits diagnose model.json --inject 0.4 --seed 3 --output toy
  python -m tau3mu.limits diagnose model.json --observed --r 0 --output background-only"""

_TOYS: Final = 500
_MOST: Final = 10


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits diagnose", _DESCRIPTION, epilog=_EPILOG)
    add_data_options(parser)
    parser.add_argument(
        "--r", type=float, metavar="VALUE",
        help="fix r at this value in spectra and goodness of fit (default: fitted)",
    )  # fmt: skip
    parser.add_argument(
        "--toys", type=int, default=_TOYS, metavar="N",
        help="for the p value of the goodness of fit, 0 for none (default: 500)",
    )  # fmt: skip
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes for toys (default: one per CPU)"
    )
    parser.add_argument(
        "--output", type=path_of, required=True, metavar="DIR",
        help="write diagnostics.json and the pictures here",
    )  # fmt: skip
    return run_main(_diagnose, parser.parse_args(given))


def _diagnose(options: argparse.Namespace) -> int:
    from tau3mu.console.progress import Display
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.cpus import usable_cpus
    from tau3mu.limits.commands.limits import check_output
    from tau3mu.limits.diagnostics.diagnosis import diagnose
    from tau3mu.storage.files import make_folder

    check_output(options.output)
    with Display() as display:
        display.begin("Fits", unit="toys")
        found = diagnose(
            options.model, channels=options.channels, observed=options.observed,
            inject=options.inject, r=options.r, toys=options.toys, seed=options.seed,
            workers=options.workers or usable_cpus(), progress=display.count,
        )  # fmt: skip
        make_folder(options.output)
        found.save(options.output)
        display.begin("Pictures")
        from tau3mu.limits.pictures.diagnostics import save_diagnosis_pictures

        save_diagnosis_pictures(found, options.output)
    console = PlainConsole()
    print_diagnosis(console, found)
    console.print(f"Results: {options.output}", soft_wrap=True, highlight=False)
    return 0


def print_diagnosis(console: Console, found: Diagnosis) -> None:
    """Prints the largest impacts and the goodness of fit.

    Args:
        console: Where to print.
        found: The diagnosis.
    """
    from tau3mu.console.terminal import PlainTable
    from tau3mu.limits.diagnostics.ensembles import p_text

    every = found.impacts
    title = f"r = {every.best:.4g} ± {every.error:.2g} (stat. {every.statistical:.2g})"
    table = PlainTable("nuisance", "pull", "uncertainty", "r, −1 σ", "r, +1 σ",
                       title=f"{title}, {found.data}")  # fmt: skip
    for one in every.impacts[:_MOST]:
        known = one.pull is not None and one.constraint is not None
        table.add_row(
            one.name, f"{one.pull:+.2f}" if known else f"{one.value:.3g}",
            f"{one.constraint:.2f}" if known else f"{one.error:.2g}",
            f"{one.down:+.3g}", f"{one.up:+.3g}",
        )  # fmt: skip
    console.print(table)
    if len(every.impacts) > _MOST:
        console.print(f"and {len(every.impacts) - _MOST} with smaller impacts", highlight=False)
    if every.at_bound:
        console.print("warning: r is at its lower bound, impacts downward are too small",
                      style="yellow", highlight=False)  # fmt: skip
    goodness = found.goodness
    if goodness is None:
        console.print("No goodness of fit: no channel has data that may be read", highlight=False)
    else:
        bins = sum(goodness.bins.values())
        text = f"Goodness of fit, {found.seen}: {goodness.value:.1f} in {bins} bins"
        if goodness.p_value is not None:
            text += f", p {p_text(goodness.toys, goodness.p_value)} by {len(goodness.toys)} toys"
            text += f", {goodness.failures} fits have not converged"
        console.print(text, highlight=False, soft_wrap=True)
    if found.blind:
        console.print("Blind: no data in the signal windows were read", highlight=False)
