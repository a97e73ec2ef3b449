"""What earlier checks found in files: a small cache, into which the next check looks first.

A file is not opened again while its size and the time of its last change stand; a server is asked
for both, which is one request in place of dozens. Whoever reads the file compares its UUID, so one
that was replaced by another of the same size and time is an error then, and forgotten.

The cache may be lost at any time: one that is damaged, locked or unwritable is no cache.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sqlite3
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import TypeAdapter, ValidationError

from tau3mu.datasets.checked import CheckedFile, Inspection
from tau3mu.storage.states import state_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tau3mu.datasets.contents import Asked

__all__ = ["CACHE", "FoundBefore", "Place", "cache_folder", "forget_files"]

log = logging.getLogger(__name__)

CACHE: Final = "TAU3MU_CACHE"
"""The variable that names the folder of the cache; if it is empty, there is none."""

_NAME: Final = "checked-files-1.sqlite"
_TABLE: Final = (
    "CREATE TABLE IF NOT EXISTS found (place TEXT, asked TEXT, state TEXT, content TEXT, "
    "digest TEXT, written INTEGER, PRIMARY KEY (place, asked))"
)
_PATIENCE: Final = 0.5
"""Seconds for which another process that writes is waited for; the cache is only a cache."""

_OLDEST: Final = 180 * 24 * 3600
_TICK: Final = 2_000_000_000
"""Nanoseconds within which a file system may give two changes the same time."""

_CONTENT: Final = TypeAdapter(tuple[CheckedFile, tuple[str, ...]])


@dataclass(frozen=True)
class Place:
    """One place of a file, and what is asked of it.

    Attributes:
        dataset: The name of the dataset.
        path: A local path or a URL.
        asked: What is to be read from it.
    """

    dataset: str
    path: str
    asked: Asked


class FoundBefore:
    """What a check knows of files from earlier checks, and adds."""

    def __init__(self, folder: Path) -> None:
        """Opens the cache of a folder; neither need be there.

        Args:
            folder: That of the cache.
        """
        self._file = folder / _NAME
        self._rows: dict[tuple[str, str], tuple[str, str, str]] = {}
        self._new: list[tuple[Any, ...]] = []
        self._asked: dict[Asked, str] = {}
        self._settled = time.time_ns() - _TICK

    def load(self, places: Iterable[Place]) -> None:
        """Reads what is known of files, whether or not it still holds.

        Args:
            places: Those that `look` is going to be asked for.
        """
        if not self._file.is_file():
            return
        command = "SELECT state, content, digest FROM found WHERE place = ? AND asked = ?"

        def read(database: sqlite3.Connection) -> None:
            for place in places:
                key = self._key(place)
                if row := database.execute(command, key).fetchone():
                    self._rows[key] = row

        self._try(read)

    def look(self, place: Place) -> Inspection | None:
        """Returns what was found in a file, None if that is not known or the file has changed.

        Args:
            place: One of those that were loaded.
        """
        key = self._key(place)
        state, content, digest = self._rows.get(key, ("", "", ""))
        if not state or digest != _hash(*key, state, content) or state != _text(place.path):
            return None
        try:
            file, warnings = _CONTENT.validate_json(content, strict=True)
        except ValidationError:
            return None
        if place.asked.entries not in {None, file.entries}:
            return None
        file = replace(file, dataset=place.dataset, path=place.path)
        return Inspection(place.dataset, place.path, file, file.size or 0, warnings=warnings)

    def add(self, place: Place, found: Inspection) -> None:
        """Remembers what was found in a file, unless it has just been written.

        Args:
            place: Where it lies, and what was asked.
            found: What is in it; nothing is wrong with it.
        """
        state = _text(place.path, before=self._settled)
        if state is None or found.file is None:
            return
        plain = replace(found.file, dataset="", path="", replicas=(), checksum=None, listed="")
        content = _CONTENT.dump_json((plain, found.warnings)).decode()
        key = self._key(place)
        row = (*key, state, content, _hash(*key, state, content), int(time.time()))
        self._new.append(row)

    def write(self) -> None:
        """Writes what was added, if that is possible."""
        if not self._new:
            return
        with suppress(OSError):  # SQLite says then that it cannot open its file
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)

        def write(database: sqlite3.Connection) -> None:
            database.execute(_TABLE)
            oldest = int(time.time()) - _OLDEST
            database.execute("DELETE FROM found WHERE written < ?", (oldest,))
            database.executemany(
                "INSERT OR REPLACE INTO found VALUES (?, ?, ?, ?, ?, ?)", self._new
            )

        self._try(write)
        self._new = []

    def forget(self, paths: Iterable[str]) -> None:
        """Forgets all that is known of some files.

        Args:
            paths: Local paths or URLs.
        """
        places = [(_hash(path),) for path in paths]
        if places and self._file.is_file():
            self._try(lambda it: it.executemany("DELETE FROM found WHERE place = ?", places))

    def _key(self, place: Place) -> tuple[str, str]:
        asked = replace(place.asked, entries=None)
        if asked not in self._asked:
            facts = (asked.tree, asked.layout, asked.missing_triggers, asked.is_mc)
            # Another version, or another table of a user, may find something else.
            tables = (repr(table) for table in asked.layouts)
            self._asked[asked] = _hash(
                version("tau3mu"), repr(facts), *sorted(asked.columns), *tables
            )
        return _hash(place.path), self._asked[asked]

    def _try(self, work: Callable[[sqlite3.Connection], object]) -> None:
        """Does something with the file, in one transaction, if it can be used."""
        try:
            with closing(sqlite3.connect(self._file, timeout=_PATIENCE)) as database, database:
                work(database)
        except sqlite3.OperationalError as error:  # locked, not writable, no table yet
            log.info("the cache %s is not used: %s", self._file, error)
        except sqlite3.DatabaseError as error:  # not a database, or a damaged one
            log.info("the cache %s is damaged (%s), and begins anew", self._file, error)
            with suppress(OSError):
                self._file.unlink()


def cache_folder() -> Path | None:
    """Returns the folder of the cache, None if none is wanted or there is no place for it."""
    if (asked := os.environ.get(CACHE)) is not None:
        return Path(asked).expanduser() if asked else None
    with suppress(RuntimeError):  # nobody's home
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return Path(base) / "tau3mu"
    return None


def forget_files(paths: Iterable[str]) -> None:
    """Makes the next check open some files, such as those that could not be read after all.

    Args:
        paths: Local paths or URLs.
    """
    if folder := cache_folder():
        FoundBefore(folder).forget(paths)


def _text(path: str, *, before: int | None = None) -> str | None:
    """Returns the state of a file as the cache has it."""
    state = state_of(path, before=before)
    return None if state is None else json.dumps(state)


def _hash(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
