"""What can be asked of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select

from tau3mu.train.index.tables import DATASETS, LABELS, TESTS, TRAINS, USES, WAGONS
from tau3mu.train.states import State, read_status

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from tau3mu.train.store import Store

__all__ = ["datasets", "tests", "trains", "uses"]

Row = dict[str, Any]


def trains(
    connection: Connection,
    store: Store,
    *,
    name: str | None = None,
    label: str | None = None,
    state: str | None = None,
    dataset: str | None = None,
    wagon: str | None = None,
    text: str | None = None,
    limit: int | None = None,
) -> list[Row]:
    """Returns a row for each train, the newest first, with its wagons, datasets and labels.

    Args:
        connection: To the database.
        store: Whose trains they are.
        name: Only those of this name.
        label: Only those with this label.
        state: Only those in this state, such as `FAILED`.
        dataset: Only those that read any version of this dataset.
        wagon: Only those with this wagon.
        text: Only those with this text in name, comment, label or the name of a wagon.
        limit: At most so many.
    """
    query = select(TRAINS).order_by(TRAINS.c.number.desc())
    if name is not None:
        query = query.where(TRAINS.c.name == name)
    for table, column, value in (
        (LABELS, LABELS.c.label, label),
        (USES, USES.c.dataset, dataset),
        (WAGONS, WAGONS.c.name, wagon),
    ):
        if value is not None:
            query = query.where(TRAINS.c.owner.in_(select(table.c.owner).where(column == value)))
    if text is not None:
        query = query.where(
            or_(
                TRAINS.c.name.icontains(text, autoescape=True),
                TRAINS.c.comment.icontains(text, autoescape=True),
                *(
                    TRAINS.c.owner.in_(
                        select(table.c.owner).where(column.icontains(text, autoescape=True))
                    )
                    for table, column in ((LABELS, LABELS.c.label), (WAGONS, WAGONS.c.name))
                ),
            )
        )
    if state in {State.OK.value, State.WARN.value, State.FAILED.value, State.KILLED.value}:
        query = query.where(TRAINS.c.state == state)  # of the others some may be lost
    found = _of_today(connection.execute(query).mappings().all(), store)
    found = [row for row in found if state is None or row["state"] == state][:limit]
    for table, column, key in (
        (LABELS, LABELS.c.label, "labels"),
        (WAGONS, WAGONS.c.name, "wagons"),
        (USES, USES.c.dataset, "datasets"),
    ):
        # Of trains only: the other owners of uses are tests.
        below = select(table.c.owner, column).where(table.c.owner.startswith("trains/"))
        values: dict[str, list[str]] = {}
        for owner, value in connection.execute(below.order_by(table.c.owner, table.c.position)):
            values.setdefault(owner, []).append(value)
        for row in found:
            row[key] = values.get(row["owner"], [])
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


def _of_today(rows: Iterable[Any], store: Store) -> list[Row]:
    """Returns rows with the states of now: that a process is lost, nobody has written."""
    found = [dict(row) for row in rows]
    for row in found:
        if row["state"] == State.RUNNING.value:
            status = read_status(store.root / row["owner"])
            row |= {"state": status.state.value, "reason": status.reason}
    return found
