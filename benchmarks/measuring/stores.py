"""Trains and tests in a store, without running any."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any

from tau3mu.run.frozen import Fingerprints, FrozenDataset, FrozenFile, FrozenRun
from tau3mu.storage.files import json_text, write_text
from tau3mu.storage.names import FULL_CONFIG
from tau3mu.train.index import Index
from tau3mu.train.metrics import Metrics, write_metrics
from tau3mu.train.states import State, set_state
from tau3mu.train.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = ["add_test", "add_train", "freeze", "write_at_a_time"]


def add_train(
    store: Store,
    *,
    wagons: Sequence[str] = ("phi",),
    datasets: Mapping[str, str] | None = None,
    states: Sequence[State] = (State.QUEUED,),
    files: int = 2,
    **record: Any,
) -> Path:
    """Makes the folder of a train, and returns it."""
    folder = store.new_train()
    used = {"a": "0123"} if datasets is None else datasets
    content = {
        "version": 1,
        "datasets": {
            name: {"version": version, "files": files, "events": 100 * files}
            for name, version in used.items()
        },
        "events": 100 * files,
        "wagons": dict.fromkeys(wagons, "hash"),
        "tests": {name: {"number": 1, "state": "OK"} for name in wagons},
        **record,
    }
    freeze(folder, dict.fromkeys(used, files))
    write_text(folder / "train.json", json_text(content))
    for state in states:
        set_state(folder, state, f"is {state.value.lower()}")
    return folder


def freeze(folder: Path, files: Mapping[str, int]) -> None:
    """Writes a frozen configuration with so many files of each dataset."""
    datasets = tuple(
        FrozenDataset(
            name=name,
            files=tuple(
                FrozenFile(path=f"/data/{name}_{i}.root", tree="T", uuid=f"u-{i}", entries=100)
                for i in range(number)
            ),
            extra={},
        )
        for name, number in files.items()
    )
    prints = Fingerprints(package={}, versions={}, processors={}, datasets={}, fits={})
    frozen = FrozenRun(
        datasets=datasets, processors=(), fits={}, settings={}, moved={}, fingerprints=prints
    )
    write_text(folder / FULL_CONFIG, json_text(frozen.model_dump(mode="json")))


def add_test(
    store: Store,
    wagon: str = "phi",
    *,
    datasets: Mapping[str, str] | None = None,
    states: Sequence[State] = (State.OK,),
    **metrics: Any,
) -> Path:
    """Makes the folder of a test, and returns it."""
    folder = store.new_test(wagon)
    used = {"a": "0123"} if datasets is None else datasets
    content = Metrics.model_validate(
        {
            "wagon": wagon,
            "processors": (wagon,),
            "started": "2026-11-28T12:00:00+00:00",
            "time_limit": 180.0,
            "datasets": {name: {"entries": 100, "files": 1} for name in used},
            "parts": {f"dataset {name}": version for name, version in used.items()},
            **metrics,
        }
    )
    write_metrics(folder, content)
    for state in states:
        set_state(folder, state)
    return folder


def write_at_a_time(
    store: Store, database: str | None, *, processes: int, transactions: int
) -> None:
    """Lets processes make trains, labelled by their number, and change their states.

    Each change is a transaction of the index; there are five to a train.
    """
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = [
            pool.submit(_write, store.root, database, number, transactions // 5)
            for number in range(processes)
        ]
        for job in jobs:
            job.result()


def _write(root: Path, database: str | None, number: int, trains: int) -> None:
    store = Store(root)
    index = Index(store, database)
    for _ in range(trains):
        train = add_train(store, label=str(number))
        index.update(train)
        for state in (State.RUNNING, State.WARN, State.RUNNING, State.OK):
            set_state(train, state, str(number))
            index.update(train)
