"""The grid of wagons and variants against datasets: which test is shown where, and what it says."""

from __future__ import annotations

import json

import pytest
from page_reading import made_test

from tau3mu.train.limits import Limits
from tau3mu.train.page.grid import grid_of, other_wagons
from tau3mu.train.page.past import past_tests
from tau3mu.train.page.train_files import Check, train_file, train_files
from tau3mu.train.states import State
from tau3mu.train.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def write(folder, name="train.json", **content):
    wagons = {
        "a": {"processor": "p", "variants": {"hard": {}, "soft": {}}},
        "b": {"processor": "q"},
    }
    file = folder / name
    document = {"schema_version": 1, "wagons": wagons, "datasets": ["demo", "other@short:0.1"]}
    file.write_text(json.dumps(document | content))
    return file


def shown(grid):
    """State and number of the test of each cell by wagon, results and dataset."""
    return {
        (row.result, cell.dataset): (cell.state, cell.test.number if cell.test else None)
        for wagon in grid.wagons
        for row in wagon.rows
        for cell in row.cells
    }


def check(tests, read=("demo", "other"), results=("a", "a_hard")):
    rows = tuple({"results": name, "wagon": "a", "variant": ""} for name in results)
    names = tuple({"name": name, "version": None} for name in read)
    return Check(valid=True, read=names, wagons=rows, train="train", tests=tests)


def last(number=None, state="", forced=""):
    return {"number": number, "state": state, "forced": forced, "cpu_hours": None, "limit": None}


def test_each_result_has_the_last_test_that_has_read_the_dataset(store, tmp_path):
    made_test(store, "a", results=["a", "a_hard"], datasets=["demo", "other"])
    made_test(store, "a", results=["a"], datasets=["demo"], limits=Limits(cpu_hours=1.0))
    grid = grid_of(store, train_file(write(tmp_path)), None)
    assert grid.datasets == ("demo", "other")
    assert shown(grid) == {
        ("a", "demo"): ("WARN", 2),
        ("a", "other"): ("OK", 1),
        ("a_hard", "demo"): ("OK", 1),
        ("a_hard", "other"): ("OK", 1),
        ("a_soft", "demo"): ("NOT TESTED", None),
        ("a_soft", "other"): ("NOT TESTED", None),
        ("b", "demo"): ("NOT TESTED", None),
        ("b", "other"): ("NOT TESTED", None),
    }


def test_a_test_that_runs_or_has_read_nothing_is_one_of_all_results(store, tmp_path):
    file = train_file(write(tmp_path))
    made_test(store, "a", datasets=())
    assert set(shown(grid_of(store, file, None)).values()) >= {("OK", 1), ("NOT TESTED", None)}
    made_test(store, "a", state=State.RUNNING)
    grid = grid_of(store, file, None)
    assert {value for key, value in shown(grid).items() if key[0] != "b"} == {("RUNNING", 2)}
    assert grid.is_running


def test_only_active_variants_are_rows(tmp_path):
    wagons = {
        "a": {"processor": "p", "variants": {"hard": {}, "soft": {}}, "active": ["hard"]},
        "b": {"processor": "q", "active": False},
    }
    assert train_file(write(tmp_path, wagons=wagons)).wagons == {"a": ["a_hard"]}


def test_the_check_says_which_test_counts_and_why_not(store, tmp_path):
    file = train_file(write(tmp_path))
    for _ in range(3):
        made_test(store, "a", results=["a", "a_hard"], datasets=["demo", "other"])
    good = grid_of(store, file, check({"a": last(2, "OK")}))
    assert set(shown(good).values()) == {("OK", 2)}  # the third is of another train file
    assert good.wagons[0].refused == ""
    stale = grid_of(store, file, check({"a": last(3, "OK", "since test 3, code changed")}))
    cells = [cell for row in stale.wagons[0].rows for cell in row.cells]
    assert {cell.stale for cell in cells} == {"since test 3, code changed"}
    assert {cell.reason for cell in cells} == {"since test 3, code changed"}


def test_a_test_that_runs_is_shown_before_the_one_that_counts(store, tmp_path):
    made_test(store, "a", results=["a", "a_hard"], datasets=["demo", "other"])
    made_test(store, "a", state=State.RUNNING)
    grid = grid_of(store, train_file(write(tmp_path)), check({"a": last(1, "OK")}))
    assert set(shown(grid).values()) == {("RUNNING", 2)}


def test_damaged_tests_have_a_state_and_a_reason(store):
    folder = made_test(store, "a")
    (folder / "metrics.json").write_text("{")
    other = store.new_test("a")
    newest, oldest = past_tests(store, "a")
    assert (newest.number, newest.state, newest.folder) == (2, "LOST", other)
    assert oldest.state == "?"
    assert "metrics" in oldest.reason


def test_wagons_that_only_tests_know_have_the_datasets_of_their_last_tests(store):
    made_test(store, "a", results=["a", "a_hard", "needed"], datasets=["demo"])
    made_test(store, "b", datasets=["other"])
    made_test(store, "known")
    grid = other_wagons(store, ["known"])
    assert grid.datasets == ("demo", "other")
    assert shown(grid) == {
        ("a", "demo"): ("OK", 1),
        ("a", "other"): ("NOT TESTED", None),
        ("a_hard", "demo"): ("OK", 1),
        ("a_hard", "other"): ("NOT TESTED", None),
        ("b", "demo"): ("NOT TESTED", None),
        ("b", "other"): ("OK", 1),
    }


def test_without_names_the_train_files_of_the_folder_are_taken(tmp_path):
    one = write(tmp_path, "one.json")
    two = tmp_path / "two.yaml"
    two.write_text("schema_version: 1\nwagons: {a: {processor: p}}\ndatasets: [demo]\n")
    (tmp_path / "other.json").write_text('{"wagons": 3}')
    (tmp_path / "broken.yaml").write_text("wagons: {")
    (tmp_path / "notes.txt").write_text("schema_version wagons datasets")
    assert [file.path for file in train_files((), tmp_path)] == [one, two]
    assert [file.path for file in train_files([two], tmp_path)] == [two]


@pytest.mark.parametrize("wagons", [None, [], {"a": 3}, {"a": {"active": 3, "variants": 7}}, "\0"])
def test_contents_that_are_no_train_are_no_failure(store, tmp_path, wagons):
    file = train_file(write(tmp_path, wagons=wagons, datasets=wagons))
    grid = grid_of(store, file, None)
    assert all(cell.test is None for one in grid.wagons for row in one.rows for cell in row.cells)
