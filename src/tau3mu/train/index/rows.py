"""The rows of a dataset, a test or a train, made from its files: one function for each kind."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from tau3mu.config.documents import read_document
from tau3mu.errors import InputError
from tau3mu.run.frozen import FrozenRun, read_frozen
from tau3mu.storage.names import FULL_CONFIG
from tau3mu.train.index import tables
from tau3mu.train.metrics import METRICS, Metrics, read_metrics
from tau3mu.train.notes import NOTES, described
from tau3mu.train.record import RECORD, TrainRecord, WagonTest
from tau3mu.train.references import datasets_of_test, datasets_of_train
from tau3mu.train.registered import RegisteredDataset, read_registered
from tau3mu.train.states import STATUS, Status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from sqlalchemy import Table

    from tau3mu.train.store import Store

__all__ = ["Owner", "Row", "Rows", "files_of", "owner_of", "owners", "rows_of"]

Row = dict[str, Any]
Rows = dict["Table", list[Row]]
_LARGEST: Final = 2**63 - 1
_RECORDS: Final = {
    "tests": (STATUS, METRICS, FULL_CONFIG),
    "trains": (STATUS, RECORD, NOTES, FULL_CONFIG),
}
"""The files from which the rows of tests and trains are made."""


@dataclass(frozen=True)
class Owner:
    """A folder or a file of a store that has rows in the database.

    Attributes:
        name: Its path below the store, such as `trains/0007`.
        path: Where it is.
    """

    name: str
    path: Path

    @property
    def kind(self) -> str:
        """`datasets`, `tests` or `trains`."""
        return self.name.partition("/")[0]

    @property
    def listing(self) -> Path:
        """The file that lists its data files, the rows of which are many."""
        return self.path if self.kind == "datasets" else self.path / FULL_CONFIG

    def stamps(self) -> dict[str, str]:
        """Returns what tells whether a record has changed, by its name."""
        is_file = self.kind == "datasets"
        folder = str(self.path.parent if is_file else self.path)
        names = (self.path.name,) if is_file else _RECORDS[self.kind]
        found = {}
        for name in names:
            try:  # without an object for each path: this is asked of all before each question
                status = os.stat(f"{folder}/{name}")  # noqa: PTH116
            except OSError:
                continue
            found[name] = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
        return found or {"": ""}  # a folder that was made just now


def owners(store: Store) -> Iterator[Owner]:
    """Returns all that has rows in the database of a store.

    Args:
        store: The store.
    """
    for path in sorted(store.datasets.glob("*/*.json")):
        if not path.name.startswith(".") and not path.parent.name.startswith("."):
            yield owner_of(store, path)
    for wagon in store.tested():
        for path in store.tests(wagon):
            yield owner_of(store, path)
    for path in store.trains():
        yield owner_of(store, path)


def owner_of(store: Store, path: Path) -> Owner:
    """Returns the owner at a path.

    Args:
        store: The store.
        path: The file of a version of a dataset, or the folder of a test or a train.
    """
    return Owner(_storable(path.relative_to(store.root).as_posix()), path)


def rows_of(owner: Owner) -> Rows:
    """Returns the rows of an owner but those of its files; of a damaged one, what is wrong.

    Args:
        owner: What is to be read.
    """
    make = {"datasets": _dataset, "tests": _test, "trains": _train}[owner.kind]
    try:
        found = make(owner)
        _check_numbers(owner, [row for rows in found.values() for row in rows])
    except InputError as error:
        table, row = _identity(owner)
        found = {table: [{**row, "problem": str(error)}]}
    return {table: _owned(owner, table, rows) for table, rows in found.items()}


def files_of(owner: Owner) -> list[Row]:
    """Returns a row for each data file of an owner.

    Args:
        owner: A version of a dataset, a test or a train.
    """
    try:
        rows = _files_of_dataset(owner) if owner.kind == "datasets" else _files_of_run(owner)
        _check_numbers(owner, rows)
    except InputError:  # it cannot be run, and says so when that is tried
        rows = []
    return _owned(owner, tables.FILES, rows)


def _check_numbers(owner: Owner, rows: Iterable[Row]) -> None:
    """Refuses numbers that no database holds, which somebody has written into a file by hand."""
    for row in rows:
        for name, value in row.items():
            if isinstance(value, int) and not -_LARGEST <= value <= _LARGEST:
                message = f"{owner.path}: {name} has {len(str(abs(value)))} digits: it is damaged"
                raise InputError(message, code="train.wrong-number", path=owner.path)


def _storable(value: Any) -> Any:
    """Returns a value, a text without what databases refuse: halves of characters, and zeros."""
    if not isinstance(value, str) or (value.isprintable() and value.isascii()):
        return value
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _owned(owner: Owner, table: Table, rows: list[Row]) -> list[Row]:
    """Returns rows with the keys of all columns, which many rows in one statement have to have."""
    empty = dict.fromkeys(column.name for column in table.columns)
    rows = [{name: _storable(value) for name, value in row.items()} for row in rows]
    if "position" not in empty:
        return [{**empty, "owner": owner.name, **row} for row in rows]
    return [
        {**empty, "owner": owner.name, "position": index, **row} for index, row in enumerate(rows)
    ]


def _identity(owner: Owner) -> tuple[Table, Row]:
    if owner.kind == "datasets":
        return tables.DATASETS, {"name": owner.path.parent.name, "version": owner.path.stem}
    number = int(owner.path.name)
    if owner.kind == "tests":
        return tables.TESTS, {"wagon": owner.path.parent.name, "number": number}
    return tables.TRAINS, {"number": number}


def _dataset(owner: Owner) -> Rows:
    dataset: RegisteredDataset = read_registered(owner.path)
    parent = dataset.parent
    row = {
        "name": dataset.name,
        "version": dataset.version,
        "number": dataset.last.number,
        "registered": dataset.last.when,
        "by": dataset.last.by,
        "files": len(dataset.files),
        "events": dataset.events,
        "bytes": dataset.size,
        "era": dataset.era,
        "is_mc": dataset.is_mc,
        "lumi": dataset.lumi,
        "active": dataset.active,
        "description": dataset.description,
        "parent_dataset": parent.dataset if parent else None,
        "parent_version": parent.version if parent else None,
        "parent_train": parent.train if parent else None,
        "parent_step": parent.step if parent else None,
    }
    return {tables.DATASETS: [row]}


def _train(owner: Owner) -> Rows:
    composed = (owner.path / RECORD).is_file()
    record = described(owner.path) if composed else TrainRecord()
    states = _states(owner.path)
    row = {
        "number": int(owner.path.name),
        "name": record.name,
        "comment": record.comment,
        "parent": record.parent,
        "composed": record.composed,
        "by": record.by,
        "events": record.events,
        **_last(states),
    }
    tests = {name: record.tests.get(name, WagonTest()) for name in record.wagons}
    return {
        tables.TRAINS: [row],
        tables.STATES: states,
        tables.LABELS: [{"label": label} for label in filter(None, [record.label])],
        tables.WAGONS: [
            {"name": name, "test": test.number, "forced": test.forced}
            for name, test in tests.items()
        ],
        tables.USES: _uses(datasets_of_train(owner.path)),
    }


def _test(owner: Owner) -> Rows:
    states = _states(owner.path)
    row = {"wagon": owner.path.parent.name, "number": int(owner.path.name), **_last(states)}
    if (owner.path / METRICS).is_file():
        row |= _measured(read_metrics(owner.path))
    return {
        tables.TESTS: [row],
        tables.STATES: states,
        tables.USES: _uses(datasets_of_test(owner.path)),
    }


def _measured(metrics: Metrics) -> Row:
    expected = metrics.expected
    return {
        "started": metrics.started,
        "changed": ", ".join(metrics.changed),
        "events": metrics.events,
        "events_per_second": metrics.events_per_second,
        "cpu": metrics.loop.cpu,
        "wall": metrics.loop.wall,
        "pss_max": metrics.memory.pss_max,
        "pss_average": metrics.memory.pss_average,
        "input_bytes": metrics.input_bytes,
        "output_bytes": metrics.output_bytes,
        "expected_cpu_hours": expected.cpu_hours if expected else None,
        "expected_memory": expected.memory_bytes if expected else None,
        "expected_output": expected.output_bytes if expected else None,
    }


def _uses(datasets: Mapping[str, str]) -> list[Row]:
    return [{"dataset": name, "version": version} for name, version in datasets.items()]


def _states(folder: Path) -> list[Row]:
    """Returns the states as they were written: that a process is lost shows when it is asked."""
    if not (folder / STATUS).is_file():
        return []
    status = read_document(folder / STATUS, "status", language="train").validate(Status)
    return [
        {"state": change.state.value, "time": change.time, "reason": change.reason}
        for change in status.changes
    ]


def _last(states: list[Row]) -> Row:
    last = states[-1] if states else {"state": None, "reason": None, "time": None}
    return {"state": last["state"], "reason": last["reason"], "since": last["time"]}


def _files_of_dataset(owner: Owner) -> list[Row]:
    dataset = read_registered(owner.path)
    return [
        {
            "dataset": dataset.name,
            "path": file.path,
            "tree": file.tree,
            "uuid": file.uuid,
            "entries": file.entries,
            "bytes": file.size,
        }
        for file in dataset.files
    ]


def _files_of_run(owner: Owner) -> list[Row]:
    """Returns the files of a frozen configuration, of which a run may have ten thousand."""
    if not owner.listing.is_file():
        return []
    try:  # fast
        frozen = FrozenRun.model_validate_json(owner.listing.read_bytes())
    except ValidationError:
        frozen = read_frozen(owner.path)
    return [
        {
            "dataset": dataset.name,
            "path": file.path,
            "tree": file.tree,
            "uuid": file.uuid,
            "entries": file.entries,
            "bytes": None,
        }
        for dataset in frozen.datasets
        for file in dataset.files
    ]
