"""`checked_files.json`: what a run is about and what its files hold, for `--resume`."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict

from tau3mu.datasets import CheckedFile
from tau3mu.errors import InputError
from tau3mu.redaction import redact, redacted
from tau3mu.results.manifest import read_json
from tau3mu.run.settings import Settings
from tau3mu.storage.files import write_text
from tau3mu.storage.names import CHECKED_FILES, LOCK, LOG, RUN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tau3mu.datasets import Dataset

__all__ = [
    "CheckedFiles",
    "Remembered",
    "read_checked_files",
    "refuse_other_folders",
    "remembered_files",
    "write_checked_files",
]

log = logging.getLogger(__name__)

_TRACES = {LOCK, LOG, RUN}

Remembered = dict[tuple[str, str], "CheckedFile"]
"""Checked files by dataset and path as the dataset gives it."""


class _File(BaseModel):
    file: CheckedFile
    state: tuple[int, int] | None  # size and time of a local file


class CheckedFiles(BaseModel):
    """The content of `checked_files.json`."""

    model_config = ConfigDict(strict=True)

    version: Literal[6] = 6
    options: Settings | None
    processors: list[str]
    datasets: list[str]
    columns: dict[str, list[str]]
    files: list[_File]


def write_checked_files(
    folder: Path,
    *,
    options: dict[str, Any] | None,
    processors: Sequence[str],
    datasets: Sequence[str],
    columns: Mapping[str, Collection[str]],
    files: Iterable[CheckedFile],
) -> None:
    """Writes what `remembered_files` and `recorded_options` return, without secrets of URLs.

    Args:
        folder: The results folder.
        options: Those of the run, None if they cannot be recorded.
        processors: The names of the processors.
        datasets: The names of the datasets.
        columns: What the processors read of each dataset.
        files: Those that were checked.

    Raises:
        RunError: The file cannot be written.
    """
    content = CheckedFiles(
        options=None,
        processors=list(processors),
        datasets=list(datasets),
        columns={name: sorted(own) for name, own in columns.items()},
        files=[_File(file=file, state=_state(file.path)) for file in files],
    )
    document = content.model_dump(mode="json") | {"options": options}
    write_text(folder / CHECKED_FILES, json.dumps(redacted(document)) + "\n")


def remembered_files(
    folder: Path,
    *,
    processors: Sequence[str],
    datasets: Sequence[Dataset],
    columns: Mapping[str, Collection[str]],
) -> Remembered:
    """Returns the files that need not be checked again.

    A local file that has been touched since is not among them. Files of servers are: what is read
    of them is compared by UUID. The tokens in their URLs are those of the datasets, which may be
    other ones than at the start. If there is no plan, since the run is complete or ended before it
    was written, or the file does not hold one, nothing is remembered.

    Args:
        folder: The results folder.
        processors: The names of the processors now, of which there may be more.
        datasets: What it reads now.
        columns: What the processors read of each dataset now.

    Raises:
        InputError: There is no run in the folder, it is of another analysis, or of files that are
            not listed now.
    """
    refuse_other_folders(folder)
    if (checked := read_checked_files(folder)) is None:
        return {}
    added = set(checked.processors) <= set(processors)
    for kind, before, now in (
        ("processors", checked.processors, checked.processors if added else list(processors)),
        ("datasets", checked.datasets, [dataset.name for dataset in datasets]),
    ):
        if before != now:
            message = (
                f"the run in {folder} was of the {kind} {', '.join(before)}, not "
                f"{', '.join(now)}: begin a new run with --output"
            )
            raise InputError(message, code="run.other-analysis", path=folder)
    then = {(one.file.dataset, one.file.listed or one.file.path) for one in checked.files}
    listed = {(dataset.name, redact(path)) for dataset in datasets for path in dataset.files}
    if gone := sorted(path for _, path in then - listed):
        more = f" and {len(gone) - 1} more" if len(gone) > 1 else ""
        message = (
            f"the run in {folder} is also of {gone[0]}{more}, which no pattern or dataset file "
            "lists any more: put it back, or begin a new run with --output"
        )
        raise InputError(message, code="run.file-not-listed", path=folder)
    if checked.columns != {name: sorted(own) for name, own in columns.items()}:
        return {}
    places = {dataset.name: _by_label(dataset) for dataset in datasets}
    found: Remembered = {}
    for one in checked.files:
        file = _with_secrets(one.file, places[one.file.dataset])
        if file is not None and one.state == _state(file.path):
            found[file.dataset, file.listed or file.path] = file
    return found


def read_checked_files(folder: Path) -> CheckedFiles | None:
    """Returns the content of the file, None if there is none or it is damaged."""
    path = folder / CHECKED_FILES
    if not path.is_file():
        return None
    try:
        return read_json(path, CheckedFiles)
    except InputError as error:
        log.warning("all files are checked again: %s", error)
        return None


def refuse_other_folders(folder: Path) -> None:
    """Checks that a run began in a folder: as soon as it is made, or locked.

    Args:
        folder: The results folder.

    Raises:
        InputError: No run began there.
    """
    if folder.is_dir():
        there = {path.name for path in folder.iterdir()}
        if not there or there & (_TRACES | {CHECKED_FILES}):
            return
    message = f"nothing can be resumed in {folder}: no run began there"
    raise InputError(message, code="run.no-run-began", path=folder)


def _by_label(dataset: Dataset) -> dict[str, str]:
    """Returns the places of files by what is written of them, where that tells them apart."""
    labels = [(redact(place), place) for place in dataset.places()]
    number = Counter(label for label, _ in labels)
    return {label: place for label, place in labels if number[label] == 1}


def _with_secrets(file: CheckedFile, places: Mapping[str, str]) -> CheckedFile | None:
    """Returns a file as it was checked, None if its place is not among these any more."""
    if file.path not in places or (file.listed and file.listed not in places):
        return None
    return replace(
        file,
        path=places[file.path],
        listed=places[file.listed] if file.listed else "",
        replicas=tuple(places[label] for label in file.replicas if label in places),
    )


def _state(path: str) -> tuple[int, int] | None:
    """Returns size and time of a local file, None for a URL."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
