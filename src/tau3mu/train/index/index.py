"""The index of a store: what its folders hold, brought up to date before each question."""

from __future__ import annotations

import logging
import os
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError
from tau3mu.storage.files import disk_error
from tau3mu.train.index.engine import Database, missing_extra

try:
    from sqlalchemy import Connection, delete, func, insert, inspect, select
except ImportError as error:
    raise missing_extra() from error

from tau3mu.train.index import questions, tables
from tau3mu.train.index.rows import Owner, files_of, owner_of, owners, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from sqlalchemy import Table

    from tau3mu.train.index.rows import Row
    from tau3mu.train.store import Store

__all__ = ["Index"]

log = logging.getLogger(__name__)

_IDENTITY: Final = ".store"
_AT_ONCE: Final = 2000
"""So many rows are written together."""

Choices = dict[str, list[str]]
_Change = tuple[str, "Owner | None", "dict[str, str] | None"]
"""Name, owner (None if it is gone), and its stamps before (None if it is new)."""


class Index:
    """The database of a store, as an index of its folders.

    Attributes:
        store: The store.
        database: Where the index is.
    """

    def __init__(self, store: Store, database: str | None = None) -> None:
        """Opens the index; an older one, or none, is made from the folders.

        Args:
            store: The store.
            database: The URL of the database; see `Database`.

        Raises:
            InputError: A library is not installed, the URL is wrong, or the database is broken, of
                a newer version, or of another store.
            RunError: The database does not answer.
        """
        self.store = store
        self.database = Database(store, database)
        if self.database.path and not (store.root.is_dir() and _can_write(self.database.path)):
            # Whoever may only read the store gets an index in memory, and asking makes no folder.
            self.database = Database(store, "sqlite://")
        self._engine = self.database.engine()

    def rebuild(self) -> int:
        """Makes the index again from the folders, and returns how many of them it has.

        Raises:
            RunError: The database does not answer, or its file cannot be written.
        """
        # Rows are removed before tables, and these before the file: that disturbs others less.
        for begin in (self._clear, self._make):
            try:
                return self._made(begin)
            except InputError as error:  # noqa: PERF203 - of two attempts
                if error.code != "train.broken-database":
                    raise
        # What others have open of a damaged file is of no use to them either.
        if (path := self.database.path) is not None:
            for ending in ("", "-wal", "-shm"):
                file = path.with_name(path.name + ending)
                try:
                    file.unlink(missing_ok=True)
                except OSError as error:
                    raise disk_error(file, error) from error
        return self._made(self._make)

    def _made(self, begin: Callable[[Connection], None]) -> int:
        with self.database.writing(self._engine) as connection:
            begin(connection)
            return self._refresh(connection)

    def refresh(self) -> int:
        """Brings the index up to date with the folders, and returns how many have changed.

        Raises:
            InputError: The database is broken, newer, or of another store.
            RunError: The database does not answer.
        """
        with self.database.reading(self._engine) as connection:
            ready = self._is_ready(connection)
            if ready and not any(self._changes(connection)):
                return 0
        with self.database.writing(self._engine) as connection:
            self._prepare(connection)
            return self._refresh(connection)

    def update(self, path: Path) -> None:
        """Brings what the index has of one folder up to date.

        Args:
            path: Of a test or a train, or the file of a version of a dataset; it may be gone.

        Raises:
            InputError: The database is broken, newer, or of another store.
            RunError: The database does not answer.
        """
        owner = owner_of(self.store, path)
        with self.database.writing(self._engine) as connection:
            self._prepare(connection)
            known = select(tables.SOURCES).where(tables.SOURCES.c.owner == owner.name)
            before = {row.file: row.stamp for row in connection.execute(known)} or None
            self._replace(connection, [(owner.name, owner if path.exists() else None, before)])

    def sizes(self) -> dict[str, int]:
        """Returns the number of rows of each table."""
        with self._asking() as connection:
            return {
                table.name.removeprefix(tables.PREFIX): connection.execute(
                    select(func.count()).select_from(table)
                ).scalar_one()
                for table in (*tables.OWNED, tables.FILES)
            }

    def trains(self, **filters: Any) -> list[Row]:
        """Returns a row for each train, the newest first, with its wagons, datasets and labels.

        Args:
            filters: `name`, `label`, `state`, `dataset`, `wagon`: only trains with this one;
                `text`: only those with each word of it in number, name, label, comment, state or
                the name of a user, a wagon or a dataset; `limit` and `offset`: at most so many,
                after so many.

        Raises:
            InputError: The database is broken, newer, or of another store.
            RunError: The database does not answer.
        """
        with self._asking() as connection:
            return questions.trains(connection, self.store, **filters)[0]

    def listing(self, *, most: int = 500, **filters: Any) -> tuple[list[Row], int, Choices]:
        """Returns a part of the trains, how many there are, and what they can be found by.

        Args:
            most: So many values of each kind.
            filters: See `trains`.

        Returns:
            What `trains` returns; the number of all, without `limit` and `offset`; and the values
            of `name`, `label`, `dataset` and `wagon` that there are.

        Raises:
            InputError: The database is broken, newer, or of another store.
            RunError: The database does not answer.
        """
        with self._asking() as connection:
            rows, total = questions.trains(connection, self.store, **filters)
            return rows, total, questions.choices(connection, most=most)

    def tests(self, wagon: str | None = None) -> list[Row]:
        """Returns a row for each test of a wagon, or of all, the oldest first.

        Args:
            wagon: Its name.
        """
        with self._asking() as connection:
            return questions.tests(connection, self.store, wagon)

    def datasets(self) -> list[Row]:
        """Returns a row for the current version of each dataset, by name."""
        with self._asking() as connection:
            return questions.datasets(connection)

    def uses(self, dataset: str) -> list[Row]:
        """Returns a row for all that refers to a dataset: datasets, tests and trains.

        Args:
            dataset: Its name.
        """
        with self._asking() as connection:
            return questions.uses(connection, dataset)

    def numbers_of_uses(self) -> list[Row]:
        """Returns a row with `dataset`, `kind` and `number` for what refers to each dataset."""
        with self._asking() as connection:
            return questions.numbers_of_uses(connection)

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        self.refresh()
        with self.database.reading(self._engine) as connection:
            yield connection

    def _is_ready(self, connection: Connection) -> bool:
        """Returns whether there are tables of this version, of this store."""
        if not inspect(connection).has_table(tables.META.name):
            return False
        row = connection.execute(select(tables.META.c.version, tables.META.c.store)).first()
        if row is None:
            return False
        version, store = row
        if version > tables.INDEX_VERSION:
            message = (
                f"the database {self.database.name} has version {version}, and this tau3mu knows "
                f"{tables.INDEX_VERSION}: update tau3mu, or make it again by index --rebuild"
            )
            raise InputError(message, code="train.newer-database", path=self.database.name)
        if store != self._identity():
            message = (
                f"the database {self.database.name} is of another store than {self.store.root}: "
                "give each store a database, or make it one of this store by index --rebuild"
            )
            raise InputError(message, code="train.other-store", path=self.database.name)
        return bool(version == tables.INDEX_VERSION)

    def _prepare(self, connection: Connection) -> None:
        if not self._is_ready(connection):
            self._make(connection)

    def _clear(self, connection: Connection) -> None:
        """Removes all rows; tables that are not those of this version are made again."""
        names = set(inspect(connection).get_table_names())
        version = select(tables.META.c.version)
        if names >= set(tables.TABLES.tables) and (
            connection.execute(version).scalar_one_or_none() == tables.INDEX_VERSION
        ):
            for table in tables.TABLES.sorted_tables:
                connection.execute(delete(table))
            self._sign(connection)
        else:
            self._make(connection)

    def _make(self, connection: Connection) -> None:
        """Makes all tables, empty."""
        tables.TABLES.drop_all(connection)
        tables.TABLES.create_all(connection)
        self._sign(connection)

    def _sign(self, connection: Connection) -> None:
        row = {"version": tables.INDEX_VERSION, "store": self._identity()}
        connection.execute(insert(tables.META), [row])

    def _changes(self, connection: Connection) -> Iterator[_Change]:
        """Returns all owners that have changed, come or gone."""
        before: dict[str, dict[str, str]] = {}
        for owner, file, stamp in connection.execute(select(tables.SOURCES)):
            before.setdefault(owner, {})[file] = stamp
        for found in owners(self.store):
            known = before.pop(found.name, None)
            if known != found.stamps():
                yield found.name, found, known
        for name, known in before.items():
            yield name, None, known

    def _refresh(self, connection: Connection) -> int:
        changes = list(self._changes(connection))
        self._replace(connection, changes)
        return len(changes)

    def _replace(self, connection: Connection, changes: Iterable[_Change]) -> None:
        """Replaces the rows of owners; the stamps are from before their records are read."""
        new: dict[Table, list[Row]] = {}
        for name, owner, before in changes:
            stamps = owner.stamps() if owner else {}
            same_files = owner is not None and _listed(owner, before) == _listed(owner, stamps)
            if before is not None:
                for table in (tables.SOURCES, *tables.OWNED, tables.FILES):
                    if table is not tables.FILES or not same_files:
                        connection.execute(delete(table).where(table.c.owner == name))
            if owner is None:
                continue
            rows = rows_of(owner)
            rows[tables.SOURCES] = [
                {"owner": name, "file": file, "stamp": stamp} for file, stamp in stamps.items()
            ]
            rows[tables.FILES] = [] if same_files else files_of(owner)
            for table, values in rows.items():
                new.setdefault(table, []).extend(values)
            if sum(map(len, new.values())) >= _AT_ONCE:
                _write(connection, new)
        _write(connection, new)

    def _identity(self) -> str:
        """Returns what tells this store from others, wherever it is mounted."""
        path = self.store.root / _IDENTITY
        with suppress(OSError):
            return path.read_text(encoding="ascii").strip()
        if not self.store.root.is_dir() or not os.access(self.store.root, os.W_OK):
            return ""
        temporary = path.with_name(f"{_IDENTITY}.{os.getpid()}")
        with suppress(FileExistsError):
            try:
                temporary.write_text(uuid.uuid4().hex, encoding="ascii")
                os.link(temporary, path)
            except FileExistsError:
                raise
            except OSError as error:
                raise disk_error(path, error) from error
            finally:
                temporary.unlink(missing_ok=True)
        return path.read_text(encoding="ascii").strip()


def _listed(owner: Owner, stamps: dict[str, str] | None) -> str | None:
    """Returns the stamp of the list of files; that there is none, is known after a look only."""
    return None if stamps is None else stamps.get(owner.listing.name, "none")


def _write(connection: Connection, rows: dict[Table, list[Row]]) -> None:
    """Writes rows, and forgets them."""
    while rows:
        table, values = rows.popitem()
        if values:
            connection.execute(insert(table), values)


def _can_write(path: Path) -> bool:
    """Returns whether a database can be written: the file, and others beside it."""
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))
