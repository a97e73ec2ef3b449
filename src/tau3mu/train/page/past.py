"""Tests in the store, each as a row that is read once while its files stay the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError, Tau3muError
from tau3mu.train.metrics import METRICS, read_metrics
from tau3mu.train.states import STATUS, State, read_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tau3mu.train.metrics import Metrics
    from tau3mu.train.store import Store

__all__ = ["PastTest", "folder_of_test", "past_test", "past_tests"]

_REMEMBERED: Final = 4096


@dataclass(frozen=True)
class Measured:
    """What a table shows of the metrics of a test.

    Attributes:
        processors: The names of all results.
        datasets: The events that were read, by dataset.
        summary: As `metrics.summary`.
        started: When, in UTC.
        changed: The parts that differ from the test before.
        limit: CPU hours.
        cpu_hours: CPU hours that the whole datasets need; None if that is not known.
    """

    processors: tuple[str, ...]
    datasets: dict[str, int]
    summary: dict[str, Any]
    started: str
    changed: tuple[str, ...]
    limit: float
    cpu_hours: float | None


@dataclass(frozen=True)
class PastTest:
    """A test as it is now.

    Attributes:
        wagon: Whose test it is.
        number: Of the test.
        folder: Of the test.
        state: Such as `OK`; `?` if its files are damaged.
        since: When it came into this state, in UTC; empty if nobody knows.
        reason: Why.
        pid: Of the process that has made it, 0 if it has not begun.
        measured: None before its end, and of damaged files.
    """

    wagon: str
    number: int
    folder: Path
    state: str
    since: str
    reason: str
    pid: int = 0
    measured: Measured | None = None

    @property
    def is_running(self) -> bool:
        """Whether it goes on."""
        return self.state in {State.RUNNING.value, State.QUEUED.value}

    def covers(self, result: str, dataset: str) -> bool:
        """Returns whether the test is one of a wagon or variant on a dataset.

        Those that have no metrics or read nothing, since something was wrong, are of all.

        Args:
            result: The name of the results of the wagon or variant.
            dataset: The name of the dataset.
        """
        found = self.measured
        if found is None or not found.datasets:
            return True
        return result in found.processors and dataset in found.datasets


def past_tests(store: Store, wagon: str) -> Iterator[PastTest]:
    """Yields the tests of a wagon, the newest first.

    Args:
        store: Where they are.
        wagon: The name of the wagon or the train.
    """
    if wagon in store.tested():
        yield from (past_test(folder) for folder in reversed(store.tests(wagon)))


def past_test(folder: Path) -> PastTest:
    """Returns a test as it is now, also one whose files are damaged.

    Args:
        folder: Of the test.
    """
    wagon, number = folder.parent.name, int(folder.name)
    if not (folder / STATUS).is_file():
        return PastTest(wagon, number, folder, State.LOST.value, "", f"no {STATUS}")
    try:
        status = read_status(folder)
        measured = _measured(folder)
    except (Tau3muError, OSError) as error:
        return PastTest(wagon, number, folder, "?", "", str(error))
    since = status.changes[-1].time if status.changes else ""
    state = status.state.value
    return PastTest(wagon, number, folder, state, since, status.reason, status.pid, measured)


def folder_of_test(store: Store, wagon: str, number: str) -> Path:
    """Returns the folder of a test.

    Args:
        store: Where it is.
        wagon: The name of the wagon or the train.
        number: Of the test.

    Raises:
        InputError: There is no such test.
    """
    folders = store.tests(wagon) if wagon in store.tested() else []
    known = {str(int(path.name)): path for path in folders}
    if number not in known:
        last = f"the last is {int(folders[-1].name)}" if folders else "there are none"
        message = f"wagon {wagon!r} has no test {number!r}; {last}"
        raise InputError(message, code="train.unknown-test", path=f"{wagon}/{number}")
    return known[number]


def _measured(folder: Path) -> Measured | None:
    try:
        status = (folder / METRICS).stat()
    except OSError:
        return None
    return _read(folder, status.st_size, status.st_mtime_ns, status.st_ino)


@lru_cache(maxsize=_REMEMBERED)
def _read(folder: Path, *_stamps: int) -> Measured:
    return _of(read_metrics(folder))


def _of(metrics: Metrics) -> Measured:
    return Measured(
        processors=metrics.processors,
        datasets={name: one.events for name, one in metrics.datasets.items()},
        summary=metrics.summary(),
        started=metrics.started,
        changed=metrics.changed,
        limit=metrics.limits.cpu_hours,
        cpu_hours=metrics.expected.cpu_hours if metrics.expected else None,
    )
