"""Who refers to a registered dataset: datasets made from it, tests and trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tau3mu.errors import InputError
from tau3mu.train.metrics import METRICS, read_metrics
from tau3mu.train.record import RECORD, read_record

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tau3mu.train.store import Store

__all__ = ["Use", "datasets_of_test", "datasets_of_train", "recorded_uses", "refuse_in_use"]

_MOST: Final = 10


@dataclass(frozen=True)
class Use:
    """Something that refers to a version of a dataset.

    Attributes:
        kind: What it is.
        name: Such as `7` of a train, `dsphipi/0003` of a test, `skim@0a1b2c3d` of a dataset.
        version: The version that it refers to.
    """

    kind: Literal["dataset", "train", "test"]
    name: str
    version: str

    def __str__(self) -> str:
        """Returns a text such as "train 7"."""
        return f"{self.kind} {self.name}"


def recorded_uses(store: Store) -> dict[str, list[Use]]:
    """Returns which trains and tests refer to datasets, by the name of the dataset.

    Args:
        store: The store.

    Raises:
        InputError: The record of a train or a test is damaged.
    """
    found: dict[str, list[Use]] = {}
    for folder in store.trains():
        for name, version in datasets_of_train(folder).items():
            found.setdefault(name, []).append(Use("train", str(int(folder.name)), version))
    for wagon in store.tested():
        for folder in store.tests(wagon):
            for name, version in datasets_of_test(folder).items():
                use = Use("test", f"{wagon}/{folder.name}", version)
                found.setdefault(name, []).append(use)
    return found


def datasets_of_train(folder: Path) -> dict[str, str]:
    """Returns the versions of the datasets of a train by name; none while it is being composed.

    Args:
        folder: Of the train.

    Raises:
        InputError: Its record is damaged.
    """
    if not (folder / RECORD).is_file():
        return {}
    return {name: one.version for name, one in read_record(folder).datasets.items()}


def datasets_of_test(folder: Path) -> dict[str, str]:
    """Returns the versions of the datasets of a test by name; none before it has ended.

    Args:
        folder: Of the test.

    Raises:
        InputError: Its metrics are damaged.
    """
    if not (folder / METRICS).is_file():
        return {}
    found = read_metrics(folder)
    return {name: found.parts.get(f"dataset {name}", "") for name in found.datasets}


def refuse_in_use(name: str, found: Sequence[Use]) -> None:
    """Checks that nothing refers to a dataset.

    Args:
        name: Of the dataset.
        found: What refers to the versions that are to be removed.

    Raises:
        InputError: Something does; the message has the names.
    """
    if not found:
        return
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    message = (
        f"dataset {name!r} cannot be removed, since {len(found)} refer to it: "
        f"{', '.join(map(str, found[:_MOST]))}{more}; `datasets deactivate {name}` keeps new "
        "trains from reading it"
    )
    raise InputError(message, code="train.dataset-in-use", path=name)
