"""`python -m tau3mu.limits feldman-cousins MODEL`: intervals for a counting channel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tau3mu.console.cli import Parser, path_of, run_main, text_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION: Final = """\
Gives intervals of Feldman and Cousins for a counting channel with a known background.

Without --observed, they are those of each number of events that is likely without signal."""


def main(given: Sequence[str]) -> int:
    """Runs the command and returns its exit code.

    Args:
        given: Its words.
    """
    parser = Parser("python -m tau3mu.limits feldman-cousins", _DESCRIPTION)
    parser.add_argument("model", type=path_of, metavar="MODEL", help="a model file, JSON or YAML")
    parser.add_argument(
        "--channel", type=text_of, metavar="NAME",
        help="the counting channel (default: the only one)",
    )  # fmt: skip
    parser.add_argument(
        "--cl", type=float, default=0.9, metavar="LEVEL", help="confidence level (default: 0.9)"
    )
    parser.add_argument("--observed", action="store_true", help="read the observed events as well")
    parser.add_argument(
        "--output", type=path_of, metavar="FILE.json", help="write the numbers into a new file"
    )
    return run_main(_feldman_cousins, parser.parse_args(given))


def _feldman_cousins(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole, PlainTable
    from tau3mu.limits.commands.limits import write_new
    from tau3mu.limits.diagnostics.feldman_cousins import unified_interval

    with write_new(options.output) as write:
        found = unified_interval(
            options.model, cl=options.cl, channel=options.channel or "", observed=options.observed
        )
        write(found.to_dict())
    console = PlainConsole()
    table = PlainTable(
        "events", "r from", "to",
        title=f"{found.channel}: Feldman-Cousins at {100 * found.cl:g} % CL, background "
        f"{found.background:.4g}, signal {found.signal:.4g} for r = 1",
    )  # fmt: skip
    for n, (low, high) in found.intervals.items():
        name = f"{n}, observed" if n == found.observed else str(n)
        table.add_row(name, f"{low:.4g}", f"{high:.4g}")
    console.print(table)
    console.print(f"Mean upper end without signal: r = {found.sensitivity:.4g}", highlight=False)
    if found.unblinded is None:
        console.print("Blind: the observed events were not read", highlight=False)
    return 0
