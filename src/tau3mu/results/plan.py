"""`plan.json`: what a run is about and what its files hold, so that resuming need not open them."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.datasets import CheckedFile
from tau3mu.errors import InputError
from tau3mu.input_files import parse_json, read_text
from tau3mu.redaction import redact, redacted
from tau3mu.results.files import write_text

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from tau3mu.datasets import Dataset

__all__ = ["Remembered", "read_plan", "write_plan"]

log = logging.getLogger(__name__)

_FORMAT = 1
_TRACES = {".lock", "log.txt", "run.json"}

Remembered = dict[tuple[str, str], "CheckedFile"]
"""Checked files by dataset and path as the dataset gives it."""


def write_plan(
    folder: Path,
    *,
    processors: Sequence[str],
    datasets: Sequence[str],
    columns: Collection[str],
    files: Iterable[CheckedFile],
) -> None:
    """Writes what `read_plan` returns, without secrets of URLs.

    Raises:
        RunError: The file cannot be written.
    """
    from pydantic import TypeAdapter

    adapter = TypeAdapter(CheckedFile)
    content = {
        "format": _FORMAT,
        "processors": list(processors),
        "datasets": list(datasets),
        "columns": sorted(columns),
        "files": [
            {
                "file": redacted(adapter.dump_python(file, mode="json")),
                "state": _state(file.path),
            }
            for file in files
        ],
    }
    write_text(folder / "plan.json", json.dumps(content) + "\n")


def read_plan(
    folder: Path,
    *,
    processors: Sequence[str],
    datasets: Sequence[Dataset],
    columns: Collection[str],
) -> Remembered:
    """Returns the files that need not be checked again.

    A local file that has been touched since is not among them. Files of servers are: what is read
    of them is compared by UUID. The tokens in their URLs are those of the datasets, which may be
    other ones than at the start. If there is no plan, since the run is complete or ended before it
    was written, or the file does not hold one, nothing is remembered.

    Raises:
        InputError: There is no run in the folder, or it is of another analysis.
    """
    path = folder / "plan.json"
    if not path.is_file():
        _refuse_other_folders(folder)
        return {}
    try:
        content = parse_json(read_text(path, "plan"))
        then = [content["processors"], content["datasets"]]
        fits = content["format"] == _FORMAT and content["columns"] == sorted(columns)
        remembered = _remembered(content["files"], datasets) if fits else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s holds no plan, so all files are checked again: %s", path, error)
        return {}
    for kind, before, now in zip(
        ("processors", "datasets"), then, (processors, [d.name for d in datasets]), strict=True
    ):
        if before != list(now):
            message = (
                f"the run in {folder} was of the {kind} {', '.join(map(str, before))}, not "
                f"{', '.join(now)}: give the same command line with --resume"
            )
            raise InputError(message)
    return remembered


def _refuse_other_folders(folder: Path) -> None:
    """Raises an error unless a run began in a folder: as soon as it is made, or locked."""
    if folder.is_dir():
        there = {path.name for path in folder.iterdir()}
        if not there or there & _TRACES:
            return
    message = f"nothing can be resumed in {folder}: no run began there"
    raise InputError(message)


def _remembered(files: Iterable[Mapping[str, Any]], datasets: Iterable[Dataset]) -> Remembered:
    from pydantic import TypeAdapter

    adapter = TypeAdapter(CheckedFile)
    places = {dataset.name: _by_label(dataset) for dataset in datasets}
    found: Remembered = {}
    for item in files:
        labelled = adapter.validate_json(json.dumps(item["file"]), strict=True)
        file = _with_secrets(labelled, places.get(labelled.dataset, {}))
        if file is not None and item["state"] == _state(file.path):
            found[file.dataset, file.listed or file.path] = file
    return found


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


def _state(path: str) -> list[int] | None:
    """Returns size and time of a local file, None for a URL."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]
