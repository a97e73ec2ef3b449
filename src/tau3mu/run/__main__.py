"""`python -m tau3mu.run`: a whole analysis from the command line."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from tau3mu.console.cli import first_import, print_error, run_main
from tau3mu.cpus import usable_cpus
from tau3mu.run.options import parser, refuse_contradictions, set_defaults

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console
    from rich.progress import Progress, TaskID

    from tau3mu.datasets import Dataset
    from tau3mu.execution import ChunkResult, RetryPolicy
    from tau3mu.run.analysis import Outcome, Plan

__all__ = ["main"]

_MAX_LINES = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    options = parser().parse_args(arguments)
    return run_main(_list if options.list else _run, options)


def _list(_: argparse.Namespace) -> int:
    from tau3mu.console.terminal import PlainConsole, PlainTable
    from tau3mu.datasets import shipped_datasets
    from tau3mu.fit import shipped_fits
    from tau3mu.processors import SHIPPED

    table = PlainTable("Processor", "Columns that it reads", title="Processors", show_lines=True)
    for name, (_class, columns) in SHIPPED.items():
        table.add_row(name, ", ".join(sorted(columns)))
    console = PlainConsole()
    console.print(table)
    console.print("Fits:", ", ".join(shipped_fits()))
    console.print("Datasets:", ", ".join(shipped_datasets()))
    return 0


def _run(options: argparse.Namespace) -> int:
    if options.resume is not None:
        from tau3mu.run.resumed import resumed_options

        options = resumed_options(options)
    refuse_contradictions(options)
    set_defaults(options)
    datasets = _datasets(options)
    with first_import("tau3mu.run.analysis"):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

        from tau3mu.console.terminal import PlainConsole, description_column
        from tau3mu.run.analysis import CHUNK_SIZE, Settings, analyse, prepare
        from tau3mu.run.recorded_options import RunOptions

    options.chunk_size = options.chunk_size or CHUNK_SIZE
    settings = Settings(
        executor=options.executor,
        workers=options.workers or usable_cpus(),
        scheduler=options.scheduler,
        chunk_size=options.chunk_size,
        candidates=options.candidates,
        fit=options.fit,
        no_fit=options.no_fit,
        cluster=options.cluster,
        site=options.site,
        insecure=options.insecure,
        performance_report=options.performance_report,
        proxy=options.proxy,
        resume=options.resume is not None,
        skip_bad_files=options.skip_bad_files,
        allow_missing=options.allow_missing or 0.0,
        verify_checksum=options.verify_checksum,
        retry_policy=_retry_policy(options),
        options=RunOptions.of(vars(options)),
    )
    columns = (
        description_column(),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=PlainConsole(stderr=True)) as progress:
        checking = progress.add_task("Checking files", total=sum(len(d.files) for d in datasets))
        plan = prepare(
            datasets,
            options.processor,
            settings,
            folder=options.resume or options.output,
            on_file=lambda: progress.advance(checking),
        )
        if plan.done is not None:
            message = f"The run in {plan.folder} is complete already; nothing was left to do"
            progress.console.print(message, soft_wrap=True, highlight=False)
            return plan.done
        stages = _Stages(progress, plan)
        outcome = analyse(plan, on_result=stages.advance, on_stage=stages.begin)
        stages.finish()
    _report(PlainConsole(), outcome)
    return outcome.exit_code


def _retry_policy(options: argparse.Namespace) -> RetryPolicy:
    from tau3mu.execution import RetryPolicy

    default = RetryPolicy()
    return RetryPolicy(
        retries=default.retries if options.retries is None else options.retries,
        timeout=options.timeout or default.timeout,
    )


def _datasets(options: argparse.Namespace) -> list[Dataset]:
    from tau3mu.datasets import combine, dataset_from_files, limit_files, load_datasets

    groups = [[dataset_from_files(options.files)]] if options.files else []
    groups += [load_datasets(name, prefix=options.prefix) for name in options.dataset]
    datasets = combine(*groups)
    if options.layout:
        from tau3mu.ntuples.layout import own_layout

        chosen = own_layout(options.layout)
        datasets = [replace(dataset, layout=chosen) for dataset in datasets]
    return limit_files(datasets, options.max_files) if options.max_files else datasets


class _Stages:
    """Shows what is being done, and how many events have been read."""

    def __init__(self, progress: Progress, plan: Plan) -> None:
        self._progress = progress
        self._entries = plan.entries
        self._current: TaskID | None = None

    def begin(self, description: str) -> None:
        self.finish()
        self._current = self._progress.add_task(description, total=None)

    def finish(self) -> None:
        if self._current is not None and self._progress.tasks[-1].total is None:
            self._progress.update(self._current, total=1, completed=1)

    def advance(self, result: ChunkResult) -> None:
        if self._current is not None:
            entries = self._entries
            self._progress.update(self._current, total=entries, advance=result.entries)


def _report(console: Console, outcome: Outcome) -> None:
    from tau3mu.fit.output.report import print_fit
    from tau3mu.outputs import cutflow_table

    for name, found in outcome.result.processors.items():
        console.print(cutflow_table(found.cutflow, title=f"Cutflow of {name}"))
        for dataset, counters in found.counters.items():
            shown = ", ".join(f"{count} {number}" for count, number in counters.items() if number)
            if shown:
                console.print(f"{dataset}: {shown}", highlight=False)
    for fit in outcome.fits.values():
        print_fit(console, fit)
    for name, reason in outcome.not_fitted.items():
        print_error(f"the fit of {name} could not be made: {reason}")
    for warning in outcome.result.warnings:
        console.print(f"warning: {warning}", style="yellow", highlight=False)
    if outcome.result.resumed:
        console.print(
            f"{outcome.result.resumed} of {outcome.result.chunks} chunks had been done before",
            highlight=False,
        )
    _report_missing(outcome)
    if outcome.written:
        console.print(f"Results: {outcome.folder}", soft_wrap=True, highlight=False)


def _report_missing(outcome: Outcome) -> None:
    for file in outcome.missing[:_MAX_LINES]:
        events = "all" if file.expected is None else f"{file.expected} of {file.expected}"
        reasons = "; ".join(file.errors)
        print_error(f"{file.path} [{file.dataset}]: {events} events are missing: {reasons}")
    if len(outcome.missing) > _MAX_LINES:
        print_error(
            f"... and {len(outcome.missing) - _MAX_LINES} more files; all are in "
            f"{outcome.folder / 'run.json'}"
        )
    if outcome.missing and not outcome.written:
        print_error(
            f"there are no results, since {len(outcome.missing)} files cannot be read; what was "
            f"done is kept. Repair them and go on with --resume {outcome.folder}, or leave them "
            f"out with --resume {outcome.folder} --skip-bad-files"
        )


if __name__ == "__main__":
    sys.exit(main())
