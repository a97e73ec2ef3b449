"""The connection to the database: SQLite in the store by default, or PostgreSQL by its URL."""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, NoReturn

from tau3mu.config.input_files import user_path
from tau3mu.errors import InputError, RunError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sqlalchemy import Connection, Engine
    from sqlalchemy.exc import DBAPIError

    from tau3mu.train.store import Store

__all__ = ["DATABASE", "Database", "is_installed", "missing_extra"]

DATABASE: Final = "TAU3MU_DATABASE"
_FILE: Final = "index.sqlite"
_WAIT: Final = 60
"""Seconds for which a process waits for others that write."""


def is_installed() -> bool:
    """Returns whether the library for the database is installed."""
    return find_spec("sqlalchemy") is not None


class Database:
    """The database of a store.

    Attributes:
        path: The file of an SQLite database; None for any other.
        name: Its URL without the password.
    """

    def __init__(self, store: Store, url: str | None = None) -> None:
        """Creates the object; nothing is opened yet.

        Args:
            store: Whose folders are indexed.
            url: Of a PostgreSQL or SQLite database; by default that of the variable
                `TAU3MU_DATABASE`, or `index.sqlite` in the store.

        Raises:
            InputError: A library is not installed, or the URL is not one of a known database.
        """
        if not is_installed():
            raise missing_extra()
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        given = url or os.environ.get(DATABASE)
        try:
            found = make_url(given) if given else _own(store)
        except (ArgumentError, ValueError) as error:
            raise _bad_url(str(given)) from error
        kind = found.drivername.partition("+")[0].replace("postgresql", "postgres")
        if kind not in {"sqlite", "postgres"}:
            raise _bad_url(str(given))
        if kind == "postgres" and find_spec("psycopg") is None:
            raise missing_extra(is_postgres=True)
        self.is_sqlite = kind == "sqlite"
        self.path: Path | None = None
        if self.is_sqlite and found.database not in {None, "", ":memory:"}:
            self.path = user_path(str(found.database)).absolute()
        found = found.set(drivername="sqlite" if self.is_sqlite else "postgresql+psycopg")
        self._url = found.set(database=str(self.path)) if self.path else found
        # A database in memory has one connection, for all threads.
        in_memory = self.is_sqlite and self.path is None
        self._alone: AbstractContextManager[Any] = RLock() if in_memory else nullcontext()
        self.name = redact(found.render_as_string(hide_password=True))

    def engine(self) -> Engine:
        """Returns a new engine; its connections are closed after each use.

        Raises:
            InputError: The driver of the database cannot be imported.
        """
        from sqlalchemy import create_engine, event
        from sqlalchemy.pool import NullPool, StaticPool

        pool = NullPool if self.path or not self.is_sqlite else StaticPool
        # A connection is used by one thread at a time: see `_alone`.
        options = {"timeout": _WAIT, "check_same_thread": False}
        timeout = options if self.is_sqlite else {"connect_timeout": 10}
        try:
            engine = create_engine(
                self._url, poolclass=pool, connect_args=timeout, hide_parameters=True
            )
        except ImportError as error:  # psycopg without the library of PostgreSQL
            raise missing_extra(is_postgres=not self.is_sqlite) from error
        if self.is_sqlite:
            event.listen(engine, "connect", _prepare_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def writing(self, engine: Engine) -> Iterator[Connection]:
        """Begins a transaction that writes: one after the other, over all processes.

        Args:
            engine: Of this database.

        Raises:
            InputError: The database is broken or does not answer.
        """
        writer = engine.execution_options(tau3mu_writes=True)
        with self.explained(), self._alone, writer.begin() as connection:
            if not self.is_sqlite:
                # Any number will do that no other program takes.
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7482043)")
            yield connection

    @contextmanager
    def reading(self, engine: Engine) -> Iterator[Connection]:
        """Begins a transaction that reads: nobody waits for it.

        Args:
            engine: Of this database.

        Raises:
            InputError: The database is broken or does not answer.
        """
        with self.explained(), self._alone, engine.connect() as connection:
            yield connection

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turns the errors of the database into those of this package.

        Raises:
            InputError: Something goes wrong with the database in the block.
        """
        from sqlalchemy.exc import DBAPIError as DatabaseError

        try:
            yield
        except DatabaseError as error:
            self._raise(str(error.orig).strip().partition("\n")[0], error)

    def _raise(self, reason: str, error: DBAPIError) -> NoReturn:
        from sqlalchemy.exc import OperationalError

        if self.is_sqlite and "locked" in reason:
            message = f"other processes have kept the database {self.name} for {_WAIT} s: try again"
            raise RunError(message, code="train.database-busy", path=self.name) from error
        # SQLite says so of tables and columns, of which servers have errors of another class.
        is_missing = self.is_sqlite and ("no such" in reason or "has no column" in reason)
        if isinstance(error, OperationalError) and not is_missing:
            message = f"cannot use the database {self.name}: {reason}"
            raise RunError(message, code="train.no-database", path=self.name) from error
        message = (
            f"the database {self.name} is broken: {reason}; nothing is lost, since it is made "
            "from the folders: python -m tau3mu.train index --rebuild"
        )
        raise InputError(message, code="train.broken-database", path=self.name) from error


def _own(store: Store) -> Any:
    from sqlalchemy.engine import URL

    return URL.create("sqlite", database=str(store.root / _FILE))


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # SQLAlchemy begins transactions, and not the driver, which would begin them too late: two that
    # have read and then want to write can only fail.
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")  # readers and a writer at a time
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("tau3mu_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def missing_extra(*, is_postgres: bool = False) -> InputError:
    """Returns the error that says how to install what the database needs.

    Args:
        is_postgres: Whether it is the driver of PostgreSQL that is missing.
    """
    library, extra = ("psycopg", "postgres") if is_postgres else ("SQLAlchemy", "train")
    message = f"{library} is not installed, which the database needs: pip install 'tau3mu[{extra}]'"
    return InputError(message, code="train.missing-extra", path=extra)


def _bad_url(given: str) -> InputError:
    message = (
        f"{redact(given)!r} is not the URL of a database; expected postgresql://USER@HOST/NAME or "
        "sqlite:///FILE"
    )
    return InputError(message, code="train.bad-database-url", path="database")
