"""Tests that were made before, and which of them is of what is to run now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.train.metrics import METRICS, read_metrics
from tau3mu.train.parts import changed_parts
from tau3mu.train.states import STATUS, read_status

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from tau3mu.train.metrics import Metrics
    from tau3mu.train.store import Store

__all__ = ["last_test"]


def last_test(
    store: Store, name: str, parts: Mapping[str, str], *, unknown: Collection[str] = ()
) -> tuple[Path, Metrics] | None:
    """Returns the last test that has ended and was of the same parts, or else of others.

    Wagons of two train files may have the same name: the tests of one say nothing of the other.

    Args:
        store: Where the tests are.
        name: Of the wagon, or of the whole train.
        parts: The hashes of what is to run now.
        unknown: The parts of which only the names can be compared.
    """
    last = None
    for folder in reversed(store.tests(name)):
        if not (folder / METRICS).is_file() or not (folder / STATUS).is_file():
            continue
        if not read_status(folder).state.ended:
            continue
        try:
            found = folder, read_metrics(folder)
        except InputError:  # damaged, or of another version of this package: no result
            continue
        if not changed_parts(found[1].parts, parts, unknown=unknown):
            return found
        last = last or found
    return last
