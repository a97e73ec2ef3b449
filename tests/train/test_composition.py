"""Composed trains: what is frozen, what is refused, and what of it runs in this process."""

from __future__ import annotations

import json
import shutil

import pytest
from errors import raises
from train_processes import assert_same_results, damage, write_train

import tau3mu
from tau3mu.train import State, Train, Wagon, read_status
from tau3mu.train.composition import compose
from tau3mu.train.driver import run_train
from tau3mu.train.problems import problems_of
from tau3mu.train.record import read_record
from tau3mu.train.summary import train_details, train_row
from tau3mu.train.trains import kill, promote, rerun, resume

NAMES = ("counted", "counted_hard")


@pytest.fixture
def composed(tmp_path, store):
    train = Train.load(write_train(tmp_path))
    return compose(train, store, force=["counted"], label="mine", comment="a try")


def test_a_wagon_without_a_test_does_not_run(tmp_path, store):
    train = Train.load(write_train(tmp_path))
    with raises("train.not-tested", path="counted", mentions="--force counted"):
        compose(train, store)
    with raises("train.unknown-wagon", path="count", mentions="'counted'"):
        compose(train, store, force=["count"])
    assert not store.root.exists()


def test_what_is_recorded(composed, store):
    record, status = read_record(composed), read_status(composed)
    assert status.state is State.QUEUED
    assert (record.label, record.comment) == ("mine", "a try")
    assert record.events == 12000
    assert record.datasets["demo"].files == 2
    assert record.wagons.keys() == set(NAMES)
    assert record.tests["counted"].forced
    assert record.asked == ("demo",)
    row = train_row(composed)
    assert (row["train"], row["state"], row["events"], row["of"]) == (1, "QUEUED", 0, 12000)
    assert [row["what"] for row in problems_of(composed)] == ["train"]
    assert train_details(composed, store)["progress"]["chunks"] == 0


def test_a_composed_train_runs_as_a_run_would(composed, store, tmp_path):
    assert run_train(composed) == 0
    assert read_status(composed).state is State.OK
    run = tau3mu.run(
        "demo",
        [f"{tmp_path / 'mine.py'}:Counted"],
        variants=["counted_hard:min_pt=8"],
        chunk_size=4000,
        output=tmp_path / "alone",
        progress=False,
    )
    assert_same_results(composed / "results", run.folder, NAMES)
    details = train_details(composed, store)
    assert details["progress"]["events"] == 12000
    assert details["missing"] == []
    assert {row["results"] for row in details["wagons"]} == set(NAMES)
    assert all(row["CPU [s]"] is not None for row in details["wagons"])
    assert problems_of(composed) == []
    with raises("train.complete", path="1"):
        resume(store, 1)


def test_later_changes_of_files_do_not_matter(composed, tmp_path):
    (tmp_path / "before").mkdir()
    write_train(tmp_path / "before")
    before = tau3mu.run(
        "demo",
        [f"{tmp_path / 'before' / 'mine.py'}:Counted"],
        variants=["counted_hard:min_pt=8"],
        output=tmp_path / "alone",
        progress=False,
    )
    text = (tmp_path / "mine.py").read_text()
    (tmp_path / "mine.py").write_text(text.replace("> self.min_pt", "> 2 * self.min_pt"))
    (tmp_path / "helper.py").write_text("THRESHOLD = 20.0\n")
    (tmp_path / "train.json").write_text("{}")
    assert run_train(composed) == 0
    assert_same_results(composed / "results", before.folder, NAMES)


def test_another_file_of_data_is_an_error(tmp_path, store, demo):
    data = tmp_path / "data"
    data.mkdir()
    first, second = (shutil.copy(file, data / file.name) for file in demo)
    dataset = {"mine": {"files": {str(first): None}}}
    (tmp_path / "mine.json").write_text(json.dumps(dataset))
    train = Train.load(write_train(tmp_path, datasets=["mine.json"]))
    folder = compose(train, store, force=["counted"])
    shutil.copy(second, first)
    with raises("frozen.changed-file", path=str(first)):
        run_train(folder)
    status = read_status(folder)
    assert status.state is State.FAILED
    assert str(first) in status.reason
    assert not (folder / "results").exists()


def test_what_is_edited_in_the_frozen_copy_is_an_error(composed):
    (module,) = composed.rglob("mine.py")
    module.write_text(module.read_text().replace("8.0", "9.0") + "\n")
    with raises("frozen.changed-code", path="mine.py"):
        run_train(composed)
    assert read_status(composed).state is State.FAILED


@pytest.mark.integration
def test_a_wagon_that_raises_is_set_apart(tmp_path, store):
    wagons = {"broken": {"processor": "mine.py:Raises", "fit": None}}
    train = Train.load(write_train(tmp_path, wagons=wagons))
    folder = compose(train, store, force=["counted", "broken"])
    assert run_train(folder) == 1
    status = read_status(folder)
    assert status.state is State.FAILED
    assert "broken" in status.reason
    alone = compose(train.only("counted"), store, force=["counted"])
    assert run_train(alone) == 0
    assert_same_results(folder / "results", alone / "results", NAMES)
    rows = [row for row in problems_of(folder) if row["what"] == "wagon"]
    assert [row["name"] for row in rows] == ["broken"]
    assert "ValueError" in rows[0]["kind"]
    assert "mine.py" in rows[0]["kind"]
    (wagon,) = (row for row in train_details(folder, store)["wagons"] if row["results"] == "broken")
    assert wagon["set apart"]


@pytest.mark.integration
def test_a_short_train_is_promoted(tmp_path, store):
    train = Train.load(write_train(tmp_path))
    short = compose(train, store, force=["counted"], short=0.1, label="short")
    assert read_record(short).asked == ("demo@short:0.1",)
    assert read_record(short).events == 1200
    with raises("train.not-ok", path="1"):
        promote(store, 1)
    assert run_train(short) == 0
    row = tau3mu.open(short / "results")["counted"].cutflow["demo"][0]
    assert (row["name"], row["events"]) == ("all", 1200)
    (tmp_path / "helper.py").write_text("THRESHOLD = 20.0\n")
    full = promote(store, 1, label="full")
    old, new = read_record(short), read_record(full)
    assert (new.parent, new.relation, new.label) == (1, "promote", "full")
    assert (new.events, new.asked) == (12000, ("demo",))
    assert (new.hash, new.wagons, new.tests) == (old.hash, old.wagons, old.tests)
    assert new.datasets["demo"].version == old.datasets["demo"].version
    assert run_train(full) == 0
    (tmp_path / "helper.py").write_text("THRESHOLD = 4.0\n")
    whole = compose(train, store, force=["counted"])
    assert run_train(whole) == 0
    assert_same_results(full / "results", whole / "results", NAMES)
    with raises("train.not-short", path="2"):
        promote(store, 2)


@pytest.mark.integration
def test_a_train_runs_again_with_other_options(composed, store, tmp_path):
    assert run_train(composed) == 0
    (tmp_path / "mine.py").unlink()
    again = rerun(store, 1, settings={"chunk_size": 5000, "candidates": "parquet"})
    record = read_record(again)
    assert (record.parent, record.relation, record.chunks) == (1, "rerun", 4)
    assert run_train(again) == 0
    assert_same_results(composed / "results", again / "results", NAMES)
    assert (again / "results" / "counted" / "candidates.parquet").is_file()
    now = rerun(store, 1, datasets_now=True)
    assert read_record(now).datasets == record.datasets
    with raises("train.unknown-option", path="executer", mentions="'executor'"):
        rerun(store, 1, settings={"executer": "dask"})


def test_a_train_that_has_not_begun_can_be_ended(composed, store):
    assert kill(store, 1).state is State.KILLED
    with raises("train.not-running", path="1"):
        kill(store, 1)
    assert resume(store, 1) == composed
    assert run_train(composed) == 0


def test_two_processes_do_not_run_one_train(composed):
    from tau3mu.storage.lock import locked

    with locked(composed), raises("storage.locked", path="0001"):
        run_train(composed)
    assert read_status(composed).state is State.QUEUED


def test_a_class_of_the_session_cannot_be_frozen(tmp_path, store):
    class Local(tau3mu.DsPhiPi):
        name = "local"

    train = Train([Wagon(Local, fit=None)], "demo")
    with raises("train.class-of-session", path="local"):
        compose(train, store, force=["local"])
    assert store.trains() == []


@pytest.mark.integration
def test_options_about_datasets(tmp_path, store, demo):
    (tmp_path / "data").mkdir()
    for file in demo:
        shutil.copy(file, tmp_path / "data" / file.name)
    content = {"mine": {"files": {file.name: None for file in demo}}}
    (tmp_path / "mine.json").write_text(json.dumps(content))
    file = write_train(tmp_path, datasets=["mine.json"], prefix="data", max_files=1)
    train = Train.load(file)
    record = read_record(compose(train, store, force=["counted"]))
    assert (record.datasets["mine"].files, record.events) == (1, 6000)
    record = read_record(compose(train, store, force=["counted"], max_files=2, chunk_size=2000))
    assert (record.datasets["mine"].files, record.chunks) == (2, 6)
    runs = tmp_path / "certified.json"
    runs.write_text("[1]")
    content = json.loads(file.read_text())
    content["settings"]["certification"] = "certified.json"
    file.write_text(json.dumps(content))
    folder = compose(Train.load(file), store, force=["counted"])
    assert run_train(folder) == 0
    steps = tau3mu.open(folder / "results")["counted"].cutflow["mine"]
    assert [step["name"] for step in steps][:2] == ["all", "certified"]


def test_a_wagon_gets_what_it_needs(tmp_path, store):
    wagons = {"late": {"processor": "mine.py:Needs", "needs": ["counted_hard"], "fit": None}}
    train = Train.load(write_train(tmp_path, wagons=wagons)).only("late")
    assert list(train.check()) == ["counted_hard", "late"]
    folder = compose(train, store, force=["counted", "late"])
    assert run_train(folder) == 0
    run = tau3mu.open(folder / "results")
    events = run["counted_hard"].cutflow["demo"][-1]["events"]
    assert run["late"].counters["demo"]["of_the_other"] == events > 0


def test_files_that_are_gone_are_named(tmp_path, store, demo):
    copies = [shutil.copy(file, tmp_path / file.name) for file in demo]
    content = {"mine": {"files": {str(file): None for file in copies}}}
    (tmp_path / "mine.json").write_text(json.dumps(content))
    file = write_train(tmp_path, datasets=["mine.json"], skip_bad_files=True)
    folder = compose(Train.load(file), store, force=["counted"])
    lost = copies[1].rename(tmp_path / "elsewhere.root")
    assert run_train(folder) == 2
    assert read_status(folder).state is State.FAILED
    (row,) = (row for row in problems_of(folder) if row["what"] == "file")
    assert (row["name"], row["count"]) == ("mine", 1)
    assert str(copies[1]) in row["example"]
    (missing,) = train_details(folder, store)["missing"]
    assert missing["file"] == str(copies[1])
    lost.rename(copies[1])
    before = damage(copies[1])
    assert run_train(resume(store, 1), allow_missing=0.6) == 0
    assert read_status(folder).state is State.WARN
    assert {row["what"] for row in problems_of(folder)} == {"file", "chunk"}
    copies[1].write_bytes(before)
    assert run_train(resume(store, 1)) == 0
    assert read_status(folder).state is State.OK
    assert {row["what"] for row in problems_of(folder)} == {"chunk"}  # of the attempts before
