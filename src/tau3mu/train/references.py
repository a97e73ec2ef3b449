"""Who refers to a registered dataset: datasets made from it, tests and trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tau3mu.train.registry import Registry
    from tau3mu.train.store import Store

__all__ = ["Use", "refuse_in_use", "uses"]

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


def uses(registry: Registry, name: str) -> list[Use]:
    """Returns all that refers to a dataset: first datasets, then trains and tests.

    Args:
        registry: In which it is.
        name: Of the dataset.

    Raises:
        InputError: The record of a train or a test is damaged.
    """
    children = [
        Use("dataset", f"{child.name}@{child.version}", child.parent.version or "")
        for child in registry.children(name)
        if child.parent is not None
    ]
    return [*children, *(use for other, use in _recorded(registry.store) if other == name)]


def refuse_in_use(registry: Registry, name: str, versions: Collection[str]) -> None:
    """Checks that nothing refers to versions of a dataset.

    Args:
        registry: In which it is.
        name: Of the dataset.
        versions: Those that are to be removed.

    Raises:
        InputError: Something does; the message has the names.
    """
    found = [use for use in uses(registry, name) if use.version in versions]
    if not found:
        return
    more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
    message = (
        f"dataset {name!r} cannot be removed, since {len(found)} refer to it: "
        f"{', '.join(map(str, found[:_MOST]))}{more}; `datasets deactivate {name}` keeps new "
        "trains from reading it"
    )
    raise InputError(message, code="train.dataset-in-use", path=name)


def _recorded(store: Store) -> Iterator[tuple[str, Use]]:
    """Returns the datasets of all trains and tests by name."""
    from tau3mu.train.records import read_test, read_train

    for folder in store.trains():
        for dataset in read_train(folder).datasets:
            yield dataset.name, Use("train", str(int(folder.name)), dataset.version)
    for wagon in store.tested():
        for folder in store.tests(wagon):
            for dataset in read_test(folder).datasets:
                yield dataset.name, Use("test", f"{wagon}/{folder.name}", dataset.version)
