"""The data that a run derives: checked before the work, put together after it."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

from tau3mu.derived.finishing import RecordWriter, move_into_place, new_folder
from tau3mu.derived.jobs import check_requests, forget_parts, make_jobs
from tau3mu.derived.merging import grouped, merge
from tau3mu.derived.requests import parse_skims
from tau3mu.derived.slim import write_slim
from tau3mu.errors import RunError
from tau3mu.execution.chunk import no_events, selected
from tau3mu.execution.merge import file_of
from tau3mu.execution.tasks import run_tasks
from tau3mu.ntuples.layout import common_layout
from tau3mu.processing.needs import in_order, with_needed
from tau3mu.processing.survivors import Survivors
from tau3mu.results.manifest import DerivedVerdict
from tau3mu.run.generated import sums_in_files
from tau3mu.storage.names import DERIVED

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from distributed import Client

    from tau3mu.datasets import Chunk
    from tau3mu.derived.requests import SkimJob, SkimRequest
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
            events = no_events(next(one for one in chunks if one.is_read_by(owner)))
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
    known = plan.processors, plan.datasets, plan.files
    return make_jobs(plan.skims, *known, folder / DERIVED, sums_in_files(plan))


def finish_skims(
    plan: RunPlan,
    jobs: Sequence[SkimJob],
    result: RunResult,
    missing: Mapping[str, Sequence[str]],
    folder: Path,
    client: Client | None,
) -> dict[str, DerivedVerdict]:
    """Returns what was derived, by name, after it was put together and moved into place.

    Args:
        plan: That of the run.
        jobs: What the workers were told.
        result: What was found and read.
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
    by_name = {job.processor: job for job in jobs}
    verdicts = {}
    for processor in plan.processors:
        request = plan.skims.get(processor.name)
        if request is None or processor.name not in result.processors:  # it was set apart
            continue
        name = request.named(processor.name)
        aside = new_folder(derived, name)
        datasets = plan.read_by(processor)
        own = [chunk for chunk in chunks if chunk.is_read_by(processor.name)]
        writer = RecordWriter(aside, name, request, processor, datasets, plan.files, missing)
        if request.kind == "slim":
            found = result.processors[processor.name]
            try:
                write_slim(aside, request, processor, found.candidates, list(found.cutflow))
            except RunError as error:
                if error.code != "derived.too-large":
                    raise
                log.error("%s", error)  # noqa: TRY400 - a message for users
                shutil.rmtree(aside)
                verdicts[name] = DerivedVerdict(kind=request.kind, problem=str(error))
                continue
            writer.write_slim(found.cutflow)
        elif request.kind == "linked":
            writer.write_links(by_name[processor.name], own)
        else:
            merges = grouped(by_name[processor.name], own, aside)
            how: dict[str, Any] = {"workers": plan.workers, "client": client}
            writer.write_skim(run_tasks(merge, None, merges, **how), _layouts(own))
        place = move_into_place(aside, derived, name)
        if not missing and not result.set_apart:  # else somebody may go on
            forget_parts(derived, name)
        verdicts[name] = DerivedVerdict(
            kind=request.kind, folder=str(place.relative_to(folder)), events=writer.events
        )
        log.info("%s data %s: %d events in %s", request.kind, name, writer.events, place)
    return verdicts


def _layouts(chunks: Sequence[Chunk]) -> dict[str, str]:
    found: dict[str, list[str]] = {}
    for chunk in chunks:
        found.setdefault(chunk.dataset, []).append(chunk.layout)
    return {dataset: common_layout(references) for dataset, references in found.items()}
