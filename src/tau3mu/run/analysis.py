"""The work of a run: from its plan to a results folder."""

from __future__ import annotations

import importlib
import logging
import os
import shutil
import sys
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Final

from tau3mu.clusters.proxy.distribution import distribute
from tau3mu.console.cli import first_import
from tau3mu.datasets import certifications_of
from tau3mu.datasets.found_before import forget_files
from tau3mu.derived.reading import parent_rows, with_parent_rows
from tau3mu.errors import InputError, RunError
from tau3mu.execution import FileRead, RetryPolicy
from tau3mu.execution.checkpoints import remove_checkpoints
from tau3mu.execution.chunk import restricted
from tau3mu.execution.set_apart import log_group
from tau3mu.plotting.artist import NO_PLOTS, Artist
from tau3mu.plotting.pictures import PLOTS, pictures_of, stability_picture
from tau3mu.plotting.stability import has_stability
from tau3mu.results import ResultsFolder, run_log
from tau3mu.results.log import log_command
from tau3mu.results.manifest import write_manifest
from tau3mu.run.account import exit_code, manifest_of
from tau3mu.run.checked_files import write_checked_files
from tau3mu.run.freezing import freeze
from tau3mu.run.generated import unweighted
from tau3mu.run.luminosity import sections_read, with_luminosities, write_sections
from tau3mu.run.preparation import completed
from tau3mu.run.skims import finish_skims, skim_jobs
from tau3mu.run.stored import Run
from tau3mu.storage.files import json_text, remove_staged, staged, write_text
from tau3mu.storage.lock import locked
from tau3mu.storage.names import CHECKED_FILES, YIELDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from pathlib import Path

    from distributed import Client

    from tau3mu.clusters.connection import Starting
    from tau3mu.derived.requests import SkimJob
    from tau3mu.execution import ChunkResult, RunResult
    from tau3mu.fit import FitResult
    from tau3mu.results.manifest import DerivedVerdict
    from tau3mu.run.plan import RunPlan

__all__ = ["analyse"]

log = logging.getLogger(__name__)

_BACKEND: Final = "tau3mu.fit.backend"
_PATIENCE, _PART = 120.0, 0.1  # seconds, and of the time of a run, that its end waits for pictures


def analyse(
    plan: RunPlan,
    *,
    on_result: Callable[[ChunkResult], None] = lambda _: None,
    on_stage: Callable[[str], object] = lambda _: None,
    starting: Starting | None = None,
) -> Run:
    """Returns the results of a plan, after writing its results folder.

    If files cannot be read that may not be skipped, everything else is processed and kept as
    checkpoints, and there are no results.

    Args:
        plan: What to do; its files are closed at the end.
        on_result: Is called with the result of each chunk as it comes.
        on_stage: Is called with what is done next, in words.
        starting: The cluster of the run, if it is being started already.

    Raises:
        InputError: The run is complete already, no scheduler answers, or another run is in the
            folder; nothing was written.
        RunError: The run failed; the message says how to go on.
        KeyboardInterrupt: Somebody pressed Ctrl-C; the message says how to go on.
    """
    started = datetime.now(timezone.utc)
    with ExitStack() as stack:
        stack.callback(plan.close)
        _refuse_complete(plan, plan.done)
        of_cluster = stack.enter_context(ExitStack())
        client = _connect(plan, of_cluster, on_stage, starting)
        watch = _watch(plan, client, of_cluster)
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
        how = f"what was done is kept: go on with --resume {results.path}"
        try:
            log.info("%d events in %d files", plan.entries, len(plan.files))
            for name, groups in plan.set_apart.items():
                for group in groups:
                    log_group(name, group)
            _remember(plan, results.path)
            freeze(plan, results.path)
            artist = None if _without_pictures(plan) else stack.enter_context(closing(Artist()))
            on_stage("Reading events")
            remove_staged(results.path)
            jobs = skim_jobs(plan, results.path)
            result = _with_parents(plan, _execute(plan, client, results, on_result, watch, jobs))
            result = with_luminosities(plan, result)
            result = replace(result, warnings=(*result.warnings, *unweighted(plan)))
            if not plan.skims:
                of_cluster.close()
                if starting is not None:
                    starting.start.end_soon()
            return _write(plan, result, results, started, on_stage, jobs, client, artist)
        except RunError as error:
            message = f"{error}\n{how}"
            raise RunError(message, code=error.code, path=error.path) from error
        except (SystemExit, GeneratorExit) as error:  # of a user's code, such as a pdf
            message = f"the run was ended by {type(error).__name__}({error})\n{how}"
            raise RunError(message, code="run.ended-by-user-code") from error
        except KeyboardInterrupt as error:
            message = f"interrupted; {how}"
            raise KeyboardInterrupt(message) from error


def _refuse_complete(plan: RunPlan, done: object) -> None:
    if done is not None:
        message = f"the run in {plan.folder} is complete already: nothing is left to do"
        raise InputError(message, code="run.complete", path=plan.folder)


def _write(
    plan: RunPlan,
    result: RunResult,
    results: ResultsFolder,
    started: datetime,
    on_stage: Callable[[str], object],
    jobs: Sequence[SkimJob],
    client: Client | None,
    artist: Artist | None,
) -> Run:
    """Returns the run, after writing what was found and fitting it."""
    folder = results.path
    none_left = all(one.name in result.set_apart for one in plan.working)
    missing = () if none_left else (*result.incomplete, *_unopened(plan))
    _log(result, missing)
    if missing:  # such files are looked at again when the run is resumed
        _remember(plan, folder, without={(file.dataset, file.path) for file in missing})
        forget_files(file.path for file in missing)
    describe = partial(manifest_of, plan, result, missing, started=started, folder=folder)
    if not result.processors:
        code = 1 if none_left else 2
        manifest = describe("incomplete", exit_code=code)
        # Results of the run before stay, with the record of how they were made.
        if not any((folder / processor.name).exists() for processor in plan.processors):
            write_manifest(folder, manifest)
        return Run(folder, manifest)
    derived: dict[str, DerivedVerdict] = {}
    if plan.skims:
        on_stage("Writing derived data")
        failed_files: dict[str, list[str]] = {}
        for file in missing:
            failed_files.setdefault(file.dataset, []).append(file.path)
        derived = finish_skims(plan, jobs, result, failed_files, folder, client)
        describe = partial(describe, derived=derived)
    on_stage("Writing results")
    write_sections(folder, sections_read(plan, result))
    with staged(folder, replace=True) as aside:
        for name, found in result.processors.items():
            ResultsFolder(aside).write_processor(
                name,
                candidates=found.candidates,
                histograms=found.histograms,
                cutflow=found.cutflow,
                counters=found.counters,
                candidates_format=plan.settings.candidates,
                runs=found.runs,
            )
        write_manifest(folder, describe("writing"))
    for name in (*plan.set_apart, *result.set_apart):  # of the run that is resumed
        shutil.rmtree(folder / name, ignore_errors=True)
    _begin_pictures(result, folder, artist)
    manifest = describe("fitting")
    for name in result.processors:  # of the run that is resumed, which may be of fewer events
        (folder / name / YIELDS).unlink(missing_ok=True)
    if plan.models:
        _remove_fits(plan, folder)
        write_manifest(folder, manifest)
    unfitted = Run(folder, manifest, found=result.processors)
    fits, failed = _fit_all(plan, unfitted, on_stage)
    fitted = Run(folder, manifest, found=result.processors, fits=fits)
    _write_yields(fitted, artist)
    if artist is not None:
        on_stage("Drawing")
        result = _finish_pictures(result, artist, started)
        describe = partial(
            manifest_of, plan, result, missing, started=started, folder=folder, derived=derived
        )
    sound = not failed and not any(one.problem for one in derived.values())
    code = exit_code(plan, result, missing, valid=sound and all(f.valid for f in fits.values()))
    manifest = describe("finished", exit_code=code, fits=fits, failed=failed)
    write_manifest(folder, manifest)
    if not missing and not manifest.set_apart:
        remove_checkpoints(folder)
        (folder / CHECKED_FILES).unlink(missing_ok=True)
    log_command(["python", "-m", "tau3mu.train", "reproduce", str(folder.absolute())])
    fitted.manifest = manifest
    return fitted


def _without_pictures(plan: RunPlan) -> bool:
    return plan.settings.no_plots or bool(os.environ.get(NO_PLOTS))


def _begin_pictures(result: RunResult, folder: Path, artist: Artist | None) -> None:
    """Has the pictures of the results drawn, without those of the run that is resumed."""
    for name in result.processors:
        shutil.rmtree(folder / name / PLOTS, ignore_errors=True)
    if artist is not None:
        found = {name: one.histograms for name, one in result.processors.items()}
        artist.draw(folder, pictures_of(found))


def _write_yields(run: Run, artist: Artist | None) -> None:
    """Writes the yields of all processors, and has the stability plots drawn."""
    for name, results in run.items():
        content = results.yields.to_dict()
        write_text(results.folder / YIELDS, json_text(content))
        if artist is not None and has_stability(content):
            artist.draw(run.folder, [stability_picture(name)])


def _finish_pictures(result: RunResult, artist: Artist, started: datetime) -> RunResult:
    """Returns a result that warns of pictures that could not be drawn."""
    taken = (datetime.now(timezone.utc) - started).total_seconds()
    problems = artist.finish(max(_PATIENCE, _PART * taken))
    for problem in problems:
        log.warning("%s", problem)
    return replace(result, warnings=(*result.warnings, *problems))


def _log(result: RunResult, missing: Collection[FileRead]) -> None:
    for file in missing:
        log.error("%s [%s] has failed: %s", file.path, file.dataset, "; ".join(file.errors))
    for warning in result.warnings:
        log.warning("%s", warning)
    for dataset, columns in result.triggers.items():
        for column, paths in columns.items():
            log.info("%s: %s takes %s", dataset, column, ", ".join(paths) or "no trigger")


def _remember(plan: RunPlan, folder: Path, without: Collection[tuple[str, str]] = ()) -> None:
    write_checked_files(
        folder,
        options=plan.options,
        processors=[processor.name for processor in plan.processors],
        datasets=[dataset.name for dataset in plan.datasets],
        columns=plan.columns,
        files=[file for file in plan.files if (file.dataset, file.path) not in without],
    )


def _unopened(plan: RunPlan) -> list[FileRead]:
    return [
        FileRead(
            file.dataset,
            file.path,
            expected=plan.view_entries(file),
            read=0,
            errors=(file.reason,),
        )
        for file in plan.failed
    ]


def _watch(plan: RunPlan, client: Client | None, stack: ExitStack) -> Callable[[], object]:
    if plan.proxy is None:
        return lambda: None
    insecure = plan.settings.insecure
    return stack.enter_context(distribute(client, plan.proxy, insecure=insecure)).watch


def _connect(
    plan: RunPlan,
    stack: ExitStack,
    on_stage: Callable[[str], object],
    starting: Starting | None,
) -> Client | None:
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
            starting=starting,
            on_dashboard=lambda address: on_stage(f"Dashboard: {address}"),
        )
    )
    stack.enter_context(performance_report(client, settings.performance_report))
    return client


def _execute(
    plan: RunPlan,
    client: Client | None,
    results: ResultsFolder,
    on_result: Callable[[ChunkResult], None],
    watch: Callable[[], object],
    skims: Sequence[SkimJob],
) -> RunResult:
    from tau3mu.execution import execute
    from tau3mu.execution.pool import TaskError

    settings = plan.settings
    try:
        return execute(
            [restricted(chunk, plan.working) for chunk in plan.chunks]
            if plan.set_apart
            else plan.chunks,
            plan.working,
            certifications=certifications_of(plan.datasets),
            executor=settings.executor,
            workers=plan.workers,
            client=client,
            folder=results.path,
            resume=settings.resume is not None,
            skip_bad_files=settings.skip_bad_files,
            isolate=plan.isolate,
            retry_policy=RetryPolicy(retries=settings.retries, timeout=settings.timeout),
            expected=plan.expected,
            skims=skims,
            together=settings.chunk_size,
            on_result=on_result,
            watch=watch,
        )
    except TaskError as error:
        log.error("%s", error.details)  # noqa: TRY400 - the traceback of the worker, as text
        message = f"{error}\nthe traceback is in {results.log_file}"
        raise RunError(message, code=error.code, path=error.path) from error


def _with_parents(plan: RunPlan, result: RunResult) -> RunResult:
    """Returns a result whose cutflows begin with the rows of the parents of derived data."""
    incomplete = {(file.dataset, file.path) for file in result.incomplete}
    read = [f for f in plan.files if (f.dataset, f.path) not in incomplete]
    rows = parent_rows(read, plan.datasets)
    processors = {
        name: replace(found, cutflow=with_parent_rows(found.cutflow, rows))
        for name, found in result.processors.items()
    }
    return replace(result, processors=processors, warnings=(*plan.warnings, *result.warnings))


def _remove_fits(plan: RunPlan, folder: Path) -> None:
    """Removes the fits of the run that is resumed, which may be of fewer events."""
    from tau3mu.fit.output.saving import fit_files

    for name, model in plan.models.items():
        for file in fit_files(model):
            (folder / name / file).unlink(missing_ok=True)


def _fit_all(
    plan: RunPlan, run: Run, on_stage: Callable[[str], object]
) -> tuple[dict[str, FitResult], dict[str, str]]:
    """Returns the fits by processor, and why others could not be made."""
    fits, failed = {}, {}
    for name, model in plan.models.items():
        if name not in run:  # its processor is set apart
            continue
        from tau3mu.fit import fit_and_save

        if model.method.engine == "zfit" and _BACKEND not in sys.modules:
            on_stage("Loading zfit")
            with first_import(_BACKEND):
                importlib.import_module(_BACKEND)
        on_stage(f"Fitting {model.title}")
        try:
            fits[name] = fit_and_save(model, run[name], run[name].folder)
        except InputError as error:  # such as a histogram without entries
            log.error("%s: %s", name, error)  # noqa: TRY400 - a message for users
            failed[name] = str(error)
    return fits, failed
