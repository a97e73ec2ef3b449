"""`plan.json`: what a run is about and what its files hold, so that resuming need not open them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from tau3mu.datasets import CheckedFile
from tau3mu.errors import InputError
from tau3mu.results.files import write_text
from tau3mu.results.names import LOCK, LOG, PLAN, RUN
from tau3mu.results.options import RunOptions
from tau3mu.results.run_file import read_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = ["Remembered", "read_plan", "recorded_options", "write_plan"]

log = logging.getLogger(__name__)

_TRACES = {LOCK, LOG, RUN}

Remembered = dict[tuple[str, str], "CheckedFile"]
"""Checked files by dataset and path as the dataset gives it."""


class _File(BaseModel):
    file: CheckedFile
    state: tuple[int, int] | None  # size and time of a local file


class _Recorded(BaseModel):
    model_config = ConfigDict(strict=True)

    options: RunOptions | None = None


class _PlanFile(BaseModel):
    model_config = ConfigDict(strict=True)

    format: Literal[2] = 2
    options: RunOptions | None
    processors: list[str]
    datasets: list[str]
    columns: list[str]
    files: list[_File]


def write_plan(
    folder: Path,
    *,
    options: RunOptions | None,
    processors: Sequence[str],
    datasets: Sequence[str],
    columns: Collection[str],
    files: Iterable[CheckedFile],
) -> None:
    """Writes what `read_plan` and `recorded_options` return.

    Raises:
        RunError: The file cannot be written.
    """
    plan = _PlanFile(
        options=options,
        processors=list(processors),
        datasets=list(datasets),
        columns=sorted(columns),
        files=[_File(file=file, state=_state(file.path)) for file in files],
    )
    write_text(folder / PLAN, plan.model_dump_json() + "\n")


def recorded_options(folder: Path) -> RunOptions | None:
    """Returns the options of the run in a folder, None if it ended before it recorded any.

    The plan has those of the last start; `run.json` has those by which the results were made.

    Raises:
        InputError: No run began in the folder, or what it recorded cannot be read.
    """
    _refuse_other_folders(folder)
    plan = _read(folder)
    if plan is not None and plan.options is not None:
        return plan.options
    run = folder / RUN
    return read_json(run, _Recorded).options if run.is_file() else None


def read_plan(
    folder: Path,
    *,
    processors: Sequence[str],
    datasets: Sequence[str],
    columns: Collection[str],
    listed: Collection[tuple[str, str]],
) -> Remembered:
    """Returns the files that need not be checked again.

    A local file that has been touched since is not among them. Files of servers are: what is read
    of them is compared by UUID. If there is no plan, since the run is complete or ended before it
    was written, or the file does not hold one, nothing is remembered.

    Args:
        folder: The results folder.
        processors: The names of what the run is of now.
        datasets: The names of what it reads now.
        columns: What the processors read now.
        listed: Dataset and path of each file that is to be read now.

    Raises:
        InputError: There is no run in the folder, it is of another analysis, or of files that are
            not listed now.
    """
    _refuse_other_folders(folder)
    if (plan := _read(folder)) is None:
        return {}
    for kind, before, now in (
        ("processors", plan.processors, list(processors)),
        ("datasets", plan.datasets, list(datasets)),
    ):
        if before != now:
            message = (
                f"the run in {folder} was of the {kind} {', '.join(before)}, not "
                f"{', '.join(now)}: begin a new run with --output"
            )
            raise InputError(message)
    then = {(one.file.dataset, one.file.listed or one.file.path): one for one in plan.files}
    if gone := sorted(path for dataset, path in then.keys() - set(listed)):
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        message = (
            f"the run in {folder} is also of {gone[0]}{more}, which no pattern or dataset file "
            "lists any more: put it back, or begin a new run with --output"
        )
        raise InputError(message)
    if plan.columns != sorted(columns):
        return {}
    return {key: one.file for key, one in then.items() if one.state == _state(one.file.path)}


def _read(folder: Path) -> _PlanFile | None:
    path = folder / PLAN
    if not path.is_file():
        return None
    try:
        return read_json(path, _PlanFile)
    except InputError as error:
        log.warning("all files are checked again: %s", error)
        return None


def _refuse_other_folders(folder: Path) -> None:
    """Raises an error unless a run began in a folder: as soon as it is made, or locked."""
    if folder.is_dir():
        there = {path.name for path in folder.iterdir()}
        if not there or there & (_TRACES | {PLAN}):
            return
    message = f"nothing can be resumed in {folder}: no run began there"
    raise InputError(message)


def _state(path: str) -> tuple[int, int] | None:
    """Returns size and time of a local file, None for a URL."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
