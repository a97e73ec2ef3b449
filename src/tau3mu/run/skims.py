"""The data that a run derives: checked before the work, put together after it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from tau3mu.derived.finishing import (
    move_into_place,
    new_folder,
    parents_of,
    write_records,
)
from tau3mu.derived.jobs import check_requests, forget_parts, make_jobs
from tau3mu.derived.merging import grouped, merge
from tau3mu.derived.requests import SkimRequest, parse_skims
from tau3mu.execution.chunk import no_events, selected
from tau3mu.execution.merge import file_of
from tau3mu.execution.tasks import run_tasks
from tau3mu.processing.needs import in_order, with_needed
from tau3mu.processing.survivors import Survivors
from tau3mu.storage.names import DERIVED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from distributed import Client

    from tau3mu.datasets import Chunk
    from tau3mu.derived.requests import SkimJob
    from tau3mu.execution import RunResult
    from tau3mu.outputs import Selection
    from tau3mu.processing import Processor
    from tau3mu.run.plan import RunPlan

__all__ = ["checked_requests", "finish_skims", "skim_jobs"]

log = logging.getLogger(__name__)


def checked_requests(
    options: Sequence[str],
    requests: Mapping[str, SkimRequest] | None,
    processors: Sequence[Processor],
    chunks: Sequence[Chunk],
    sound: Collection[str],
) -> dict[str, SkimRequest]:
    """Returns what is to be derived, by processor, after a dry run up to each step.

    Args:
        options: The values of `--skim`.
        requests: Further requests, by processor.
        processors: Those of the run.
        chunks: Those of the run.
        sound: The names of the processors that have not failed already.

    Raises:
        InputError: A request cannot be met: the message says why.
    """
    every = {**parse_skims(options, processors), **(requests or {})}
    columns = frozenset[str]().union(*(processor.columns for processor in processors))
    check_requests(every, processors, columns)
    for owner, request in every.items():
        if request.kind != "slim" and owner in sound:
            events = no_events(chunks[0])
            found: dict[str, Selection] = {}
            for one in in_order(with_needed(processors, [owner])):
                survivors = Survivors(request.at) if one.name == owner else None
                found[one.name] = selected(one, events, None, found, survivors)
    return every


def skim_jobs(plan: RunPlan, folder: Path) -> list[SkimJob]:
    """Returns what the workers write, after making the folders for it.

    Args:
        plan: That of the run.
        folder: The results folder.

    Raises:
        RunError: A folder cannot be made.
    """
    return make_jobs(plan.skims, plan.processors, plan.files, folder / DERIVED)


def finish_skims(
    plan: RunPlan,
    jobs: Sequence[SkimJob],
    result: RunResult,
    missing: Mapping[str, Sequence[str]],
    folder: Path,
    client: Client | None,
) -> None:
    """Puts together what the workers wrote, and moves it into place.

    Args:
        plan: That of the run.
        jobs: What the workers were told.
        result: What was read.
        missing: The files of each dataset of which events are missing.
        folder: The results folder.
        client: Of the Dask cluster, if there is one.

    Raises:
        RunError: A file cannot be written; nothing is in its place, and the parts are kept.
    """
    derived = folder / DERIVED
    failed = {(file.dataset, file.path) for file in result.incomplete}
    chunks = sorted(
        (chunk for chunk in plan.chunks if file_of(chunk)[:2] not in failed),
        key=lambda chunk: (*file_of(chunk), chunk.start),
    )
    by_name = {processor.name: processor for processor in plan.processors}
    for job in jobs:
        if job.processor not in result.processors:  # it was set apart
            continue
        request = plan.skims[job.processor]
        aside = new_folder(derived, job.name)
        how: dict[str, Any] = {"workers": plan.workers, "client": client}
        merged = run_tasks(merge, None, grouped(job, chunks, aside), **how)
        write_records(
            aside,
            job.name,
            request,
            by_name[job.processor],
            merged,
            plan.datasets,
            parents_of(plan.datasets, plan.files),
            missing,
            {chunk.dataset: chunk.layout for chunk in chunks},
        )
        place = move_into_place(aside, derived, job.name)
        size = sum(one.size for one in merged) / 1e6
        events = sum(one.entries for one in merged)
        log.info("skim %s: %d events, %.1f MB in %s", job.name, events, size, place)
        if not missing:
            forget_parts(derived, job.name)
