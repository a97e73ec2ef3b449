"""The records of trains and tests, as far as the registry and the database need them.

`train.json` and `metrics.json` are read here, each in one function.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict

from tau3mu.config.documents import read_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "RECORD",
    "DatasetUse",
    "TestRecord",
    "TrainRecord",
    "WagonUse",
    "read_test",
    "read_train",
]

RECORD: Final = "train.json"


@dataclass(frozen=True)
class DatasetUse:
    """A dataset that a train or a test reads, with its version."""

    name: str
    version: str


@dataclass(frozen=True)
class WagonUse:
    """A wagon or a variant of a train, with the number of its test, and why it was forced."""

    name: str
    test: int | None = None
    forced: str = ""


@dataclass(frozen=True)
class TrainRecord:
    """What a train says of itself."""

    name: str = ""
    label: str = ""
    comment: str = ""
    parent: int | None = None
    composed: str = ""
    by: str = ""
    events: int | None = None
    wagons: tuple[WagonUse, ...] = ()
    datasets: tuple[DatasetUse, ...] = ()


@dataclass(frozen=True)
class TestRecord:
    """What a test says of itself; `numbers` are columns of the table of tests."""

    __test__ = False  # pytest takes it for one of its own

    datasets: tuple[DatasetUse, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)


class _Part(BaseModel):
    """Some keys of a record, whatever else it holds."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


class _Dataset(_Part):
    version: str = ""


class _Test(_Part):
    number: int | None = None
    forced: str = ""


class _Train(_Part):
    name: str = ""
    label: str = ""
    comment: str = ""
    parent: int | None = None
    composed: str = ""
    by: str = ""
    events: int | None = None
    wagons: dict[str, Any] = {}
    tests: dict[str, _Test] = {}
    datasets: dict[str, _Dataset] = {}


def read_train(folder: Path) -> TrainRecord:
    """Returns the record of a train, an empty one while it is being composed.

    Args:
        folder: Of the train.

    Raises:
        InputError: It is damaged.
    """
    path = folder / RECORD
    if not path.is_file():
        return TrainRecord()
    found = read_document(path, "record of the train", language="train").validate(_Train)
    tested = {name: found.tests.get(name, _Test()) for name in found.wagons}
    return TrainRecord(
        found.name, found.label, found.comment, found.parent, found.composed, found.by,
        found.events,
        wagons=tuple(WagonUse(name, one.number, one.forced) for name, one in tested.items()),
        datasets=tuple(DatasetUse(name, one.version) for name, one in found.datasets.items()),
    )  # fmt: skip


def read_test(folder: Path) -> TestRecord:
    """Returns the record of a test, an empty one before it has ended.

    Args:
        folder: Of the test.

    Raises:
        InputError: It is damaged.
    """
    from tau3mu.train.metrics import METRICS, read_metrics

    if not (folder / METRICS).is_file():
        return TestRecord()
    found = read_metrics(folder)
    expected = found.expected
    numbers = {
        "started": found.started,
        "changed": ", ".join(found.changed),
        "events": found.events,
        "events_per_second": found.events_per_second,
        "cpu": found.loop.cpu,
        "wall": found.loop.wall,
        "pss_max": found.memory.pss_max,
        "pss_average": found.memory.pss_average,
        "input_bytes": found.input_bytes,
        "output_bytes": found.output_bytes,
        "expected_cpu_hours": expected.cpu_hours if expected else None,
        "expected_memory": expected.memory_bytes if expected else None,
        "expected_output": expected.output_bytes if expected else None,
    }
    versions = {name: found.parts.get(f"dataset {name}", "") for name in found.datasets}
    return TestRecord(tuple(DatasetUse(*one) for one in versions.items()), numbers)
