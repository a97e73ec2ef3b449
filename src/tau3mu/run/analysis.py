"""A whole run: from datasets to a results folder.

`prepare` checks everything that can be checked and writes nothing; `analyse` does the work.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tau3mu.clusters.proxy.distribution import distribute
from tau3mu.errors import InputError, RunError
from tau3mu.execution import FileRead
from tau3mu.execution.checkpoints import remove_checkpoints
from tau3mu.ntuples.open_files import close_files
from tau3mu.results import ResultsFolder, run_log
from tau3mu.run.checked_files import write_plan
from tau3mu.run.completed import completed
from tau3mu.run.manifest import run_record
from tau3mu.run.preparation import CHUNK_SIZE, Plan, Settings, prepare
from tau3mu.storage.files import remove_staged, staged
from tau3mu.storage.lock import locked
from tau3mu.storage.names import PLAN

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from distributed import Client

    from tau3mu.execution import ChunkResult, RunResult
    from tau3mu.fit import FitModel, FitResult

__all__ = ["CHUNK_SIZE", "Outcome", "Plan", "Settings", "analyse", "prepare"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What a run came to, and where it lies.

    Attributes:
        folder: The results folder.
        result: What was found and read.
        missing: The files of which nothing is in the results.
        allowed: The fraction of all events that may be missing.
        fits: The fit results, by processor.
        not_fitted: Why a fit could not be made, by processor.
    """

    folder: Path
    result: RunResult
    missing: tuple[FileRead, ...] = ()
    allowed: float = 0.0
    fits: dict[str, FitResult] = field(default_factory=dict)
    not_fitted: dict[str, str] = field(default_factory=dict)

    @property
    def written(self) -> bool:
        """Whether there are results: not if files are bad that may not be left out."""
        return bool(self.result.processors)

    @property
    def missing_fraction(self) -> float | None:
        """The fraction of all events that are missing, None if nobody knows how many there are."""
        expected = [file.expected for file in self.missing]
        lost = sum(number for number in expected if number is not None)
        if None in expected:
            return None
        total = sum(file.read for file in self.result.files) + lost
        return lost / total if total else 0.0

    @property
    def exit_code(self) -> int:
        """2 if more events are missing than allowed, 1 if a fit is not valid, else 0."""
        if self.missing:
            fraction = self.missing_fraction
            if not self.written or fraction is None or fraction > self.allowed:
                return 2
        valid = not self.not_fitted and all(fit.valid for fit in self.fits.values())
        return 0 if valid else 1


def analyse(
    plan: Plan,
    *,
    on_result: Callable[[ChunkResult], None] = lambda _: None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Runs a plan and writes its results folder.

    If files cannot be read that may not be left out, everything else is processed and kept as
    checkpoints, and no results are written.

    Args:
        plan: What to do.
        on_result: Is called with the result of each chunk as it comes.
        on_stage: Is called with what is done next, in words.

    Raises:
        InputError: The run is complete already, no scheduler answers, or another run is in the
            folder; nothing was written.
        RunError: The run failed; the message says how to go on.
        KeyboardInterrupt: Somebody pressed Ctrl-C; the message says how to go on.
    """
    _refuse_complete(plan, plan.done)
    started = datetime.now(timezone.utc)
    with ExitStack() as stack:
        stack.callback(close_files)
        client = _connect(plan, stack, on_stage)
        watch = _watch(plan, client, stack)
        if plan.settings.resume:
            results = ResultsFolder(plan.folder)
        else:
            results = ResultsFolder.create(plan.folder, numbered=not plan.named)
        stack.enter_context(locked(results.path))
        if plan.settings.resume:  # another process may have been faster
            _refuse_complete(plan, completed(plan))
        else:
            ResultsFolder.check_free(results.path)
        stack.enter_context(run_log(results.log_file))
        try:
            return _work(plan, client, results, started, on_result, on_stage, watch)
        except RunError as error:
            message = f"{error}\n{_how_to_resume(results.path)}"
            raise RunError(message) from error
        except (SystemExit, GeneratorExit) as error:  # of a user's code, such as a pdf
            message = f"the run was ended by {type(error).__name__}({error})"
            msg = f"{message}\n{_how_to_resume(results.path)}"
            raise RunError(msg) from error
        except KeyboardInterrupt as error:
            message = f"interrupted; {_how_to_resume(results.path)}"
            raise KeyboardInterrupt(message) from error


def _refuse_complete(plan: Plan, done: int | None) -> None:
    if done is not None:
        message = f"the run in {plan.folder} is complete already: nothing is left to do"
        raise InputError(message)


def _work(
    plan: Plan,
    client: Client | None,
    results: ResultsFolder,
    started: datetime,
    on_result: Callable[[ChunkResult], None],
    on_stage: Callable[[str], None],
    watch: Callable[[], object],
) -> Outcome:
    log.info("%d events in %d files", plan.entries, len(plan.files))
    _remember(plan, results.path)
    on_stage("Reading events")
    remove_staged(results.path)
    result = _execute(plan, client, results, on_result, watch)
    missing = (*result.incomplete, *_unopened(plan))
    outcome = Outcome(results.path, result, missing, plan.settings.allow_missing)
    for file in missing:
        log.error("%s [%s] is left out: %s", file.path, file.dataset, "; ".join(file.errors))
    for warning in result.warnings:
        log.warning("%s", warning)
    for dataset, columns in result.triggers.items():
        for column, paths in columns.items():
            log.info("%s: %s takes %s", dataset, column, ", ".join(paths) or "no trigger")
    if missing:  # such files are looked at again when the run is resumed
        _remember(plan, results.path, without={(file.dataset, file.path) for file in missing})
    if not outcome.written:
        # Results of the run before stay, with the record of how they were made.
        if not any((results.path / processor.name).exists() for processor in plan.processors):
            results.write_run(run_record(plan, outcome, started, "incomplete"))
        return outcome
    on_stage("Writing results")
    with staged(results.path, replace=True) as aside:
        for name, found in result.processors.items():
            ResultsFolder(aside).write_processor(
                name,
                candidates=found.candidates,
                histograms=found.histograms,
                cutflow=found.cutflow,
                counters=found.counters,
                candidates_format=plan.settings.candidates,
            )
        results.write_run(run_record(plan, outcome, started, "writing"))
    if plan.models:
        _remove_fits(plan, results.path)
        results.write_run(run_record(plan, outcome, started, "fitting"))
    for name, model in plan.models.items():
        on_stage(f"Fitting {model.title}")
        try:
            outcome.fits[name] = _fit(model, results.path / name)
        except InputError as error:  # such as a histogram without entries
            log.error("%s: %s", name, error)  # noqa: TRY400 - a message for users
            outcome.not_fitted[name] = str(error)
    results.write_run(run_record(plan, outcome, started, "finished"))
    if not missing:
        remove_checkpoints(results.path)
        (results.path / PLAN).unlink(missing_ok=True)
    return outcome


def _remember(
    plan: Plan,
    folder: Path,
    without: Collection[tuple[str, str]] = (),
) -> None:
    write_plan(
        folder,
        options=plan.settings.options,
        processors=[processor.name for processor in plan.processors],
        datasets=[dataset.name for dataset in plan.datasets],
        columns=plan.columns,
        files=[file for file in plan.files if (file.dataset, file.path) not in without],
    )


def _unopened(plan: Plan) -> list[FileRead]:
    return [
        FileRead(file.dataset, file.path, expected=file.entries, read=0, errors=(file.reason,))
        for file in plan.failed
    ]


def _how_to_resume(folder: Path) -> str:
    return f"what was done is kept: go on with --resume {folder}"


def _watch(plan: Plan, client: Client | None, stack: ExitStack) -> Callable[[], object]:
    if plan.proxy is None:
        return lambda: None
    return stack.enter_context(
        distribute(client, plan.proxy, insecure=plan.settings.insecure)
    ).watch


def _connect(plan: Plan, stack: ExitStack, on_stage: Callable[[str], None]) -> Client | None:
    settings = plan.settings
    if settings.executor != "dask":
        return None
    from tau3mu.clusters import connect, performance_report

    where = settings.scheduler or settings.cluster
    local = f"Starting a local Dask cluster of {plan.workers} workers"
    on_stage(f"Connecting to {where}" if where else local)
    client: Client = stack.enter_context(
        connect(
            settings.scheduler,
            workers=None if where else plan.workers,
            cluster=settings.cluster,
            site=settings.site,
            insecure=settings.insecure,
            on_dashboard=lambda address: on_stage(f"Dashboard: {address}"),
        )
    )
    stack.enter_context(performance_report(client, settings.performance_report))
    return client


def _execute(
    plan: Plan,
    client: Client | None,
    results: ResultsFolder,
    on_result: Callable[[ChunkResult], None],
    watch: Callable[[], object],
) -> RunResult:
    from tau3mu.execution import execute
    from tau3mu.execution.pool import TaskError

    try:
        return execute(
            plan.chunks,
            plan.processors,
            executor=plan.settings.executor,
            workers=plan.workers,
            client=client,
            folder=results.path,
            resume=plan.settings.resume,
            skip_bad_files=plan.settings.skip_bad_files,
            retry_policy=plan.settings.retry_policy,
            expected=plan.expected,
            on_result=on_result,
            watch=watch,
        )
    except TaskError as error:
        log.error("%s", error.details)  # noqa: TRY400 - the traceback of the worker, as text
        message = f"{error}\nthe traceback is in {results.log_file}"
        raise RunError(message) from error


def _remove_fits(plan: Plan, folder: Path) -> None:
    """Removes the fits of the run that is resumed, which may be of fewer events."""
    from tau3mu.fit.output.saving import fit_files

    for name, model in plan.models.items():
        for file in fit_files(model):
            (folder / name / file).unlink(missing_ok=True)


def _fit(model: FitModel, folder: Path) -> FitResult:
    from tau3mu.fit import fit_and_save

    return fit_and_save(model, folder, folder)
