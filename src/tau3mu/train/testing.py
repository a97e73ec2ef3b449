"""Tests of wagons and of whole trains: what is to be tested, and what is known already."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError, Tau3muError
from tau3mu.report.notebook import in_notebook, part
from tau3mu.storage.files import make_folder
from tau3mu.train.limits import Limits, limits_of
from tau3mu.train.metrics import Metrics, write_metrics
from tau3mu.train.one_test import fail_test, run_test
from tau3mu.train.parts import changed_parts, parts_of
from tau3mu.train.past_tests import last_test
from tau3mu.train.resolving import versions_of
from tau3mu.train.states import State, set_state
from tau3mu.train.store import Store
from tau3mu.train.verdict import judge, needs_approval

if TYPE_CHECKING:
    from collections.abc import Callable

    from tau3mu.run.plan import RunPlan
    from tau3mu.train.wagon import Train

__all__ = ["TIME_LIMIT", "Tested", "Tests", "test", "train_name"]

TIME_LIMIT: Final = 180.0
_OF_DATA: Final = ("dataset", "datasets", "ntuples", "storage", "run", "clusters")
"""What errors of a plan are about that no wagon is to blame for."""


@dataclass(frozen=True)
class Tested:
    """A wagon or a train that was tested.

    Attributes:
        name: Its name.
        folder: Of the test.
        metrics: What was measured.
        reused: Whether this is the result of an earlier test, since nothing has changed.
    """

    name: str
    folder: Path
    metrics: Metrics
    reused: bool = False

    @property
    def state(self) -> State:
        """OK, WARN or FAILED."""
        return self.metrics.state

    @property
    def reason(self) -> str:
        """What is wrong, in one line."""
        return self.metrics.reason

    @property
    def needs_approval(self) -> bool:
        """Whether a train with it has to be approved."""
        return needs_approval(self.metrics)

    def row(self) -> dict[str, Any]:
        """Returns the row of a table."""
        return {
            **self.metrics.summary(),
            "test": int(self.folder.name),
            "changed": "nothing" if self.reused else ", ".join(self.metrics.changed),
            "reason": self.reason,
        }


class Tests(Sequence[Tested]):
    """Tests of the wagons of a train, and of the train; shows itself as a table."""

    __test__ = False  # for pytest, which takes its name for that of a class of tests

    def __init__(self, tests: Sequence[Tested]) -> None:
        """Creates it.

        Args:
            tests: In their order.
        """
        self._tests = tuple(tests)

    def __len__(self) -> int:
        """Returns the number of tests."""
        return len(self._tests)

    def __getitem__(self, key: Any) -> Any:
        """Returns a test by its number or by the name of its wagon.

        Raises:
            KeyError: There is no test of a wagon of this name.
        """
        if not isinstance(key, str):
            return self._tests[key]
        found = {one.name: one for one in self._tests}
        return found[key]

    def __iter__(self) -> Iterator[Tested]:
        """Returns the tests in their order."""
        return iter(self._tests)

    @property
    def state(self) -> State:
        """The worst state of all."""
        states = {one.state for one in self._tests}
        return next((one for one in (State.FAILED, State.WARN) if one in states), State.OK)

    def rows(self) -> list[dict[str, Any]]:
        """Returns a row for each test."""
        return [one.row() for one in self._tests]

    def _repr_html_(self) -> str:
        return in_notebook(part("table", self.rows(), "Tests"))


def test(
    train: Train | str | Path,
    wagons: str | Sequence[str] = (),
    *,
    store: Store | str | Path | None = None,
    time_limit: float = TIME_LIMIT,
    whole: bool | None = None,
    again: bool = False,
    on_begin: Callable[[str], object] = lambda _: None,
) -> Tests:
    """Returns the tests of wagons, each in a process of its own, and of the train of them all.

    A test reads the beginning of all files for a limited time, measures memory, CPU and output,
    and extrapolates them to the whole datasets. A result that is there already is reused while
    wagon, needs, datasets, code and settings are the same.

    Args:
        train: A train or a train file.
        wagons: The names of the wagons to test; all by default, and then the train.
        store: Where tests are kept; see `Store`.
        time_limit: Seconds of each test, after which no further chunk is begun.
        whole: Whether to test the whole train: only it if True, not at all if False; by default
            after its wagons, if all are tested and several are not FAILED.
        again: Whether to test also what is known already.
        on_begin: Is called with the name of what is tested next, unless its result is known.

    Raises:
        InputError: The train or its datasets are wrong, or it has no such wagon.
        RunError: A process cannot be started, or the store cannot be written.
    """
    from tau3mu.train.wagon import Train

    train = train if isinstance(train, Train) else Train.load(train)
    store = store if isinstance(store, Store) else Store(store)
    if time_limit <= 0:
        message = f"a test of {time_limit:g} s reads nothing: expected more than 0"
        raise InputError(message, code="train.time-limit", path="time_limit")
    resolved = train.check(store)
    names = [wagons] if isinstance(wagons, str) else list(wagons)
    every = [one for one in train.wagons if any(each.wagon == one for each in resolved.values())]
    chosen = names or every
    found: list[Tested] = []
    if whole is not True:
        aside: dict[str, Tau3muError] = {}
        for name in chosen:
            part = train.only(name)
            try:
                one = _tested(part, name, store, on_begin, time_limit=time_limit, again=again)
            except Tau3muError as error:
                of_data = error.code.partition(".")[0] in _OF_DATA
                if len(chosen) == 1 or not of_data or str(error) in map(str, aside.values()):
                    raise  # what stops two wagons is the data
                aside[name] = error
            else:
                found.append(one)
        if len(aside) == len(chosen) > 0:
            raise next(iter(aside.values()))
        for name, reason in aside.items():  # such as a column that no file has
            folder = store.new_test(name)
            limits = _limits(train.only(name), name)
            metrics = fail_test(folder, name, reason, limits=limits, time_limit=time_limit)
            found.append(Tested(name, folder, metrics))
    passed = (
        chosen if whole is True else [one.name for one in found if one.state is not State.FAILED]
    )
    if whole is True or (whole is None and not names and len(passed) > 1):
        name = train_name(train)
        part = train.only(*passed) if names or len(passed) < len(every) else train
        found.append(_tested(part, name, store, on_begin, time_limit=time_limit, again=again))
    return Tests(found)


def train_name(train: Train) -> str:
    """Returns under which name the tests of a whole train are kept.

    Args:
        train: The train.
    """
    name = train.file.analysis.name or "train"
    while name in train.wagons:
        name = f"{name}_train"
    return str(name)


def _tested(
    train: Train,
    name: str,
    store: Store,
    on_begin: Callable[[str], object],
    *,
    time_limit: float,
    again: bool,
) -> Tested:
    """Returns the test of all wagons of a train together, an earlier one if nothing has changed."""
    limits = _limits(train, name)
    known: dict[str, Any] = {"limits": limits, "time_limit": time_limit}
    try:
        plan, check = _plan(train, store)
    except Tau3muError as error:
        if error.code.partition(".")[0] in _OF_DATA:
            raise
        folder = store.new_test(name)
        return Tested(name, folder, fail_test(folder, name, error, **known))
    with closing(plan):
        versions_of(train.found_datasets(store=store), plan)  # refuses files that were replaced
        with _frozen(plan, store, name) as (frozen, aside):
            own = {one.name for one in train.resolved.values() if one.wagon == name}
            parts = parts_of(frozen, own or set(train.resolved))
            last = last_test(store, name, parts)
            changed = changed_parts(last[1].parts, parts) if last is not None else ()
            if last is not None and not again and not changed and _still_good(last[1], time_limit):
                return _judged_again(Tested(name, *last, reused=True), limits, plan)
            on_begin(name)
            folder = store.new_test(name)
            for path in sorted(aside.iterdir()):
                path.rename(folder / path.name)
        known |= {"check": check, "parts": parts, "changed": changed}
        return Tested(name, folder, run_test(folder, name, plan, **known))


def _plan(train: Train, store: Store) -> tuple[RunPlan, float]:
    """Returns the plan of a run, and the CPU seconds of the check of its files."""
    from tau3mu.run.preparation import prepare  # which imports what the start of a run imports too

    begin = time.process_time()
    settings = train.settings(no_fit=True).model_copy(update={"executor": "iterative"})
    plan = prepare(
        train.datasets(store=store), train.processors(), settings, skims=train.skims(), isolate=True
    )
    return plan, time.process_time() - begin


def _limits(train: Train, name: str) -> Limits:
    """Returns the limits of a wagon; of a train, the largest memory and the sums of the others."""
    entries = train.file.wagons
    if name in entries:
        return limits_of([entries[name].limits.model_dump()])
    active = {one.wagon for one in train.resolved.values()}
    return limits_of([entries[one].limits.model_dump() for one in entries if one in active])


@contextmanager
def _frozen(plan: RunPlan, store: Store, name: str) -> Iterator[tuple[Any, Path]]:
    """Yields the frozen configuration of a plan, and the temporary folder that has it."""
    from tau3mu.run.freezing import freeze

    parent = store.root / "tests" / name
    make_folder(parent)
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=parent))
    try:
        yield freeze(plan, aside), aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _still_good(metrics: Metrics, time_limit: float) -> bool:
    """Returns whether a test need not be made again; those that failed always are."""
    long = metrics.complete or metrics.time_limit >= time_limit
    return long and metrics.state is not State.FAILED


def _judged_again(last: Tested, limits: Limits, plan: RunPlan) -> Tested:
    """Returns a test, judged by the limits of now."""
    if last.metrics.limits == limits:
        return last
    metrics = judge(last.metrics, limits, skip_bad_files=plan.settings.skip_bad_files)
    write_metrics(last.folder, metrics)
    set_state(last.folder, metrics.state, metrics.reason)
    return Tested(last.name, last.folder, metrics, reused=True)
