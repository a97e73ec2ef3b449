"""Pages of tests: numbers are those of `metrics.json`, whatever is damaged or missing."""

from __future__ import annotations

import json

import pytest
from page_reading import HOSTILE, Page, client, error_of, hostile, made_test

from tau3mu.train.limits import Limits
from tau3mu.train.metrics import read_metrics
from tau3mu.train.states import State
from tau3mu.train.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def get(store, path):
    return Page(client(store).get(path))


def test_the_numbers_of_a_test_are_those_of_its_metrics(store):
    folder = made_test(store, "a", limits=Limits(cpu_hours=5.0, output_mb=9.5))
    page = get(store, "/tests/a/1")
    metrics = json.loads((folder / "metrics.json").read_text())
    facts = page.facts()
    assert facts["events read"] == f"{metrics['events']:,}"
    assert facts["events per second"] == "246.8"
    assert facts["CPU of events [s]"] == "2.5"
    assert facts["most [MB]"] == "150"
    (_, cpu, memory, output) = next(
        rows for caption, rows in page.tables.items() if caption.startswith("What all events")
    )
    assert cpu == ["CPU [h]", "7.5", "5", "no"]
    assert memory == ["memory [MB]", "160", "2,000", "yes"]
    assert output == ["output [MB]", "9", "9.5", "yes"]
    (_, dataset) = page.tables["Datasets"]
    assert dataset == ["demo", "5,678", "1,234", "2", "0"]
    (_, finding) = page.tables["Findings"]
    assert finding[:2] == ["WARN", "cpu.limit"]
    parts = next(rows for caption, rows in page.tables.items() if "each wagon needed" in caption)
    assert parts[2] == ["a", "1.25", "2", "50", "3", "0", "0", "0", "0"]


def test_errors_and_names_of_others_are_text(store):
    folder = made_test(
        store, "a", errors=(error_of(HOSTILE, HOSTILE),), unread=(HOSTILE,), remarks=(HOSTILE,),
        opened={HOSTILE: 3}, changed=(HOSTILE,), datasets=(HOSTILE,), results=(HOSTILE,),
        merge={"halves": (HOSTILE,)}, killed=HOSTILE, host=HOSTILE,
    )  # fmt: skip
    (folder / "stdout.log").write_text(HOSTILE)
    (folder / "configuration.json").write_text(json.dumps({HOSTILE: HOSTILE}))
    page = get(store, "/tests/a/1")
    assert page.status == 200
    assert not hostile(page)
    assert page.html.count("&lt;img src=x") >= 12
    assert page.tables["Errors, those of one kind at one line in one row"][1][1:3] == [
        "ValueError", "mine.py:7",
    ]  # fmt: skip
    assert not hostile(get(store, "/tests/a"))
    assert not hostile(get(store, "/"))


def test_folders_with_names_of_others_have_pages(store):
    name = "<img src=x> \u202e#?"
    made_test(store, name)
    home = get(store, "/")
    assert not hostile(home)
    (link,) = {one for one in home.links if one.startswith("./tests/") and one.count("/") == 2}
    asked = client(store)
    assert asked.get(link.removeprefix(".")).status_code == 200
    page = Page(asked.get(f"{link.removeprefix('.')}/1"))
    assert page.status == 200
    assert not hostile(page)


@pytest.mark.parametrize(
    "files", [{}, {"status.json": "{"}, {"status.json": "[]", "metrics.json": "3"}]
)
def test_half_written_tests_have_pages(store, files):
    made_test(store, "a")
    folder = store.new_test("a")
    for name, text in files.items():
        (folder / name).write_text(text)
    assert get(store, "/tests/a/2").status == 200
    page = get(store, "/tests/a")
    assert [row[0] for row in page.tables["Tests, the newest first"][1:]] == ["2", "1"]
    assert get(store, "/").status == 200


def test_damaged_metrics_are_named(store):
    folder = made_test(store, "a")
    (folder / "metrics.json").write_text('{"version": 9}')
    page = get(store, "/tests/a/1")
    assert page.status == 200
    assert "metrics.json" in page.html
    assert page.tables == {}


def test_a_test_that_runs_says_so(store):
    made_test(store, "a", state=State.RUNNING)
    page = get(store, "/tests/a/1")
    assert "RUNNING" in page.html
    assert "../../tests/a/1" in page.links


@pytest.mark.parametrize(
    "path", ["/tests/b", "/tests/a/2", "/tests/a/x", "/tests/a/01", "/tests/%2e%2e"]
)
def test_unknown_tests_are_not_found(store, path):
    made_test(store, "a")
    assert client(store).get(path).status_code == 404


def test_long_histories_come_in_pages_and_are_read_once(store, monkeypatch):
    for _ in range(60):
        made_test(store, "a")
    page = get(store, "/tests/a")
    numbers = [int(row[0]) for row in page.tables["Tests, the newest first"][1:]]
    assert numbers == list(range(60, 10, -1))
    assert "../tests/a?page=2" in page.links
    last = get(store, "/tests/a?page=2").tables["Tests, the newest first"][1:]
    assert [int(row[0]) for row in last] == list(range(10, 0, -1))
    first = read_metrics(store.tests("a")[0])
    assert last[-1][3:6] == [f"{first.events:,}", "247", "150"]
    monkeypatch.setattr("tau3mu.train.page.past.read_metrics", None)
    assert get(store, "/tests/a").status == 200  # nothing is read again


@pytest.mark.integration
def test_the_history_is_a_picture_and_nothing_is_written(store):
    made_test(store, "a")
    with client(store) as asked:
        answer = asked.get("/tests/a/history.png")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    assert not (store.root / "tests" / "a" / "history.png").exists()
