"""The index of a store: many processes that write, and many trains."""

from __future__ import annotations

import time
from statistics import median

import pytest

from measuring.postgres import USER, find_programs, postgres_server
from measuring.stores import add_train, write_at_a_time
from tau3mu.train.index import Index
from tau3mu.train.states import State, set_state
from tau3mu.train.store import Store

PROCESSES, TRANSACTIONS = 8, 50
TRAINS, FILES = 1000, 10_000


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request):
    if request.param == "SQLite":
        yield request.param, None
        return
    programs = find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres_server(programs) as folder:
        yield request.param, f"postgresql://{USER}@/postgres?host={folder}"


def seconds(function, repeats=1):
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return median(times)


def test_processes_that_write_at_a_time(study, database, tmp_path):
    name, url = database
    store = Store(tmp_path)
    wall = seconds(
        lambda: write_at_a_time(store, url, processes=PROCESSES, transactions=TRANSACTIONS)
    )
    index = Index(store, url)
    states = index.sizes()["states"]
    done = len(index.trains(state="OK"))
    lost = PROCESSES * TRANSACTIONS - states
    index.rebuild()
    same = index.sizes()["states"] == states
    study.add(
        f"{PROCESSES} processes × {TRANSACTIONS} transactions on the store, {name}",
        f"{lost} lost, none locked, {wall:.3g} s with the starts of the processes",
        "nothing lost, nothing locked",
        met=lost == 0 and same and done == PROCESSES * TRANSACTIONS // 5,
    )


def test_many_trains(study, database, options, tmp_path):
    name, url = database
    store, index = Store(tmp_path), Index(Store(tmp_path), url)
    large = add_train(store, files=FILES)
    rebuilds = {}
    for number in (TRAINS // 2, TRAINS):
        while len(store.trains()) < number:
            add_train(store, wagons=("phi", "phi_tight"), label="bench")
        rebuilds[number] = seconds(index.rebuild, options.repeats)

    def change():
        set_state(large, State.OK)
        index.update(large)

    slope = (rebuilds[TRAINS] - rebuilds[TRAINS // 2]) / (TRAINS - TRAINS // 2)
    study.add(f"index of {TRAINS} trains made again, {name}", f"{rebuilds[TRAINS]:.2f} s")
    study.add(f"one more train in it, {name}", f"{1e3 * slope:.2g} ms")
    listed = seconds(lambda: index.trains(text="tight"), options.repeats)
    study.add(f"list of {TRAINS} trains, {name}", f"{listed:.2f} s")
    changed = seconds(change, options.repeats)
    study.add(f"state of a train of {FILES:,} files, {name}", f"{changed:.3f} s")
    assert index.sizes()["files"] == FILES + 2 * (TRAINS - 1)
