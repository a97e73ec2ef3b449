"""`python -m tau3mu.limits significance MODEL`: the significance of an excess."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main
from tau3mu.limits.commands.data_options import add_data_options

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from tau3mu.limits.diagnostics.excess import Significance

__all__ = ["main", "print_significance"]

_DESCRIPTION: Final = """\
Gives the significance of an excess over background: q0, its p value and √q0. It is local, without
a look-elsewhere effect.

Without --observed, it is what a signal is expected to give."""

_EPILOG: Final = """\
examples:
  python -m tau3mu.limits significance model.json --inject 0.5
  python -m tau3mu.limits significance model.json --observed --toys 5000 --output excess.json"""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits significance", _DESCRIPTION, epilog=_EPILOG)
    add_data_options(parser)
    parser.add_argument(
        "--toys", type=int, default=0, metavar="N", help="also the p value by N toys without signal"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="processes for toys (default: one per CPU)"
    )
    parser.add_argument(
        "--output", type=path_of, metavar="FILE.json", help="write the numbers into a new file"
    )
    return run_main(_significance, parser.parse_args(given))


def _significance(options: argparse.Namespace) -> int:
    from tau3mu.console.progress import Display
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.cpus import usable_cpus
    from tau3mu.limits.commands.limits import write_new
    from tau3mu.limits.diagnostics.excess import significance

    with write_new(options.output) as write, Display(bool(options.toys)) as display:
        display.begin("Toys", unit="toys")
        found = significance(
            options.model, channels=options.channels, observed=options.observed,
            inject=options.inject, toys=options.toys, seed=options.seed,
            workers=options.workers or usable_cpus(), progress=display.count,
        )  # fmt: skip
        write(found.to_dict())
    print_significance(PlainConsole(), found)
    return 0


def print_significance(console: Console, found: Significance) -> None:
    """Prints a significance.

    Args:
        console: Where to print.
        found: The significance.
    """
    from tau3mu.console.terminal import PlainTable
    from tau3mu.limits.diagnostics.ensembles import p_text

    table = PlainTable("", "q0", "p value", "Z")
    shown = found.data if found.data == "observed" else f"{found.data}, r = {found.r:.4g}"
    table.add_row(shown, f"{found.q0:.4g}", f"{found.p_value:.3g}", f"{found.z:.2f}")
    if (by_toys := found.toy_p_value) is not None:
        text = p_text(found.toys, by_toys).removeprefix("= ")
        table.add_row(f"  by {len(found.toys)} toys", "", text, "")
    if found.data != "Asimov":
        table.add_row(f"expected, r = {found.r:.4g}", f"{found.expected**2:.4g}", "",
                      f"{found.expected:.2f}")  # fmt: skip
    console.print(table)
    console.print(f"Best fit: r = {found.best:.4g}", highlight=False)
    if found.failures:
        console.print(f"warning: {found.failures} fits of toys have not converged; they count "
                      "nowhere", style="yellow", highlight=False)  # fmt: skip
    console.print("Local significance: a look-elsewhere effect is not included", highlight=False)
    if found.unblinded is None:
        console.print("Blind: no data in the signal windows were read", highlight=False)
