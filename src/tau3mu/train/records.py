"""The records of trains and tests, as far as the registry and the database need them.

The keys are those of `train.json` and `metrics.json`; each is read in one function, here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tau3mu.config.documents import Document, read_document

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "METRICS",
    "RECORD",
    "DatasetUse",
    "TestRecord",
    "TrainRecord",
    "WagonUse",
    "read_test",
    "read_train",
]

RECORD: Final = "train.json"
METRICS: Final = "metrics.json"


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
    content = _Content(read_document(path, "record of the train", language="train"))
    tests = content.mapping("tests")
    return TrainRecord(
        name=content.text("name"),
        label=content.text("label"),
        comment=content.text("comment"),
        parent=content.number("parent"),
        composed=content.text("composed"),
        by=content.text("by"),
        events=content.number("events"),
        wagons=tuple(_wagon(name, tests.get(name)) for name in content.mapping("wagons")),
        datasets=tuple(
            DatasetUse(name, _Content(one).text("version"))
            for name, one in content.parts("datasets")
        ),
    )


def read_test(folder: Path) -> TestRecord:
    """Returns the record of a test, an empty one before it has ended.

    Args:
        folder: Of the test.

    Raises:
        InputError: It is damaged.
    """
    path = folder / METRICS
    if not path.is_file():
        return TestRecord()
    content = _Content(read_document(path, "metrics", language="train"))
    loop, memory = content.part("loop"), content.part("memory")
    expected = content.part("expected")
    parts = content.mapping("parts")
    numbers = {
        "started": content.text("started"),
        "changed": ", ".join(map(str, content.content.get("changed", ()))),
        "events": content.number("events"),
        "events_per_second": content.number("events_per_second"),
        "cpu": loop.number("cpu"),
        "wall": loop.number("wall"),
        "pss_max": memory.number("pss_max"),
        "pss_average": memory.number("pss_average"),
        "input_bytes": content.number("input_bytes"),
        "output_bytes": content.number("output_bytes"),
        "expected_cpu_hours": expected.number("cpu_hours"),
        "expected_memory": expected.number("memory_bytes"),
        "expected_output": expected.number("output_bytes"),
    }
    datasets = tuple(
        DatasetUse(name, str(parts.get(f"dataset {name}", "")))
        for name in content.mapping("datasets")
    )
    return TestRecord(datasets, numbers)


def _wagon(name: str, test: Any) -> WagonUse:
    found = test if isinstance(test, Mapping) else {}
    return WagonUse(name, found.get("number"), found.get("forced", ""))


class _Content:
    """Values of a document by their keys; another type than expected is an error that names it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.content = document.content

    def text(self, key: str) -> str:
        return self._get(key, str, "a string", "")

    def number(self, key: str) -> Any:
        return self._get(key, (int, float), "a number", None)

    def mapping(self, key: str) -> Mapping[str, Any]:
        return self._get(key, Mapping, "an object with keys", {})

    def part(self, key: str) -> _Content:
        document = self._document
        return _Content(Document(self.mapping(key), document.source, document.language))

    def _get(self, key: str, kind: Any, expected: str, default: Any) -> Any:
        value = self.content.get(key)
        if value is None:
            return default
        if not isinstance(value, kind):
            raise self._document.error([Problem((key,), "wrong-type", "", expected, value)])
        return value
