"""The files that a train reads: how many events are expected of each, and how many were read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tau3mu.config.input_files import read_bytes
from tau3mu.errors import InputError
from tau3mu.storage.names import FULL_CONFIG, RUN
from tau3mu.train.page.details import stamp
from tau3mu.train.record import RESULTS
from tau3mu.train.summary import manifest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tau3mu.run.frozen import FrozenRun

__all__ = ["FileRow", "Files", "files_of", "sections_of"]

_WHAT: Final = "frozen configuration"


class FileRow(NamedTuple):
    """A file of a train.

    Attributes:
        dataset: Of which it is.
        file: Its path.
        events: That are expected of it, None if nobody knows.
        read: Events that were read, None while there are no results.
        problem: Why some were not.
    """

    dataset: str
    file: str
    events: int | None
    read: int | None
    problem: str


class Files(NamedTuple):
    """A part of the files of a train.

    Attributes:
        rows: Of the part.
        total: How many there are in all.
    """

    rows: list[FileRow]
    total: int


def files_of(
    folder: Path, *, missing: bool, text: str, dataset: str, offset: int, limit: int
) -> Files:
    """Returns a part of the files of a train.

    Args:
        folder: Of the train.
        missing: Only those of which not all events were read.
        text: Only those with this in their path or problem.
        dataset: Only those of this dataset, "" for all.
        offset: So many are left out.
        limit: At most so many.

    Raises:
        InputError: Results or configuration cannot be read.
    """
    found = [
        row
        for row in _rows(folder, stamp(folder / FULL_CONFIG), stamp(folder / RESULTS / RUN))
        if not (missing and row.read == row.events)
        and (not dataset or row.dataset == dataset)
        and (not text or text in row.file or text in row.problem)
    ]
    return Files(found[offset : offset + limit], len(found))


def sections_of(folder: Path) -> dict[str, Any]:
    """Returns the frozen configuration of a train by its parts, files of datasets as a number.

    Args:
        folder: Of the train.

    Raises:
        InputError: It cannot be read.
    """
    return _sections(folder, stamp(folder / FULL_CONFIG))


@lru_cache(maxsize=2)
def _sections(folder: Path, _stamp: str) -> dict[str, Any]:
    found = _frozen(folder)
    for dataset in found.get("datasets", []):
        if isinstance(dataset, dict) and isinstance(files := dataset.get("files"), list):
            dataset["files"] = f"{len(files):,} files"
    return found


@lru_cache(maxsize=2)
def _rows(folder: Path, *_stamps: str) -> tuple[FileRow, ...]:
    return tuple(_all(folder))


def _all(folder: Path) -> Iterator[FileRow]:
    manifest = manifest_of(folder)
    if manifest is None:
        for dataset in _validated(folder).datasets:
            for file in dataset.files:
                # Of a short view, only its results say how many events are meant.
                events = file.entries if dataset.fraction == 1 else None
                yield FileRow(dataset.name, file.path, events, None, "")
        return
    missing = {(file.dataset, file.path): file for file in manifest.missing}
    for one in manifest.inputs:
        failed = missing.pop((one.dataset, one.path), None)
        reasons = failed.reasons if failed else one.errors
        yield FileRow(one.dataset, one.path, one.entries, one.read, "; ".join(reasons))
    for failed in missing.values():  # those that could not be opened
        yield FileRow(failed.dataset, failed.path, failed.events, 0, "; ".join(failed.reasons))


def _validated(folder: Path) -> FrozenRun:
    from pydantic import ValidationError

    from tau3mu.run.frozen import FrozenRun, read_frozen

    try:  # fast
        return FrozenRun.model_validate_json(read_bytes(folder / FULL_CONFIG, _WHAT))
    except (InputError, ValidationError):
        return read_frozen(folder)


def _frozen(folder: Path) -> dict[str, Any]:
    from pydantic_core import from_json

    path = folder / FULL_CONFIG
    try:
        found = from_json(read_bytes(path, _WHAT))
    except (InputError, ValueError) as error:
        message = f"cannot read the frozen configuration {path}: {error}"
        raise InputError(message, code="train.unreadable-configuration", path=path) from error
    if not isinstance(found, dict):
        message = f"{path}: expected a JSON object"
        raise InputError(message, code="train.unreadable-configuration", path=path)
    return found
