"""`python -m tau3mu.run`: a whole analysis from the command line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from tau3mu.console.cli import print_error, run_main
from tau3mu.run.options import parser

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from tau3mu.console.progress import Display
    from tau3mu.run.stored import ProcessorResults, Run

__all__ = ["main", "report"]

_MAX_LINES = 20
_STYLES = {"plain": "", "good": "green", "doubt": "yellow", "bad": "bold red"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: The words after the program; those of the process by default.
    """
    options = parser().parse_args(arguments)
    if options.list:
        from tau3mu.run.listing import list_all

        return run_main(list_all, options.processors or ())
    return run_main(_run, options)


def _run(options: argparse.Namespace) -> int:
    from tau3mu.run.front import execute_run, settings_of

    given = {name: value for name, value in vars(options).items() if name != "list"}
    complete: list[Display] = []
    run = execute_run(settings_of(given), progress=True, on_prepared=complete.append)
    if complete:
        complete[0].say(f"The run in {run.folder} is complete already; nothing was left to do")
    else:
        from tau3mu.console.terminal import PlainConsole

        report(PlainConsole(), run)
    return run.exit_code or 0


def report(console: Console, run: Run) -> None:
    """Prints what came of a run.

    Args:
        console: Where to print.
        run: With its results, if there are any.
    """
    from tau3mu.fit.output.report import print_fit
    from tau3mu.outputs import cutflow_table
    from tau3mu.run.summary import summary

    for name, results in run.items():
        console.print(cutflow_table(results.cutflow, title=f"Cutflow of {name}"))
        _report_counters(console, run, name)
    for name, fit in run.fits.items():
        print_fit(console, fit, of=name)
    for results in run.values():
        _report_yields(console, results)
    for name, reason in run.not_fitted.items():
        print_error(f"the fit of {name} could not be made: {reason}")
    for warning in run.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
    chunks = run.manifest.chunks
    if chunks.resumed:
        console.print(
            f"{chunks.resumed} of {chunks.total} chunks had been done before", highlight=False
        )
    _report_missing(run)
    if len(run):
        for kind, text in summary(run):
            console.print(text, style=_STYLES[kind], highlight=False)
        console.print(f"Results: {run.folder}", soft_wrap=True, highlight=False)


def _report_counters(console: Console, run: Run, name: str) -> None:
    """Prints what a processor counted, with its own words for it."""
    from tau3mu.console.terminal import PlainTable
    from tau3mu.report.tables import counter_rows

    counters = {"counters": run[name].counters, "meanings": run.manifest.counters.get(name, {}),
                "simulation": [key for key, one in run.datasets.items() if one.is_mc]}  # fmt: skip
    rows = [
        row for row in counter_rows(counters) if any(isinstance(v, int) and v for v in row.values())
    ]
    if not rows:
        return
    table = PlainTable(title=f"Counters of {name}")
    for title in rows[0]:
        number = title not in {"counter", "counts"}
        table.add_column(title, justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*("" if value is None else str(value) for value in row.values()))
    console.print(table)


def _report_yields(console: Console, results: ProcessorResults) -> None:
    from tau3mu.report.yields import yield_table, yields_view

    for view in yields_view(results.yields.to_dict()):
        if view["telling"]:
            console.print(yield_table(view))
            for line in view["verdict"]:
                console.print(line, highlight=False)


def _report_missing(run: Run) -> None:
    for file in run.missing[:_MAX_LINES]:
        events = "all" if file.events is None else f"{file.events} of {file.events}"
        reasons = "; ".join(file.reasons)
        print_error(f"{file.path} [{file.dataset}]: {events} events are missing: {reasons}")
    if len(run.missing) > _MAX_LINES:
        print_error(
            f"... and {len(run.missing) - _MAX_LINES} more files; all are in "
            f"{run.folder / 'run.json'}"
        )
    if run.missing and not len(run):
        print_error(
            f"there are no results, since {len(run.missing)} files cannot be read; what was "
            f"done is kept. Repair them and go on with --resume {run.folder}, or skip them "
            f"with --resume {run.folder} --skip-bad-files"
        )


if __name__ == "__main__":
    sys.exit(main())
