"""The command line `python -m tau3mu.benchmark`: looks at studies that have been made."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, print_error, run_main, text_of

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

__all__ = ["main"]

_DESCRIPTION = """\
Looks at scaling studies. A study is made by

  pytest benchmarks --json study.json

which generates its ntuples, runs the analysis over more and more of them, in more and more
processes, and other programs beside it, and asserts that all find the same candidates.
`pytest benchmarks --help` lists its options under "tau3mu benchmarks"."""

_EPILOG = """\
examples:
  pytest benchmarks --json before.json
  pytest benchmarks --json after.json
  python -m tau3mu.benchmark compare before.json after.json
      what became faster or slower, beyond the spread of the runs
  python -m tau3mu.benchmark show 4workers.json 8workers.json --plots plots
      several studies as one, for instance of clusters of different sizes

exit codes:
  0  done
  1  wrong usage, a file that is not a study, or studies that found different candidates"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Those of the command line, by default.
    """
    options = _parser().parse_args(arguments)
    return run_main(options.run, options)


def _parser() -> Parser:
    parser = Parser("python -m tau3mu.benchmark", _DESCRIPTION, epilog=_EPILOG)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    compare = commands.add_parser("compare", help="compare two studies point by point")
    compare.add_argument("first", type=text_of, metavar="A.json", help="the study before")
    compare.add_argument("second", type=text_of, metavar="B.json", help="the study after")
    compare.set_defaults(run=_compare)
    show = commands.add_parser("show", help="show the tables and plots of studies again")
    show.add_argument("studies", nargs="+", type=text_of, metavar="STUDY.json")
    show.add_argument("--plots", type=path_of, metavar="DIR", help="write the plots there")
    show.set_defaults(run=_show)
    return parser


def _compare(options: Namespace) -> int:
    from tau3mu.benchmark.study import load_study
    from tau3mu.benchmark.tables import compare, comparison_table
    from tau3mu.console.terminal import PlainConsole

    found = compare(load_study(options.first), load_study(options.second))
    console = PlainConsole(soft_wrap=True, highlight=False)
    console.print(comparison_table(found.changes))
    for label in found.alone:
        console.print(f"only in one study: {label}")
    for problem in found.physics:
        print_error(problem)
    if not found.changes:
        print_error("the studies have no point in common; make both with the same options")
    return 1 if found.physics or not found.changes else 0


def _show(options: Namespace) -> int:
    from tau3mu.benchmark.scaling import save_plots
    from tau3mu.benchmark.study import Study, load_study
    from tau3mu.benchmark.tables import machine_line, points_table, rows_table
    from tau3mu.console.terminal import PlainConsole

    console = PlainConsole(highlight=False)
    together = Study()
    for path in options.studies:
        study = load_study(path)
        console.print(f"{path}: {machine_line(study)}")
        together.points += study.points
        together.rows += study.rows
    if together.points:
        console.print(points_table(together.points))
    if together.rows:
        console.print(rows_table(together.rows))
    if options.plots:
        for plot in save_plots(together, options.plots):
            console.print(f"wrote {plot}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
