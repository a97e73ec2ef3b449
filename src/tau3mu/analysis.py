"""A whole run: from datasets to a results folder.

`prepare` checks everything that can be checked and writes nothing; `analyse` does the work.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from tau3mu.catalogue import load_processors
from tau3mu.datasets import check_files, make_chunks
from tau3mu.errors import InputError, RunError
from tau3mu.execution import rehearse
from tau3mu.fit import load_model, shipped_fits
from tau3mu.fit.data.prepare import check_axis
from tau3mu.results import ResultsFolder, default_folder, provenance, run_log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import awkward as ak
    from distributed import Client

    from tau3mu.datasets import CheckedFile, Chunk, Dataset
    from tau3mu.execution import RunResult
    from tau3mu.fit import FitModel, FitResult
    from tau3mu.selection import Processor

__all__ = ["CHUNK_SIZE", "Outcome", "Plan", "Settings", "analyse", "prepare"]

log = logging.getLogger(__name__)

CHUNK_SIZE = 150_000
"""Default number of entries of a chunk: some 170 MB of the columns that `dsphipi` reads."""

Executor = Literal["iterative", "futures", "dask"]


@dataclass(frozen=True)
class Settings:
    """How to run: what the command line's options say."""

    executor: Executor = "iterative"
    workers: int = 1
    scheduler: str | None = None
    chunk_size: int = CHUNK_SIZE
    candidates: Literal["root", "parquet"] = "root"
    fit: str | None = None
    no_fit: bool = False


@dataclass(frozen=True)
class Plan:
    """What is going to be done, checked as far as that is possible beforehand."""

    folder: Path
    settings: Settings
    processors: list[Processor]
    datasets: list[Dataset]
    files: list[CheckedFile]
    chunks: list[Chunk]
    models: dict[str, FitModel]

    @property
    def entries(self) -> int:
        """The number of events to read."""
        return sum(file.entries for file in self.files)


@dataclass(frozen=True)
class Outcome:
    """What a run came to, and where it lies."""

    folder: Path
    result: RunResult
    fits: dict[str, FitResult] = field(default_factory=dict)
    not_fitted: dict[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 if all events were read and all fits are valid, 2 if events are missing, else 1."""
        if self.result.incomplete:
            return 2
        valid = not self.not_fitted and all(fit.valid for fit in self.fits.values())
        return 0 if valid else 1


def prepare(
    datasets: Sequence[Dataset],
    processors: Sequence[str],
    settings: Settings,
    *,
    folder: Path | None = None,
    on_file: Callable[[], object] | None = None,
) -> Plan:
    """Returns the plan of a run after a check of the processors, the fits and every file.

    Args:
        datasets: What to read.
        processors: Names of shipped processors, or `path/to/file.py:Class`.
        settings: How to run.
        folder: The results folder, new or empty; by default one named after time and processors.
        on_file: Is called after each file that has been checked.

    Raises:
        InputError: Something is wrong with the processors, the fit or the files, or the folder
            is in use.
    """
    loaded = load_processors(processors)
    folder = folder or default_folder(processor.name for processor in loaded)
    ResultsFolder.check_free(folder)
    models = {} if settings.no_fit else _models(loaded, settings.fit)
    columns = frozenset().union(*(processor.columns for processor in loaded))
    files = check_files(datasets, columns, on_file=on_file)
    chunks = make_chunks(files, datasets, settings.chunk_size)
    rehearse(chunks[0], loaded)
    return Plan(folder, settings, loaded, list(datasets), files, chunks, models)


def analyse(
    plan: Plan,
    *,
    on_record: Callable[[ak.Array], None] = lambda _: None,
    on_stage: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Runs a plan and writes its results folder.

    Args:
        plan: What to do.
        on_record: Is called with the record of each chunk as it comes.
        on_stage: Is called with what is done next, in words.

    Raises:
        InputError: No scheduler answers; nothing has been written.
        RunError: The run failed.
    """
    started = datetime.now(timezone.utc)
    with ExitStack() as stack:
        client = _connect(plan.settings, stack, on_stage)
        results = ResultsFolder.create(plan.folder)
        stack.enter_context(run_log(results.log_file))
        log.info("%d events in %d files", plan.entries, len(plan.files))
        on_stage("Reading events")
        result = _execute(plan, client, results, on_record)
        on_stage("Writing results")
        for name, found in result.processors.items():
            results.write_processor(
                name,
                candidates=found.candidates,
                histograms=found.histograms,
                cutflow=found.cutflow,
                matching=found.counts,
                candidates_format=plan.settings.candidates,
            )
        results.write_run(_record(plan, result, started))
        outcome = Outcome(results.path, result)
        for name, model in plan.models.items():
            on_stage(f"Fitting {model.title}")
            try:
                outcome.fits[name] = _fit(model, results.path / name)
            except InputError as error:  # such as a histogram without entries
                log.error("%s: %s", name, error)  # noqa: TRY400 - a message for users
                outcome.not_fitted[name] = str(error)
        results.write_run(_record(plan, result, started, outcome))
    return outcome


def _models(processors: Sequence[Processor], fit: str | None) -> dict[str, FitModel]:
    """Returns the fit of each processor: the one asked for, or the shipped one of its name."""
    models = {}
    for processor in processors:
        if fit is None and processor.name not in shipped_fits():
            continue
        model = load_model(fit or processor.name)
        if _fits(processor, model, required=fit is not None):
            models[processor.name] = model
    return models


def _fits(processor: Processor, model: FitModel, *, required: bool) -> bool:
    """Returns whether a processor fills what a model fits, in bins that the model can take."""
    histograms = processor.histograms()
    for part in model.parts.values():
        asked = part.input.histogram if part.input else part.observable.name
        if asked is None:  # single entries, of the candidates
            continue
        if asked in histograms:
            check_axis(histograms[asked].axes[-1], part, f"fit {model.name}")
        elif not required:
            return False
        else:
            message = (
                f"fit {model.name} is of histogram {asked!r}, which processor {processor.name} "
                f"does not fill; it has {', '.join(histograms)}"
            )
            raise InputError(message)
    return True


def _connect(
    settings: Settings, stack: ExitStack, on_stage: Callable[[str], None]
) -> Client | None:
    if settings.executor != "dask":
        return None
    from tau3mu.execution import connect

    where = settings.scheduler or f"a local Dask cluster of {settings.workers} workers"
    on_stage(f"Connecting to {where}" if settings.scheduler else f"Starting {where}")
    client: Client = stack.enter_context(connect(settings.scheduler, workers=settings.workers))
    return client


def _execute(
    plan: Plan,
    client: Client | None,
    results: ResultsFolder,
    on_record: Callable[[ak.Array], None],
) -> RunResult:
    from tau3mu.execution import ProcessorError, execute

    try:
        result = execute(
            plan.chunks,
            plan.processors,
            executor=plan.settings.executor,
            workers=plan.settings.workers,
            client=client,
            on_record=on_record,
        )
    except ProcessorError as error:
        log.error("%s", error.details)  # noqa: TRY400 - the traceback of the worker, as text
        message = f"{error}\nthe traceback is in {results.log_file}"
        raise RunError(message) from error
    for missing in result.incomplete:
        log.error("%s: %s", missing.path, "; ".join(missing.errors))
    return result


def _fit(model: FitModel, folder: Path) -> FitResult:
    from tau3mu.fit.commands.fit import fit_and_save
    from tau3mu.fit.data.prepare import sources

    return fit_and_save(model, sources(model, str(folder)), folder)


def _record(
    plan: Plan, result: RunResult, started: datetime, outcome: Outcome | None = None
) -> dict[str, Any]:
    """Returns what `run.json` holds."""
    read = {(file.dataset, file.path): file for file in result.files}
    inputs = []
    for file in plan.files:
        done = read.get((file.dataset, file.path))
        inputs.append(
            {
                "dataset": file.dataset,
                "path": file.path,
                "tree": file.tree,
                "layout": file.layout,
                "uuid": file.uuid,
                "entries": file.entries,
                "read": done.read if done else 0,
                "errors": list(done.errors) if done else [],
            }
        )
    return {
        "status": "finished" if outcome or not plan.models else "fitting",
        "complete": not result.incomplete,
        "configuration": {
            "executor": plan.settings.executor,
            "workers": 1 if plan.settings.executor == "iterative" else plan.settings.workers,
            "scheduler": plan.settings.scheduler,
            "chunk_size": plan.settings.chunk_size,
            "candidates": plan.settings.candidates,
            "processors": {
                processor.name: {
                    "class": f"{type(processor).__module__}.{type(processor).__qualname__}",
                    "columns": sorted(processor.columns),
                    **processor.configuration,
                }
                for processor in plan.processors
            },
            "fits": {name: model.name for name, model in plan.models.items()},
        },
        "datasets": {
            dataset.name: {"era": dataset.era, "is_mc": dataset.is_mc, "lumi": dataset.lumi}
            for dataset in plan.datasets
        },
        "inputs": inputs,
        "fits": _validity(outcome) if outcome else {},
        **provenance(started=started),
    }


def _validity(outcome: Outcome) -> dict[str, dict[str, Any]]:
    fitted = {
        name: {"valid": fit.valid, "messages": list(fit.messages)}
        for name, fit in outcome.fits.items()
    }
    failed = {
        name: {"valid": False, "messages": [text]} for name, text in outcome.not_fitted.items()
    }
    return fitted | failed
