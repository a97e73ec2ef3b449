"""Telling the index that something has changed, where there is one."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tau3mu.errors import Tau3muError
from tau3mu.train.index.engine import is_installed
from tau3mu.train.store import Store

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["update"]

log = logging.getLogger(__name__)


def update(path: Path, *, database: str | None = None) -> None:
    """Brings what the index has of a folder up to date.

    Nothing fails here: without SQLAlchemy there is no index, and one that cannot be written is
    warned of and finds the change by itself when it is asked.

    Args:
        path: The folder of a test or a train of a store, or the file of a version of a dataset.
        database: The URL of the database; see `Index`.
    """
    if not is_installed():
        return
    from tau3mu.train.index.index import Index

    try:
        Index(_store_of(path), database).update(path)
    except Tau3muError as error:
        log.warning("the index was not updated: %s", error)


def _store_of(path: Path) -> Store:
    """Returns the store: two levels above a train, three above a test or a version."""
    path = path.absolute()
    return Store(path.parents[1 if path.parent.name == "trains" else 2])
