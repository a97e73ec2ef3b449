"""`train.json`: what a train is, where it comes from, and which tests let it run."""

from __future__ import annotations

import getpass
import os
import shlex
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.redaction import redact
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = [
    "RECORD", "RESULTS", "STDERR", "STDOUT", "DatasetOfTrain", "TrainRecord", "WagonTest",
    "now", "person", "read_record", "words", "write_record",
]  # fmt: skip

RECORD: Final = "train.json"
RESULTS: Final = "results"
STDOUT: Final = "stdout.log"
STDERR: Final = "stderr.log"


class DatasetOfTrain(Strict):
    """A dataset of a train, as it was at composition."""

    version: str = ""
    files: int
    events: int
    fraction: float = 1.0


class WagonTest(Strict):
    """The test that lets a wagon run; `forced` says why one that is not good enough did not count.

    Attributes:
        number: Of the test, None if there is none.
        state: OK or WARN, or what it was.
        forced: Why the wagon would have been refused.
        cpu_hours: What the test expects for the whole datasets.
        limit: Of this.
    """

    number: int | None = None
    state: str = ""
    forced: str = ""
    cpu_hours: float | None = None
    limit: float | None = None


class TrainRecord(Strict):
    """The content of `train.json`.

    Attributes:
        version: Of this form.
        name: Of the analysis.
        title: Of the analysis.
        authors: Of the analysis.
        contact: Of the analysis.
        label: What the user calls this train.
        comment: What the user says about it.
        file: The train file.
        document: Its content.
        asked: The datasets by the words of the user.
        readers: For each of them, the results that it is read for, None for all.
        datasets: By name.
        events: To read.
        chunks: To read.
        hash: Of the wagons: trains of one hash differ in data, code and settings only.
        wagons: The hashes of wagons and variants.
        tests: By wagon.
        approved: Who said yes to more CPU time than the limits of the wagons allow.
        parent: The number of the train that this one repeats.
        relation: `promote` or `rerun`.
        composed: When, in UTC.
        by: Who.
        command: The command line.
        settings: Where it runs: options that a frozen configuration leaves to the machine.
    """

    version: Annotated[int, Field(ge=1, le=1)] = 1
    name: str = ""
    title: str = ""
    authors: tuple[str, ...] = ()
    contact: str = ""
    label: str = ""
    comment: str = ""
    file: str = ""
    document: dict[str, Any] = Field(default_factory=dict)
    asked: tuple[str, ...] = ()
    readers: tuple[tuple[str, ...] | None, ...] = ()
    datasets: dict[str, DatasetOfTrain] = Field(default_factory=dict)
    events: int = 0
    chunks: int = 0
    hash: str = ""
    wagons: dict[str, str] = Field(default_factory=dict)
    tests: dict[str, WagonTest] = Field(default_factory=dict)
    approved: str = ""
    parent: int | None = None
    relation: str = ""
    composed: str = ""
    by: str = ""
    command: tuple[str, ...] = ()
    settings: dict[str, Any] = Field(default_factory=dict)


def read_record(folder: Path) -> TrainRecord:
    """Returns what a train is.

    Args:
        folder: Of the train.

    Raises:
        InputError: There is no record, or it cannot be read.
    """
    return read_document(folder / RECORD, "record of the train", language="train").validate(
        TrainRecord
    )


def write_record(folder: Path, record: TrainRecord) -> None:
    """Writes what a train is.

    Args:
        folder: Of the train.
        record: Its content.

    Raises:
        RunError: The file cannot be written.
    """
    write_text(folder / RECORD, json_text(record.model_dump(mode="json")))


def person() -> str:
    """Returns who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may know no names
        return str(os.getuid())


def now() -> str:
    """Returns the time in UTC, ISO 8601."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")


def words(command: Sequence[str]) -> str:
    """Returns a command line as one types it, without secrets."""
    return shlex.join(redact(word) for word in command)
