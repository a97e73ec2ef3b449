"""`python -m tau3mu.fit trials`: fits the same data in many ways, for systematic uncertainties."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING

from tau3mu.console.cli import Parser, path_of, run_main

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractContextManager

    from distributed import Client
    from rich.table import Table

    from tau3mu.fit.studies import TrialStudy
    from tau3mu.fit.studies.trial_summary import TrialResult

__all__ = ["main"]

_DESCRIPTION = """\
Fits the same data in many ways: every combination of pdfs, ranges, binnings and tails of a trials
file. The central value is the mean of the trials, the systematic uncertainty their RMS."""

_EPILOG = """\
examples:
  python -m tau3mu.fit trials trials.json --check
      say what is wrong with a trials file, and how many trials it makes
  python -m tau3mu.fit trials trials.json --input results/demo --output trials --workers 2
  python -m tau3mu.fit trials trials.json --output trials --scheduler tls://host:8786

writes trials.json, trials.csv with one row per trial, and a plot for each quantity;
docs/how-to/systematics.md explains trials files

exit codes:
  0  the trials are fitted; those that are not valid are listed and do not enter the averages
  1  wrong usage, bad input (nothing was written), or no trial is valid"""


def main(arguments: Sequence[str]) -> int:
    """Runs the command line and returns its exit code.

    Args:
        arguments: Of the command line, without the name of the program.
    """
    parser = Parser("python -m tau3mu.fit trials", _DESCRIPTION, epilog=_EPILOG)
    parser.add_argument("file", type=path_of, metavar="FILE", help="a trials file, JSON or YAML")
    parser.add_argument(
        "--input", metavar="PATH",
        help="a results folder or a file, instead of the one that the fits name",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=path_of, metavar="DIR", help="where to write; nothing there is replaced"
    )
    parser.add_argument(
        "--workers", type=int, metavar="N", help="how many processes (default: one per CPU)"
    )
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="of a Dask cluster that does the work"
    )
    parser.add_argument("--check", action="store_true", help="only check the file")
    options = parser.parse_args(arguments)
    if not options.check and options.output is None:
        parser.error("--output is needed, or --check")
    return run_main(_check if options.check else _trials, options)


def _check(options: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole
    from tau3mu.fit.studies import load_trials

    number = len(load_trials(options.file).trials)
    PlainConsole().print(f"{options.file} is valid: {number} trials", soft_wrap=True)
    return 0


def _trials(options: argparse.Namespace) -> int:
    from rich.progress import Progress

    from tau3mu.console.terminal import PlainConsole
    from tau3mu.cpus import usable_cpus
    from tau3mu.fit.output.files import check_free
    from tau3mu.fit.studies import load_trials, run_trials
    from tau3mu.fit.studies.trial_study import trial_files

    messages = PlainConsole(stderr=True, soft_wrap=True, highlight=False)
    trials = load_trials(options.file)
    check_free(options.output, trial_files(trials.file.quantities))
    with (
        _client(options.scheduler) as client,
        Progress(console=messages, transient=True, disable=not messages.is_terminal) as progress,
    ):
        task = progress.add_task("Trials", total=len(trials.trials))
        study = run_trials(
            trials, file=options.input, client=client,
            workers=usable_cpus() if options.workers is None else options.workers,
            progress=lambda done: progress.advance(task, done),
        )  # fmt: skip
    study.save(options.output)
    _print(study)
    messages.print(f"written to {options.output}")
    return 0 if study.valid else 1


def _client(scheduler: str | None) -> AbstractContextManager[Client | None]:
    if scheduler is None:
        return nullcontext()
    from tau3mu.clusters import connect

    return connect(scheduler, workers=1)


def _print(study: TrialStudy) -> None:
    from tau3mu.console.terminal import PlainConsole

    console = PlainConsole()
    if study.summary:
        console.print(_table(study))
    console.print(f"{len(study.valid)} of {len(study.results)} trials are valid.", highlight=False)
    for line in (*_not_valid(study.invalid), *study.warnings):
        console.print(f"- {line}", highlight=False, soft_wrap=True)


def _not_valid(trials: Iterable[TrialResult]) -> list[str]:
    """Returns a line for each reason for which trials are not valid."""
    labels: dict[str, list[str]] = {}
    for result in trials:
        reason = result.messages[0] if result.messages else result.status
        labels.setdefault(reason, []).append(result.label)
    return [
        f"not valid: {first}{f' and {len(others)} more' if others else ''}: {reason}"
        for reason, (first, *others) in labels.items()
    ]


def _table(study: TrialStudy) -> Table:
    from tau3mu.console.terminal import PlainTable

    table = PlainTable(
        "Quantity", "Mean", "Statistical", "Systematic", "Largest deviation", "Moved most by",
        title=study.file.title,
    )  # fmt: skip
    for name, found in study.summary.items():
        texts = found.texts
        table.add_row(
            name, texts.mean, texts.statistical, texts.systematic, texts.largest_deviation,
            found.strongest,
        )  # fmt: skip
    return table
