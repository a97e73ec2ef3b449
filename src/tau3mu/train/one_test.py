"""One test: from a plan and the folder of the test to its metrics and its state."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from tau3mu.datasets import certifications_of
from tau3mu.derived.jobs import make_jobs
from tau3mu.errors import Tau3muError
from tau3mu.redaction import redact
from tau3mu.results.provenance import provenance
from tau3mu.run.generated import sums_in_files
from tau3mu.storage.files import json_text, make_folder, write_text
from tau3mu.train.evaluation import Whole, evaluate
from tau3mu.train.measuring import measure
from tau3mu.train.metrics import ErrorOfUser, Metrics, write_metrics
from tau3mu.train.performance import plot_performance
from tau3mu.train.sampling import sample_chunks
from tau3mu.train.states import State, alive, set_state
from tau3mu.train.verdict import judge

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tau3mu.run.plan import RunPlan
    from tau3mu.train.limits import Limits
    from tau3mu.train.measuring import Watched

__all__ = ["fail_test", "run_test"]

ENVIRONMENT: Final = "env.json"
_DERIVED: Final = ".derived"
_FEWEST: Final = 100
_PER_SECOND: Final = 100
"""More chunks cannot be done; a large dataset has millions."""
_VARIABLES: Final = (
    *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "MALLOC_ARENA_MAX"),
    *("PYTHONPATH", "PYTHONHASHSEED", "VIRTUAL_ENV", "CONDA_PREFIX", "LD_PRELOAD"),
    *("X509_USER_PROXY", "TAU3MU_STORE", "TAU3MU_SITE"),
)
"""What a result or its cost may depend on. Nothing else of the environment is kept."""


def run_test(
    folder: Path,
    name: str,
    plan: RunPlan,
    *,
    limits: Limits,
    time_limit: float,
    check: float = 0.0,
    parts: Mapping[str, str] | None = None,
    changed: tuple[str, ...] = (),
    on_sample: Callable[[], object] = lambda: None,
) -> Metrics:
    """Returns what a test measured, after writing its files and its state.

    Args:
        folder: Of the test, which exists.
        name: Of the wagon or the train.
        plan: The run of the whole dataset; the test reads the beginning of its files.
        limits: Those of the wagon.
        time_limit: Seconds, after which no further chunk is begun.
        check: CPU seconds of the check of the files of the plan.
        parts: Hashes of what the result depends on.
        changed: Which of them differ from the test before.
        on_sample: Is called several times a second.

    Raises:
        InputError: Something in a processor cannot be sent to another process.
        RunError: The process cannot be started, or the disk is full.
        KeyboardInterrupt: Somebody pressed Ctrl-C; the state is KILLED.
    """
    started = datetime.now(timezone.utc)
    known: dict[str, Any] = {
        "wagon": name,
        "processors": tuple(processor.name for processor in plan.processors),
        "parts": dict(parts or {}),
        "changed": changed,
        "started": started.isoformat(timespec="seconds"),
        "host": platform.node(),
        "time_limit": time_limit,
    }
    set_state(folder, State.RUNNING)
    _write_environment(folder, started)
    derived = folder / _DERIVED
    try:
        with alive(folder):
            watched = measure(
                folder,
                sample_chunks(plan.chunks, most=_FEWEST + int(_PER_SECOND * time_limit)),
                max(plan.chunks, key=lambda chunk: chunk.entries),
                plan.working,
                plan.expected,
                make_jobs(
                    plan.skims,
                    plan.processors,
                    plan.datasets,
                    plan.files,
                    derived,
                    sums_in_files(plan),
                )
                if plan.skims
                else (),
                seconds=time_limit,
                limits=limits,
                candidates=plan.settings.candidates,
                certifications=certifications_of(plan.datasets),
                on_sample=on_sample,
            )
    except KeyboardInterrupt:
        set_state(folder, State.KILLED, "interrupted")
        raise
    except Tau3muError as error:
        set_state(folder, State.FAILED, str(error).splitlines()[0])
        raise
    finally:
        shutil.rmtree(derived, ignore_errors=True)
    slim = {name: one.max_mb for name, one in plan.skims.items() if one.kind == "slim"}
    found = evaluate(watched, Whole(plan.chunks, check)) | {"slim_mb": slim}
    found["errors"] = (*_errors_before(plan), *found["errors"])
    metrics = Metrics(**known, **found)
    metrics = judge(metrics, limits, skip_bad_files=plan.settings.skip_bad_files)
    _write_manifest(folder, plan, watched, started)
    write_metrics(folder, metrics)
    plot_performance(metrics, folder)
    set_state(folder, metrics.state, metrics.reason)
    return metrics


def fail_test(
    folder: Path,
    name: str,
    error: Tau3muError,
    *,
    limits: Limits,
    time_limit: float,
    parts: Mapping[str, str] | None = None,
    changed: tuple[str, ...] = (),
) -> Metrics:
    """Returns the metrics of a test that failed before it could run, after writing its files.

    Args:
        folder: Of the test, which exists.
        name: Of the wagon or the train.
        error: Why it cannot run.
        limits: Those of the wagon.
        time_limit: Seconds.
        parts: Hashes of what the result depends on.
        changed: Which of them differ from the test before.
    """
    started = datetime.now(timezone.utc)
    failure = ErrorOfUser(wagon=name, kind=error.code, place=error.path, message=str(error))
    metrics = Metrics(
        wagon=name,
        processors=(name,),
        parts=dict(parts or {}),
        changed=changed,
        started=started.isoformat(timespec="seconds"),
        host=platform.node(),
        time_limit=time_limit,
        errors=(failure,),
    )
    metrics = judge(metrics, limits)
    _write_environment(folder, started)
    write_text(folder / "stdout.log", "")
    write_text(folder / "stderr.log", f"{error}\n{error.details}\n")
    write_metrics(folder, metrics)
    set_state(folder, metrics.state, metrics.reason)
    return metrics


def _errors_before(plan: RunPlan) -> list[ErrorOfUser]:
    """Returns the errors of processors that failed already without events."""
    return [
        ErrorOfUser(
            wagon=name, kind=group.kind, place=group.place, message=group.message,
            example=group.example,
        )
        for name, groups in plan.set_apart.items()
        for group in groups
    ]  # fmt: skip


def _write_environment(folder: Path, started: datetime) -> None:
    found = provenance(started=started)
    found["environment"] = {
        name: redact(os.environ[name]) for name in _VARIABLES if name in os.environ
    }
    found["executable"] = sys.executable
    write_text(folder / ENVIRONMENT, json_text(found))


def _write_manifest(folder: Path, plan: RunPlan, watched: Watched, started: datetime) -> None:
    """Makes `results` a results folder: that of a run over the events that were read."""
    from tau3mu.execution import FileRead, RunResult
    from tau3mu.execution.timing import Timing
    from tau3mu.results.manifest import write_manifest
    from tau3mu.run.account import manifest_of

    results = folder / "results"
    if not (found := watched.of("results")):
        return
    make_folder(results)
    read: dict[tuple[str, str], int] = {}
    for line in watched.of("chunk"):
        key = line["dataset"], line["path"]
        read[key] = read.get(key, 0) + line["entries"]
    files = [
        replace(file, entries=read[file.dataset, file.path])
        for file in plan.files
        if (file.dataset, file.path) in read
    ]
    datasets = []
    for dataset in plan.datasets:
        own = [file for file in plan.files if file.dataset == dataset.name]
        part = sum(read.get((dataset.name, file.path), 0) for file in own)
        total = sum(file.entries for file in own)
        lumi = None if dataset.lumi is None or not total else dataset.lumi * part / total
        datasets.append(replace(dataset, lumi=lumi))
    result = RunResult(
        {},
        tuple(FileRead(f.dataset, f.path, expected=f.entries, read=f.entries) for f in files),
        chunks=len(watched.of("chunk")),
        attempts=len(watched.of("chunk")),
        warnings=tuple(found[0]["warnings"]),
        triggers=found[0]["triggers"],
        timing=sum((Timing(**line["parts"]) for line in watched.of("chunk")), Timing()),
        bytes=sum(line["bytes"] for line in watched.of("chunk")),
    )
    short = replace(plan, files=files, datasets=datasets, options=None, models={})
    manifest = manifest_of(short, result, (), "finished", started, folder=results, exit_code=0)
    write_manifest(results, manifest)
