"""The derived data of a train as registered datasets, which other trains read by their names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tau3mu.train.record import RESULTS, read_record
from tau3mu.train.registering import register

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.registry import Added
    from tau3mu.train.store import Store

__all__ = ["register_skims"]


def register_skims(folder: Path, store: Store) -> list[Added]:
    """Registers the standard and linked skims of a train that read its datasets whole.

    A skim of one dataset is registered under its own name, else with that of each dataset behind.

    Args:
        folder: Of the train.
        store: In which it is.

    Raises:
        InputError: A file of a skim cannot be read.
        RunError: The store cannot be written.
    """
    record = read_record(folder)
    if any(one.fraction < 1 for one in record.datasets.values()):
        return []
    derived = sorted((folder / RESULTS / "derived").glob("*/dataset.json"))
    return [added for file in derived for added in register(store, [str(file.parent)])]
