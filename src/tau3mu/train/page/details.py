"""What the page of a train shows, of which only that is read again that has changed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tau3mu.errors import InputError
from tau3mu.storage.names import RUN
from tau3mu.train.ledger import read_ledger
from tau3mu.train.page.jobs import job
from tau3mu.train.page.shown import shown
from tau3mu.train.page.versions import all_versions, change, dataset_names
from tau3mu.train.problems import problems_of_results, with_problems_of_now
from tau3mu.train.progress import progress_of
from tau3mu.train.record import RECORD, RESULTS
from tau3mu.train.states import State
from tau3mu.train.summary import known, manifest_of, wagon_of, wagon_rows

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from tau3mu.train.page.jobs import Job
    from tau3mu.train.progress import Progress
    from tau3mu.train.record import TrainRecord
    from tau3mu.train.states import Status
    from tau3mu.train.store import Store

__all__ = [
    "Outcome",
    "TrainNow",
    "dataset_rows",
    "folder_of",
    "outcome_of",
    "problem_rows",
    "train_now",
]

_SHOWN: Final = 20
"""So many missing files are shown at once; all are on the page of the files."""
_DIGITS: Final = 12
"""No train has a number of more."""


def folder_of(request: Request) -> Path:
    """Returns the folder of the train that an address names.

    Args:
        request: What was asked.

    Raises:
        InputError: There is no such train.
    """
    text: str = request.path_params["number"]
    return shown(request).store.train(text[:_DIGITS])


def job_of(request: Request) -> Job | None:
    """Returns the job that was started for a train, which an address names after `job`.

    Args:
        request: What was asked.
    """
    name = request.query_params.get("job", "")
    try:
        return job(shown(request).store, name) if name else None
    except InputError:  # it was removed since
        return None


class TrainNow(NamedTuple):
    """A train as it is now.

    Attributes:
        number: Of the train.
        folder: Its folder.
        record: What it is.
        status: Its states.
        progress: How far it has come.
        failures: In how many ways chunks have failed.
    """

    number: int
    folder: Path
    record: TrainRecord
    status: Status
    progress: Progress
    failures: int

    @property
    def seen(self) -> str:
        """Differs as soon as more than the progress has changed."""
        return f"{self.status.state.value}-{len(self.status.changes)}-{self.failures}"

    @property
    def is_live(self) -> bool:
        """Whether something may happen to it by itself."""
        return not self.status.state.ended


class Outcome(NamedTuple):
    """What the results of a train say, without its many files.

    Attributes:
        complete: Whether all events were read; None while there are no results.
        read: By dataset: the files of which all events were read, and the events that were.
        missing: The first rows of files of which events are missing.
        n_missing: How many there are.
        warnings: As they are in the manifest.
        reader: What reading took.
        wagons: A row for each wagon and variant.
        problems: See `problems_of_results`.
        exit_code: That of the run.
    """

    complete: bool | None
    read: dict[str, tuple[int, int]]
    missing: list[dict[str, Any]]
    n_missing: int
    warnings: list[str]
    reader: dict[str, Any] | None
    wagons: list[dict[str, Any]]
    problems: list[dict[str, Any]]
    exit_code: int | None


def train_now(folder: Path) -> TrainNow:
    """Returns a train as it is now; cheap enough to be asked every second.

    Args:
        folder: Of the train.

    Raises:
        InputError: It is being composed or damaged.
    """
    record, status = known(folder)
    progress = progress_of(folder, record, status)
    failures = len(read_ledger(folder).failures)
    return TrainNow(int(folder.name), folder, record, status, progress, failures)


def outcome_of(folder: Path) -> Outcome:
    """Returns what the results of a train say; they are read when they have changed.

    Args:
        folder: Of the train.

    Raises:
        InputError: Its record or the manifest of its results cannot be read.
    """
    return _outcome(folder, stamp(folder / RECORD), stamp(folder / RESULTS / RUN))


def dataset_rows(now: TrainNow, outcome: Outcome, store: Store) -> list[dict[str, Any]]:
    """Returns a row for each dataset: what was expected and read, and what has changed since.

    Args:
        now: The train.
        outcome: What its results say.
        store: With the registry.
    """
    # While a train runs, its results are those of an earlier start, if there are any.
    from_ledger = now.status.state is State.RUNNING or outcome.complete is None
    read = read_ledger(now.folder).datasets if from_ledger else outcome.read
    rows = []
    for name, one in now.record.datasets.items():
        files, events = read.get(name, (0, 0))
        changed = _changed(store.root, name, one.version, _stamps_below(store.datasets / name))
        rows.append(
            {
                "dataset": name,
                "fraction": one.fraction,
                "files": one.files,
                "files read": files,
                "events": one.events,
                "events read": events,
                "version": one.version,
                "changed since": changed,
            }
        )
    return rows


def problem_rows(now: TrainNow, outcome: Outcome) -> list[dict[str, Any]]:
    """Returns a row for each group of problems; see `problems_of`.

    Args:
        now: The train.
        outcome: What its results say.

    Raises:
        InputError: Its ledger cannot be read.
    """
    return with_problems_of_now(now.folder, now.status, outcome.problems)


@lru_cache(maxsize=16)
def _outcome(folder: Path, _record: str, _results: str) -> Outcome:
    record, _ = known(folder)
    manifest = manifest_of(folder)
    wagons = [
        {"wagon": wagon_of(row["results"], record), **row} for row in wagon_rows(record, manifest)
    ]
    if manifest is None:
        return Outcome(None, {}, [], 0, [], None, wagons, [], None)
    read: dict[str, tuple[int, int]] = {}
    for file in manifest.inputs:
        files, events = read.get(file.dataset, (0, 0))
        read[file.dataset] = files + (file.read == file.entries), events + file.read
    return Outcome(
        complete=manifest.complete,
        read=read,
        missing=[
            {"dataset": one.dataset, "file": one.path, "events": one.events,
             "reason": "; ".join(one.reasons)}
            for one in manifest.missing[:_SHOWN]
        ],
        n_missing=len(manifest.missing),
        warnings=list(manifest.warnings),
        reader=manifest.resources.reader.model_dump(),
        wagons=wagons,
        problems=problems_of_results(manifest, int(folder.name)),
        exit_code=manifest.exit_code,
    )  # fmt: skip


@lru_cache(maxsize=256)
def _changed(root: Path, name: str, version: str, _stamps: tuple[str, ...]) -> str | None:
    """Returns what `changed_since` returns, without the objects of ten thousand files."""
    from tau3mu.train.store import Store

    store = Store(root)
    if name not in dataset_names(store):
        return None
    found = all_versions(store, name)
    # A damaged version is no reason not to show the train.
    if problem := next((one.problem for one in found if one.problem), ""):
        return f"unknown: {problem}"
    then = next((one for one in found if one.version == version), None)
    if then is None:
        return f"not registered; registered is {found[-1].version}"
    return change(then, found[-1])


def stamp(path: Path) -> str:
    """Returns what tells whether a file has changed, "" for one that is not there.

    Args:
        path: The file.
    """
    try:
        status = path.stat()
    except OSError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"


def _stamps_below(folder: Path) -> tuple[str, ...]:
    try:
        return tuple(f"{path.name} {stamp(path)}" for path in sorted(folder.iterdir()))
    except OSError:
        return ()
