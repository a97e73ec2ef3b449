"""The index of a store: equal to its folders, whatever has happened to them and to it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest
from errors import raises
from sqlalchemy import select, text

from measuring.stores import add_test, add_train, freeze, write_at_a_time
from tau3mu.storage.files import write_text
from tau3mu.train.__main__ import main
from tau3mu.train.index import Index, update
from tau3mu.train.index.tables import META, TABLES
from tau3mu.train.registered import Parent
from tau3mu.train.registry import Registry
from tau3mu.train.states import State, set_state
from tau3mu.train.store import Store


def dump(index):
    """Returns the content of all tables."""
    with index.database.reading(index._engine) as connection:
        return {
            table.name.removeprefix("tau3mu_"): sorted(
                map(repr, connection.execute(select(table)).all())
            )
            for table in TABLES.sorted_tables
        }


@pytest.fixture
def index(store, database):
    store.root.mkdir()
    return Index(store, database)


@pytest.fixture
def filled(store, registrable, index):
    """A store with something of each kind; the index has not seen it yet."""
    registry = Registry(store)
    base = registry.add(*registrable("a", [1, 2], era="2017B", lumi=4.8)).dataset
    registry.add(*registrable("a", [1, 2, 3]))
    registry.add(
        *registrable("skim", [4]), parent=Parent(dataset="a", version=base.version, step="vertex")
    )
    add_test(store, events=5000, events_per_second=100.0, changed=("code",))
    add_test(store, states=(State.RUNNING, State.FAILED))
    add_test(store, "tau", datasets={"b": "4567"})
    add_train(store, name="search", label="draft", comment="first 100%")
    add_train(
        store, name="control", wagons=("phi", "phi_tight"), datasets={"a": base.version},
        states=(State.QUEUED, State.RUNNING, State.OK),
    )  # fmt: skip
    add_train(store, name="search", label="final", states=(State.QUEUED, State.FAILED), parent=1)
    return store


def test_it_holds_what_the_folders_hold(index, filled):
    assert index.sizes() == dict.fromkeys(index.sizes(), 0) | {
        "datasets": 3, "trains": 3, "tests": 3, "states": 3 + 1 + 6, "labels": 2, "wagons": 4,
        "uses": 6, "files": 2 + 3 + 1 + 6,
    }  # fmt: skip
    newest, control, oldest = index.trains()
    assert [newest["number"], control["number"], oldest["number"]] == [3, 2, 1]
    assert (newest["state"], newest["reason"], newest["parent"]) == ("FAILED", "is failed", 1)
    assert (control["wagons"], control["datasets"]) == (["phi", "phi_tight"], ["a"])
    assert oldest["labels"] == ["draft"]
    first, second = index.tests("phi")
    assert (first["number"], first["events"], first["changed"]) == (1, 5000, "code")
    assert (second["number"], second["state"]) == (2, "FAILED")
    a, skim = index.datasets()
    assert (a["name"], a["versions"], a["files"], a["events"]) == ("a", 2, 3, 306)
    assert (skim["parent_dataset"], skim["parent_step"]) == ("a", "vertex")


def test_trains_by_what_they_are(index, filled):
    def numbers(**filters):
        return [row["number"] for row in index.trains(**filters)]

    assert numbers(name="search") == [3, 1]
    assert numbers(label="final") == [3]
    assert numbers(state="OK") == [2]
    assert numbers(state="QUEUED") == [1]
    assert numbers(dataset="a") == [3, 2, 1]
    assert numbers(dataset="b") == []
    assert numbers(wagon="phi_tight") == [2]
    assert numbers(text="TIGHT") == [2]
    assert numbers(text="100%") == [1]
    assert numbers(text="1%0") == []
    assert numbers(text="draft", state="FAILED") == []
    assert numbers(limit=1) == [3]


def test_who_uses_a_dataset(index, filled):
    used = [row["owner"] for row in index.uses("a")]
    assert [owner for owner in used if not owner.startswith("datasets/")] == [
        "tests/phi/0001", "tests/phi/0002", "trains/0001", "trains/0002", "trains/0003",
    ]  # fmt: skip
    assert [owner for owner in used if owner.startswith("datasets/skim/")]
    assert [row["owner"] for row in index.uses("b")] == ["tests/tau/0001"]


def test_it_is_the_same_after_changes_and_when_made_again(store, registrable, index):
    """Each change is told at once, found later, or both."""
    registry = Registry(store)
    base = registry.add(*registrable("mine", [1, 2])).dataset
    train = add_train(store)
    update(train)
    set_state(train, State.RUNNING)
    update(train)
    set_state(train, State.OK)
    freeze(train, {"a": 3})
    update(train)
    update(add_test(store))
    gone = add_train(store, files=4)
    update(gone)
    shutil.rmtree(gone)
    update(gone)
    update(store.new_train())  # with nothing in it yet
    assert index.refresh() == 0
    add_test(store, "tau")
    registry.add(*registrable("mine", [1, 2, 3]))
    registry.remove(f"mine@{base.version}")
    last = add_train(store)
    index.refresh()
    shutil.rmtree(last)
    index.refresh()
    before = dump(index)
    assert {name: len(rows) for name, rows in before.items()} == {
        "datasets": 1, "files": 6, "labels": 0, "sources": 9, "states": 5, "store": 1,
        "tests": 2, "trains": 2, "uses": 3, "wagons": 1,
    }  # fmt: skip
    assert index.rebuild() == 5
    assert dump(index) == before
    assert index.refresh() == 0
    assert dump(index) == before


def test_only_what_has_changed_is_read(index, filled):
    assert index.refresh() == 6  # the registry has told of its datasets
    assert index.refresh() == 0
    set_state(filled.train(1), State.RUNNING)
    assert index.refresh() == 1
    assert index.trains(state="RUNNING")[0]["number"] == 1


def test_a_lost_train_is_lost_in_the_index(index, filled):
    train = filled.train(1)
    set_state(train, State.RUNNING)
    status = train / "status.json"
    status.write_text(status.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4194304'))
    assert [row["number"] for row in index.trains(state="LOST")] == [1]
    assert index.trains(state="RUNNING") == []


def test_a_damaged_folder_is_a_row_with_its_problem(index, filled):
    write_text(filled.train(2) / "train.json", '{"name": 7}')
    write_text(filled.tests("phi")[0] / "metrics.json", "{")
    (damaged,) = [row for row in index.trains() if row["problem"]]
    assert (damaged["number"], damaged["name"]) == (2, None)
    assert "train.json" in damaged["problem"]
    assert [row["problem"] is None for row in index.tests("phi")] == [False, True]
    assert len(index.trains()) == 3


def test_what_no_database_can_hold(store, index):
    """Files that somebody has edited: half of a character, and a number without bounds."""
    train = add_train(store, name="a name")
    record = (train / "train.json").read_text()
    (train / "train.json").write_text(record.replace("a name", r"\ud800"))
    test = add_test(store, "phi")
    metrics = json.loads((test / "metrics.json").read_text())
    (test / "metrics.json").write_text(json.dumps(metrics | {"output_bytes": 10**900}))
    (store.root / "tests" / os.fsdecode(b"\xff") / "0001").mkdir(parents=True)
    assert [row["problem"] is None for row in index.trains()] == [False]
    assert "output_bytes" in index.tests("phi")[0]["problem"]
    assert index.refresh() == 0


def test_a_newer_database_is_left_alone(index, filled):
    index.refresh()
    with index.database.writing(index._engine) as connection:
        connection.execute(META.update().values(version=99))
    for ask in (index.refresh, index.trains, lambda: index.update(filled.train(1))):
        with raises("train.newer-database", mentions=("99", "--rebuild")):
            ask()
    index.rebuild()
    assert len(index.trains()) == 3


def test_an_older_database_is_made_again(index, filled):
    index.refresh()
    with index.database.writing(index._engine) as connection:
        connection.execute(text("DROP TABLE tau3mu_wagons"))
        connection.execute(META.update().values(version=0))
    assert index.trains()[1]["wagons"] == ["phi", "phi_tight"]


def test_a_database_without_a_table_is_broken(index, filled):
    index.refresh()
    with index.database.writing(index._engine) as connection:
        connection.execute(text("DROP TABLE tau3mu_wagons"))
    with raises("train.broken-database", mentions="index --rebuild"):
        index.trains()
    index.rebuild()
    assert index.trains()[1]["wagons"] == ["phi", "phi_tight"]


def test_a_changed_table_is_broken(index, filled):
    index.refresh()
    with index.database.writing(index._engine) as connection:
        connection.execute(text("ALTER TABLE tau3mu_wagons DROP COLUMN forced"))
    set_state(filled.train(1), State.RUNNING)
    with raises("train.broken-database", mentions="index --rebuild"):
        index.trains()
    index.rebuild()
    assert index.trains()[1]["wagons"] == ["phi", "phi_tight"]


def test_tables_of_others_are_left_alone(index, filled):
    with index.database.writing(index._engine) as connection:
        connection.execute(text("CREATE TABLE trains (name TEXT)"))
        connection.execute(text("INSERT INTO trains VALUES ('of another program')"))
    assert len(index.trains()) == 3
    index.rebuild()
    with index.database.reading(index._engine) as connection:
        assert connection.execute(text("SELECT name FROM trains")).all() == [
            ("of another program",)
        ]


def test_a_database_of_another_store(index, filled, database, tmp_path):
    index.refresh()
    other = Store(tmp_path / "other")
    other.root.mkdir()
    where = database or f"sqlite:///{filled.root}/index.sqlite"
    with raises("train.other-store", mentions="other"):
        Index(other, where).trains()
    assert Index(other, where).rebuild() == 0
    assert Index(other, where).trains() == []


@pytest.mark.parametrize("damage", ["no database", "", "cut", "overwritten"])
def test_a_broken_file_is_named_and_made_again(damage, store, filled_sqlite):
    path = store.root / "index.sqlite"
    content = path.read_bytes()
    new = {
        "no database": b"no database " * 1000,
        "": b"",
        "cut": content[:5000],
        "overwritten": content[:4096] + b"\xff" * (len(content) - 4096),
    }[damage]
    path.write_bytes(new)
    index = Index(store)
    if damage:
        with raises("train.broken-database", path="index.sqlite", mentions="index --rebuild"):
            index.trains()
        index.rebuild()
    assert len(index.trains()) == 3


def test_a_database_that_cannot_be_opened(filled_sqlite):
    with raises("train.no-database", path="none.sqlite"):
        Index(filled_sqlite, f"sqlite:///{filled_sqlite.root}/index.sqlite/none.sqlite").trains()


@pytest.fixture
def filled_sqlite(store, monkeypatch):
    monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
    for _ in range(3):
        add_train(store)
    Index(store).refresh()
    return store


def test_who_may_not_write_gets_an_index_in_memory(filled_sqlite, monkeypatch):
    monkeypatch.setattr(os, "access", lambda _, mode: mode != os.W_OK)
    before = sorted(path.name for path in filled_sqlite.root.iterdir())
    index = Index(filled_sqlite)
    assert index.database.path is None
    assert len(index.trains()) == 3
    assert sorted(path.name for path in filled_sqlite.root.iterdir()) == before


def test_asking_makes_no_folder(tmp_path):
    store = Store(tmp_path / "none")
    assert Index(store).trains() == []
    assert not store.root.exists()


@pytest.mark.parametrize("extra", ["train", "postgres"])
def test_a_missing_library_is_named_with_its_extra(extra, store, monkeypatch):
    library, url = {
        "train": ("sqlalchemy", None),
        "postgres": ("psycopg", "postgresql://me:secret@nowhere/x"),
    }[extra]
    monkeypatch.setitem(sys.modules, library, None)
    with raises("train.missing-extra", path=extra, mentions=f"tau3mu[{extra}]"):
        Index(store, url)
    monkeypatch.setenv("TAU3MU_DATABASE", url or "")
    update(add_train(store))  # does nothing, or warns


def test_the_store_works_without_sqlalchemy(tmp_path):
    """In a fresh process, which cannot import it; only the index needs it."""
    program = (
        "import sys; sys.modules['sqlalchemy'] = None\n"
        "from tau3mu.train.__main__ import main\n"
        "for words in (['datasets', 'add', 'demo'], ['datasets', 'ls'], ['ls'], ['index']):\n"
        "    print('code', main([*words, '--store', 'store']))\n"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=True)
    codes = [line for line in done.stdout.splitlines() if line.startswith("code")]
    assert codes == ["code 0", "code 0", "code 0", "code 1"]
    assert "tau3mu[train]" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["datasets"]


@pytest.mark.parametrize("url", ["mysql://me:secret@host/x", "x", "postgresql://me:secret@host:x"])
def test_urls_that_are_refused(url, store):
    with raises("train.bad-database-url", path="database") as error:
        Index(store, url)
    assert "secret" not in str(error.value)


@pytest.mark.integration
def test_a_password_is_shown_nowhere(new_postgres, store, capsys, caplog, tmp_path):
    add_train(store)
    words = ["index", "--store", str(store.root), "--database", new_postgres]
    assert main(words) == 0
    for wrong in (
        new_postgres.replace("host=", "host=/nowhere"),
        new_postgres.replace("/test_", "/none_"),
        f"{new_postgres}&password=secret&nothing=1",
    ):
        assert main([*words[:-1], wrong]) == 1
        update(store.train(1), database=wrong)
    printed = capsys.readouterr()
    assert "nowhere" in printed.err
    assert caplog.messages
    everything = printed.out + printed.err + caplog.text + repr(vars(Index(store, new_postgres)))
    assert "secret" not in everything


@pytest.mark.integration
def test_a_database_that_does_not_answer(store):
    add_train(store)
    with raises("train.no-database", mentions="nowhere"):
        Index(store, "postgresql:///x?host=/nowhere").trains()


@pytest.mark.integration
def test_a_database_that_does_not_answer_is_no_error_of_a_train(store, caplog):
    update(add_train(store), database="postgresql:///x?host=/nowhere")
    assert len(caplog.records) == 1


@pytest.mark.integration
def test_several_processes_write_at_a_time(store, index, database):
    write_at_a_time(store, database, processes=4, transactions=50)
    told = dump(index)
    labels = Counter(row["labels"][0] for row in index.trains(state="OK"))
    assert labels == {str(i): 10 for i in range(4)}
    assert len(told["states"]) == 4 * 50
    index.rebuild()
    assert dump(index) == told


def _ask(root, database, rebuild):
    index = Index(Store(root), database)
    for _ in range(10):
        if rebuild:
            index.rebuild()
        assert len(index.trains(label="old")) == 20


@pytest.mark.integration
def test_it_is_made_again_while_others_ask_and_write(store, index, database):
    for _ in range(20):
        add_train(store, label="old")
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as pool:
        jobs = [pool.submit(_ask, store.root, database, rebuild=i == 0) for i in range(3)]
        write_at_a_time(store, database, processes=1, transactions=50)
        for job in jobs:
            job.result()
    told = dump(index)
    assert len(told["trains"]) == 30
    index.rebuild()
    assert dump(index) == told


def test_the_command(filled_sqlite, capsys):
    words = ["index", "--store", str(filled_sqlite.root)]
    assert main([*words, "--rebuild", "--json"]) == 0
    assert '"trains": 3' in capsys.readouterr().out
    assert main(words) == 0
    assert "trains" in capsys.readouterr().out
