"""The files that a train reads: how many events are expected of each, and how many were read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tau3mu.errors import InputError
from tau3mu.storage.names import FULL_CONFIG
from tau3mu.train.summary import manifest_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tau3mu.run.frozen import FrozenRun

__all__ = ["Files", "files_of", "sections_of"]


class Files(NamedTuple):
    """A part of the files of a train.

    Attributes:
        rows: With dataset, file, events, read and problem.
        total: How many there are in all.
    """

    rows: list[dict[str, Any]]
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
        for row in _rows(folder)
        if not (missing and row["read"] == row["events"])
        and (not dataset or row["dataset"] == dataset)
        and (not text or text in row["file"] or text in row["problem"])
    ]
    return Files(found[offset : offset + limit], len(found))


def sections_of(folder: Path) -> dict[str, Any]:
    """Returns the frozen configuration of a train by its parts, files of datasets as a number.

    Args:
        folder: Of the train.

    Raises:
        InputError: It cannot be read.
    """
    found = _frozen(folder)
    for dataset in found.get("datasets", []):
        if isinstance(dataset, dict) and isinstance(files := dataset.get("files"), list):
            dataset["files"] = f"{len(files):,} files"
    return found


def _rows(folder: Path) -> Iterator[dict[str, Any]]:
    manifest = manifest_of(folder)
    if manifest is None:
        for dataset in _validated(folder).datasets:
            for file in dataset.files:
                # Of a short view, only its results say how many events are meant.
                events = file.entries if dataset.fraction == 1 else None
                yield _row(dataset.name, file.path, events, None, "")
        return
    missing = {(file.dataset, file.path): file for file in manifest.missing}
    for one in manifest.inputs:
        failed = missing.pop((one.dataset, one.path), None)
        reasons = failed.reasons if failed else one.errors
        yield _row(one.dataset, one.path, one.entries, one.read, "; ".join(reasons))
    for failed in missing.values():  # those that could not be opened
        yield _row(failed.dataset, failed.path, failed.events, 0, "; ".join(failed.reasons))


def _row(dataset: str, path: str, events: Any, read: int | None, problem: str) -> dict[str, Any]:
    return {"dataset": dataset, "file": path, "events": events, "read": read, "problem": problem}


def _validated(folder: Path) -> FrozenRun:
    from pydantic import ValidationError

    from tau3mu.run.frozen import FrozenRun, read_frozen

    try:  # fast
        return FrozenRun.model_validate_json((folder / FULL_CONFIG).read_bytes())
    except (OSError, ValidationError):
        return read_frozen(folder)


def _frozen(folder: Path) -> dict[str, Any]:
    from pydantic_core import from_json

    path = folder / FULL_CONFIG
    try:
        found = from_json(path.read_bytes())
    except (OSError, ValueError) as error:
        message = f"cannot read the frozen configuration {path}: {error}"
        raise InputError(message, code="train.unreadable-configuration", path=path) from error
    if not isinstance(found, dict):
        message = f"{path}: expected a JSON object"
        raise InputError(message, code="train.unreadable-configuration", path=path)
    return found
