"""The tables of the database: one row for each thing, owned by the folder or file it is made from.

An owner is a path below the store, such as `trains/0007`, `tests/dsphipi/0003` and
`datasets/2017B/VERSION.json`. All rows of an owner are replaced together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    Table,
    Text,
)

if TYPE_CHECKING:
    from sqlalchemy.schema import SchemaItem

__all__ = [
    "DATASETS",
    "FILES",
    "INDEX_VERSION",
    "LABELS",
    "META",
    "OWNED",
    "PREFIX",
    "SOURCES",
    "STATES",
    "TABLES",
    "TESTS",
    "TRAINS",
    "USES",
    "WAGONS",
]

INDEX_VERSION: Final = 1
"""To be counted up with each change of a table; an older database is made again."""

PREFIX: Final = "tau3mu_"
"""Of the names of tables: a database may hold those of other programs, which are left alone."""

TABLES: Final = MetaData()


def _owned(name: str, *columns: SchemaItem, numbered: bool = False) -> Table:
    """Returns a table of one row for each owner, or of several that are numbered."""
    keys: list[Column[Any]] = [Column("owner", Text, primary_key=True)]
    if numbered:
        keys.append(Column("position", Integer, primary_key=True, autoincrement=False))
    return Table(PREFIX + name, TABLES, *keys, *columns)


META: Final = Table(
    PREFIX + "store", TABLES,
    Column("version", Integer, nullable=False),
    Column("store", Text, nullable=False),
)  # fmt: skip

SOURCES: Final = Table(
    PREFIX + "sources", TABLES,
    Column("owner", Text, primary_key=True),
    Column("file", Text, primary_key=True),
    Column("stamp", Text, nullable=False),
)  # fmt: skip

DATASETS: Final = _owned(
    "datasets",
    Column("name", Text, nullable=False, index=True),
    Column("version", Text, nullable=False),
    Column("number", Integer),
    Column("registered", Text),
    Column("by", Text),
    Column("files", Integer),
    Column("events", BigInteger),
    Column("bytes", BigInteger),
    Column("era", Text),
    Column("is_mc", Boolean),
    Column("lumi", Float(53)),
    Column("active", Boolean),
    Column("description", Text),
    Column("parent_dataset", Text, index=True),
    Column("parent_version", Text),
    Column("parent_train", Integer),
    Column("parent_step", Text),
    Column("problem", Text),
)

TRAINS: Final = _owned(
    "trains",
    Column("number", Integer, nullable=False, index=True),
    Column("name", Text),
    Column("comment", Text),
    Column("parent", Integer),
    Column("composed", Text),
    Column("by", Text),
    Column("events", BigInteger),
    Column("state", Text, index=True),
    Column("reason", Text),
    Column("since", Text),
    Column("problem", Text),
)

TESTS: Final = _owned(
    "tests",
    Column("wagon", Text, nullable=False, index=True),
    Column("number", Integer, nullable=False),
    Column("started", Text),
    Column("state", Text),
    Column("reason", Text),
    Column("since", Text),
    Column("changed", Text),
    Column("events", BigInteger),
    Column("events_per_second", Float(53)),
    Column("cpu", Float(53)),
    Column("wall", Float(53)),
    Column("pss_max", BigInteger),
    Column("pss_average", BigInteger),
    Column("input_bytes", BigInteger),
    Column("output_bytes", BigInteger),
    Column("expected_cpu_hours", Float(53)),
    Column("expected_memory", BigInteger),
    Column("expected_output", BigInteger),
    Column("problem", Text),
)

STATES: Final = _owned(
    "states",
    Column("state", Text, nullable=False),
    Column("time", Text),
    Column("reason", Text),
    numbered=True,
)

LABELS: Final = _owned("labels", Column("label", Text, nullable=False), numbered=True)

WAGONS: Final = _owned(
    "wagons",
    Column("name", Text, nullable=False, index=True),
    Column("test", Integer),
    Column("forced", Text),
    numbered=True,
)

USES: Final = _owned(
    "uses",
    Column("dataset", Text, nullable=False, index=True),
    Column("version", Text),
    numbered=True,
)

FILES: Final = _owned(
    "files",
    Column("dataset", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("tree", Text),
    Column("uuid", Text, index=True),
    Column("entries", BigInteger),
    Column("bytes", BigInteger),
    numbered=True,
)

OWNED: Final = (DATASETS, TRAINS, TESTS, STATES, LABELS, WAGONS, USES)
"""What is made from small records; `FILES` is replaced only when the list of files has changed."""
