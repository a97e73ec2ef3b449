"""The records of trains and tests, as far as the registry and the database need them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tau3mu.config.documents import read_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["DatasetUse", "TestRecord", "TrainRecord", "WagonUse", "read_test", "read_train"]


@dataclass(frozen=True)
class DatasetUse:
    """A dataset that a train or a test reads, with its version."""

    name: str
    version: str


@dataclass(frozen=True)
class WagonUse:
    """A wagon of a train, with the number of its test and whether it was forced."""

    name: str
    test: int | None = None
    forced: bool = False


@dataclass(frozen=True)
class TrainRecord:
    """What a train says of itself."""

    name: str = ""
    label: str = ""
    comment: str = ""
    parent: int | None = None
    composed: str = ""
    by: str = ""
    wagons: tuple[WagonUse, ...] = ()
    datasets: tuple[DatasetUse, ...] = ()


@dataclass(frozen=True)
class TestRecord:
    """What a test says of itself."""

    __test__ = False  # pytest takes it for one of its own

    datasets: tuple[DatasetUse, ...] = ()


def read_train(folder: Path) -> TrainRecord:
    """Returns the record of a train, an empty one while it is being composed.

    Args:
        folder: Of the train.

    Raises:
        InputError: It is damaged.
    """
    content = _content(folder / "train.json")
    forced = set(content.get("forced", ()))
    tests = content.get("tests", {})
    return TrainRecord(
        name=content.get("name", ""),
        label=content.get("label", ""),
        comment=content.get("comment", ""),
        parent=content.get("parent"),
        composed=content.get("composed", ""),
        by=content.get("by", ""),
        wagons=tuple(
            WagonUse(name, tests.get(name), name in forced) for name in content.get("wagons", ())
        ),
        datasets=_datasets(content),
    )


def read_test(folder: Path) -> TestRecord:
    """Returns the record of a test, an empty one before it has begun.

    Args:
        folder: Of the test.

    Raises:
        InputError: It is damaged.
    """
    return TestRecord(datasets=_datasets(_content(folder / "test.json")))


def _content(path: Path) -> Mapping[str, Any]:
    return read_document(path, "record", language="train").content if path.is_file() else {}


def _datasets(content: Mapping[str, Any]) -> tuple[DatasetUse, ...]:
    datasets = content.get("datasets", {})
    return tuple(DatasetUse(name, version or "") for name, version in datasets.items())
