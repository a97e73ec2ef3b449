"""What can be asked of the index."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import Text, case, cast, func, or_, select

from tau3mu.errors import InputError
from tau3mu.train.index.tables import DATASETS, LABELS, TESTS, TRAINS, USES, WAGONS
from tau3mu.train.states import State, read_status

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import ColumnElement, Connection

    from tau3mu.train.states import Status
    from tau3mu.train.store import Store

__all__ = ["choices", "datasets", "tests", "trains", "uses"]

Row = dict[str, Any]


def trains(
    connection: Connection,
    store: Store,
    *,
    limit: int | None = None,
    offset: int = 0,
    **filters: str | None,
) -> tuple[list[Row], int]:
    """Returns a row for each train, the newest first, with its wagons, datasets and labels.

    Args:
        connection: To the database.
        store: Whose trains they are.
        limit: At most so many.
        offset: So many of the newest are left out.
        **filters: `name`, `label`, `state`, `dataset`, `wagon`, `text`; see `Index.trains`.

    Returns:
        The rows, and the number of all that the filters let through.
    """
    lost = _lost(connection, store)
    now = case((TRAINS.c.owner.in_(lost), State.LOST.value), else_=TRAINS.c.state)
    query = select(TRAINS).where(*_conditions(now, **filters))
    total: int = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
    query = query.order_by(TRAINS.c.number.desc()).limit(limit).offset(offset)
    found = [dict(row) for row in connection.execute(query).mappings()]
    for row in found:
        if (status := lost.get(row["owner"])) is not None:
            row |= {"state": status.state.value, "reason": status.reason}
    few = len(found) < total
    for table, column, key in (
        (LABELS, LABELS.c.label, "labels"),
        (WAGONS, WAGONS.c.name, "wagons"),
        (USES, USES.c.dataset, "datasets"),
    ):
        # Of trains only: the other owners of uses are tests.
        below = select(table.c.owner, column).where(
            table.c.owner.in_([row["owner"] for row in found])
            if few
            else table.c.owner.startswith("trains/")
        )
        values: dict[str, list[str]] = {}
        for owner, value in connection.execute(below.order_by(table.c.owner, table.c.position)):
            values.setdefault(owner, []).append(value)
        for row in found:
            row[key] = values.get(row["owner"], [])
    return found, total


def choices(connection: Connection, *, most: int) -> dict[str, list[str]]:
    """Returns the values that trains can be found by: `name`, `label`, `dataset`, `wagon`.

    Args:
        connection: To the database.
        most: So many of each.
    """
    of_trains = USES.c.owner.startswith("trains/")
    queries = {
        "name": select(TRAINS.c.name).where(TRAINS.c.name != ""),
        "label": select(LABELS.c.label),
        "dataset": select(USES.c.dataset).where(of_trains),
        "wagon": select(WAGONS.c.name),
    }
    return {
        key: [text for (text,) in connection.execute(query.distinct().order_by(column).limit(most))]
        for key, query in queries.items()
        for column in query.selected_columns
    }


def _conditions(
    now: ColumnElement[str],
    *,
    state: str | None = None,
    name: str | None = None,
    label: str | None = None,
    dataset: str | None = None,
    wagon: str | None = None,
    text: str | None = None,
) -> Iterator[ColumnElement[bool]]:
    """Yields what has to hold for a train; `now` is its state of now."""
    if state is not None:
        yield now == state
    if name is not None:
        yield TRAINS.c.name == name
    for table, column, value in (
        (LABELS, LABELS.c.label, label),
        (USES, USES.c.dataset, dataset),
        (WAGONS, WAGONS.c.name, wagon),
    ):
        if value is not None:
            yield TRAINS.c.owner.in_(select(table.c.owner).where(column == value))
    for word in (text or "").split():
        yield or_(
            now == word.upper(),
            cast(TRAINS.c.number, Text) == word.lstrip("#0"),
            *(
                column.icontains(word, autoescape=True)
                for column in (TRAINS.c.name, TRAINS.c.comment, TRAINS.c.by)
            ),
            *(
                TRAINS.c.owner.in_(
                    select(table.c.owner).where(column.icontains(word, autoescape=True))
                )
                for table, column in (
                    (LABELS, LABELS.c.label), (WAGONS, WAGONS.c.name), (USES, USES.c.dataset)
                )
            ),
        )  # fmt: skip


def _lost(connection: Connection, store: Store) -> dict[str, Status]:
    """Returns the status of trains that run, by the database, and are lost: nobody wrote that."""
    running = select(TRAINS.c.owner).where(TRAINS.c.state == State.RUNNING.value)
    found = {}
    for (owner,) in connection.execute(running):
        with suppress(InputError):  # it was removed just now
            status = read_status(store.root / owner)
            if status.state is State.LOST:
                found[owner] = status
    return found


def tests(connection: Connection, store: Store, wagon: str | None) -> list[Row]:
    """Returns a row for each test, the oldest first.

    Args:
        connection: To the database.
        store: Whose tests they are.
        wagon: Only those of this wagon.
    """
    query = select(TESTS).order_by(TESTS.c.wagon, TESTS.c.number)
    if wagon is not None:
        query = query.where(TESTS.c.wagon == wagon)
    return _of_today(connection.execute(query).mappings().all(), store)


def datasets(connection: Connection) -> list[Row]:
    """Returns a row for the current version of each dataset, with the number of its versions.

    Args:
        connection: To the database.
    """
    newest = select(
        DATASETS.c.name, func.max(DATASETS.c.number).label("number"), func.count().label("versions")
    )
    last = newest.group_by(DATASETS.c.name).subquery()
    same = (DATASETS.c.name == last.c.name) & (DATASETS.c.number == last.c.number)
    query = select(DATASETS, last.c.versions).join(last, same).order_by(DATASETS.c.name)
    return [dict(row) for row in connection.execute(query).mappings()]


def uses(connection: Connection, dataset: str) -> list[Row]:
    """Returns a row with owner and version for all that refers to a dataset.

    Args:
        connection: To the database.
        dataset: Its name.
    """
    recorded = select(USES.c.owner, USES.c.version).where(USES.c.dataset == dataset)
    children = select(DATASETS.c.owner, DATASETS.c.parent_version.label("version"))
    children = children.where(DATASETS.c.parent_dataset == dataset)
    found = [
        dict(row) for query in (children, recorded) for row in connection.execute(query).mappings()
    ]
    return sorted(found, key=lambda row: row["owner"])


def numbers_of_uses(connection: Connection) -> list[Row]:
    """Returns a row with dataset, kind and number for what refers to each dataset.

    Args:
        connection: To the database.
    """
    found = []
    for kind in ("trains", "tests"):
        query = select(USES.c.dataset, func.count(USES.c.owner.distinct()).label("number"))
        query = query.where(USES.c.owner.startswith(f"{kind}/")).group_by(USES.c.dataset)
        found += [{**row, "kind": kind} for row in connection.execute(query).mappings()]
    parent = DATASETS.c.parent_dataset
    children = select(
        parent.label("dataset"), func.count(DATASETS.c.name.distinct()).label("number")
    )
    children = children.where(parent.is_not(None)).group_by(parent)
    found += [{**row, "kind": "datasets"} for row in connection.execute(children).mappings()]
    return found


def _of_today(rows: Iterable[Any], store: Store) -> list[Row]:
    """Returns rows with the states of now: that a process is lost, nobody has written."""
    found = [dict(row) for row in rows]
    for row in found:
        if row["state"] == State.RUNNING.value:
            with suppress(InputError):  # it was removed just now
                status = read_status(store.root / row["owner"])
                row |= {"state": status.state.value, "reason": status.reason}
    return found
