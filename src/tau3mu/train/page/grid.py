"""The grid of an analysis: wagons and variants against datasets, each with its last test."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Final

from tau3mu.train.page.past import PastTest, past_test, past_tests

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tau3mu.train.page.train_files import Check, TrainFile
    from tau3mu.train.store import Store

__all__ = ["Cell", "Grid", "Row", "Wagon", "grid_of", "other_wagons"]

_LOOKED_AT: Final = 20
"""Of each wagon, so many of the last tests; older ones say nothing about today."""


@dataclass(frozen=True)
class Cell:
    """A wagon or variant on a dataset.

    Attributes:
        dataset: The name of the dataset.
        test: The last one, None if there is none.
        stale: Why the test does not count any more, empty if it does or nobody knows.
    """

    dataset: str
    test: PastTest | None = None
    stale: str = ""

    @property
    def state(self) -> str:
        """That of the test, or that there is none."""
        return self.test.state if self.test else "NOT TESTED"

    @property
    def reason(self) -> str:
        """Of the state, and why it does not count any more."""
        return "; ".join(filter(None, [self.test.reason if self.test else "", self.stale]))


@dataclass(frozen=True)
class Row:
    """A wagon or a variant of it, by the name of its results."""

    result: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Wagon:
    """A wagon with its variants.

    Attributes:
        name: Of the wagon.
        rows: One for itself and for each variant that is active.
        last: Its last test of all, None if there is none.
        refused: Why a train must not take it; None if that is not known.
    """

    name: str
    rows: tuple[Row, ...]
    last: PastTest | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Grid:
    """All wagons of a train file.

    Attributes:
        datasets: The columns.
        wagons: With their rows.
        train: The tests of the whole train, as of a wagon; None if its name is not known.
    """

    datasets: tuple[str, ...]
    wagons: tuple[Wagon, ...]
    train: Wagon | None = field(default=None)

    @property
    def is_running(self) -> bool:
        """Whether a test goes on."""
        every = [*self.wagons, *filter(None, [self.train])]
        return any(one.last is not None and one.last.is_running for one in every)


def grid_of(store: Store, file: TrainFile, check: Check | None) -> Grid:
    """Returns the grid of a train file.

    Args:
        store: Where the tests are.
        file: The train file.
        check: What is known about it; without it, datasets have the names of the file.
    """
    checked = check if check is not None and check.valid else None
    wagons = _results(checked.wagons) if checked else file.wagons
    names = [one["name"] for one in checked.read] if checked else map(_plain, file.datasets)
    datasets = tuple(dict.fromkeys(names))
    return Grid(
        datasets,
        tuple(_wagon(store, name, results, datasets, checked) for name, results in wagons.items()),
        _wagon(store, checked.train, (), datasets, None) if checked else None,
    )


def other_wagons(store: Store, known: Iterable[str]) -> Grid:
    """Returns the grid of the wagons that only tests know.

    Args:
        store: Where the tests are.
        known: The names of wagons, and of whole trains, that train files have.
    """
    names = sorted(set(store.tested()) - set(known))
    tests = {name: list(islice(past_tests(store, name), _LOOKED_AT)) for name in names}
    tests = {name: found for name, found in tests.items() if found}
    measured = {
        name: next((one.measured for one in found if one.measured), None)
        for name, found in tests.items()
    }
    names = [name for one in measured.values() if one for name in one.datasets]
    datasets = tuple(sorted(set(names)))
    wagons = []
    for name, found in tests.items():
        results = one.processors if (one := measured[name]) else (name,)
        own = [one for one in results if one == name or one.startswith(f"{name}_")] or [name]
        rows = tuple(_row(one, datasets, found) for one in own)
        wagons.append(Wagon(name, rows, found[0]))
    return Grid(datasets, tuple(wagons))


def _wagon(
    store: Store,
    name: str,
    results: Sequence[str],
    datasets: Sequence[str],
    check: Check | None,
) -> Wagon:
    tests = list(islice(past_tests(store, name), _LOOKED_AT))
    last = tests[0] if tests else None
    known = check.tests.get(name) if check else None
    if known is None:
        return Wagon(name, tuple(_row(one, datasets, tests) for one in results), last)
    refused, number = str(known["forced"]), known["number"]
    # The last test may be of another train file with a wagon of this name.
    running = [one for one in tests[:1] if one.is_running]
    counted = [one for one in tests if one.number == number]
    if number is not None and not counted:  # it is older than those that are looked at
        older = (path for path in store.tests(name) if int(path.name) == number)
        counted = [past_test(path) for path in older]
    shown = [*running, *counted, *tests]
    stale = refused if number is not None and known["state"] in {"OK", "WARN"} else ""
    rows = tuple(_row(one, datasets, shown, {number: stale}) for one in results)
    return Wagon(name, rows, running[0] if running else last, refused)


def _row(
    result: str,
    datasets: Sequence[str],
    tests: Sequence[PastTest],
    stale: Mapping[int, str] | None = None,
) -> Row:
    cells = []
    for dataset in datasets:
        test = next((one for one in tests if one.covers(result, dataset)), None)
        cells.append(Cell(dataset, test, (stale or {}).get(test.number, "") if test else ""))
    return Row(result, tuple(cells))


def _results(rows: Iterable[Mapping[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row["wagon"], []).append(row["results"])
    return found


def _plain(dataset: str) -> str:
    """Returns the name of a dataset without version and view."""
    return dataset.partition("@")[0]
