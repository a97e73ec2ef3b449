"""`plan.json`: what a run is about and what its files hold, so that resuming need not open them."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.datasets import CheckedFile
from tau3mu.errors import InputError
from tau3mu.results.files import write_text
from tau3mu.results.names import LOCK, LOG, PLAN, RUN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

__all__ = ["Remembered", "read_plan", "write_plan"]

log = logging.getLogger(__name__)

_FORMAT = 1
_TRACES = {LOCK, LOG, RUN}

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
    """Writes what `read_plan` returns.

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
            {"file": adapter.dump_python(file, mode="json"), "state": _state(file.path)}
            for file in files
        ],
    }
    write_text(folder / PLAN, json.dumps(content) + "\n")


def read_plan(
    folder: Path,
    *,
    processors: Sequence[str],
    datasets: Sequence[str],
    columns: Collection[str],
) -> Remembered:
    """Returns the files that need not be checked again.

    A local file that has been touched since is not among them. Files of servers are: what is read
    of them is compared by UUID. If there is no plan, since the run is complete or ended before it
    was written, or the file does not hold one, nothing is remembered.

    Raises:
        InputError: There is no run in the folder, or it is of another analysis.
    """
    path = folder / PLAN
    if not path.is_file():
        _refuse_other_folders(folder)
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        then = [content["processors"], content["datasets"]]
        fits = content["format"] == _FORMAT and content["columns"] == sorted(columns)
        remembered = _remembered(content["files"]) if fits else {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("%s holds no plan, so all files are checked again: %s", path, error)
        return {}
    for kind, before, now in zip(
        ("processors", "datasets"), then, (processors, datasets), strict=True
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


def _remembered(files: Iterable[Mapping[str, Any]]) -> Remembered:
    from pydantic import TypeAdapter

    adapter = TypeAdapter(CheckedFile)
    found: Remembered = {}
    for item in files:
        file = adapter.validate_json(json.dumps(item["file"]), strict=True)
        if item["state"] == _state(file.path):
            found[file.dataset, file.listed or file.path] = file
    return found


def _state(path: str) -> list[int] | None:
    """Returns size and time of a local file, None for a URL."""
    try:
        status = Path(path).stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]
