"""The list of trains: filters, words, parts of it, and what goes on without a database."""

from __future__ import annotations

import gc
import os
import re
import shutil
import sqlite3

import pytest
from train_pages import Pages, text_of

from measuring.stores import add_train
from tau3mu.storage.files import json_text, write_text
from tau3mu.train.page.site import store_site
from tau3mu.train.states import HEARTBEAT, State, read_status
from tau3mu.web.application import application, prepared

HOSTILE = '<img src=x onerror="alert(1)">'


@pytest.fixture
def pages(store, monkeypatch):
    monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
    return Pages(store)


@pytest.fixture
def filled(store):
    add_train(store, name="search", label="draft", comment="first 100%", by="ann")
    add_train(
        store, name="control", wagons=("phi", "phi_tight"), datasets={"b": "1"},
        states=(State.QUEUED, State.RUNNING, State.OK), composed="2026-11-28T12:00:00+00:00",
    )  # fmt: skip
    add_train(store, name="search", label="final", states=(State.QUEUED, State.FAILED), parent=1)


def test_a_store_without_trains(pages):
    assert "tau3mu.train run" in text_of(pages.get("trains"))


def test_the_newest_is_the_first(pages, filled):
    assert pages.numbers() == [3, 2, 1]
    page = pages.get("trains")
    assert '<time datetime="2026-11-28T12:00:00+00:00">' in page
    assert 'href="./trains/1"' in page


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("name=search", [3, 1]),
        ("label=final", [3]),
        ("state=OK", [2]),
        ("dataset=b", [2]),
        ("wagon=phi_tight", [2]),
        ("text=TIGHT", [2]),
        ("text=100%25", [1]),
        ("text=first+draft", [1]),
        ("text=first+final", []),
        ("text=failed", [3]),
        ("text=2", [2]),
        ("text=%232", [2]),
        ("text=ann", [1]),
        ("text=&state=", [3, 2, 1]),
        ("text=search&state=QUEUED", [1]),
        ("text=" + "9" * 40, []),
        ("dataset=%00", []),
    ],
)
def test_filters(pages, filled, query, numbers):
    assert pages.numbers(f"?{query}") == numbers


def test_the_search_box(pages, filled):
    assert 'role="search"' in pages.get("trains/1")
    assert pages.redirected("search?q=2") == "./trains/2"
    assert pages.redirected("search?q=%230002") == "./trains/2"
    assert pages.redirected("search?q=77") == "./trains?text=77"
    assert pages.redirected("search?q=a+b") == "./trains?text=a+b"
    assert pages.redirected("search?q=") == "./trains"


def test_long_lists_come_in_parts(pages, store):
    for _ in range(101):
        add_train(store, files=0)
    assert pages.numbers() == list(range(101, 51, -1))
    assert pages.numbers("?page=3") == [1]
    assert pages.numbers("?page=9") == []
    first = pages.get("trains?wagon=phi")
    following = re.search(r'rel="next" href="([^"]*)"', first)
    assert following
    assert following[1] == "./trains?page=2&amp;wagon=phi"
    for wrong in ("0", "x", "-1", "1" * 30, "²"):
        assert "web.bad-query" in pages.get(f"trains?page={wrong}", 400)


def test_a_state_that_does_not_exist(pages, filled):
    assert "train.unknown-state" in pages.get("trains?state=FINE", 400)


def test_names_are_text(pages, store):
    add_train(store, name=HOSTILE, label="\u202eאבג", comment=HOSTILE, wagons=(HOSTILE,))
    page = pages.get("trains")
    assert "<img" not in page
    assert "<bdi>\u202eאבג</bdi>" in page
    assert pages.numbers("?name=%3Cimg+src%3Dx+onerror%3D%22alert%281%29%22%3E") == [1]


def test_lost_trains_are_found_as_such(pages, store):
    lost = add_train(store, states=(State.QUEUED, State.RUNNING))
    content = read_status(lost).model_dump(mode="json") | {"pid": 2**22 + 1}
    write_text(lost / "status.json", json_text(content))
    add_train(store, states=(State.QUEUED, State.RUNNING))
    os.utime(lost / HEARTBEAT) if (lost / HEARTBEAT).exists() else None
    assert pages.numbers("?state=LOST") == [1]
    assert pages.numbers("?text=lost") == [1]
    assert pages.numbers("?state=RUNNING") == [2]


def test_deleted_half_written_and_damaged_trains_have_rows(pages, store, filled):
    store.new_train()
    half = add_train(store)
    (half / "train.json").unlink()
    damaged = add_train(store)
    (damaged / "train.json").write_text("{")
    shutil.rmtree(store.train(2))
    assert pages.numbers() == [6, 5, 4, 3, 1]
    rows = re.findall(r"<tr>\n<th scope=\"row\".*?</tr>", pages.get("trains"), re.DOTALL)
    assert "damaged" in rows[0]
    assert "train.json" in text_of(rows[0])
    assert "incomplete" in rows[1]
    assert "incomplete" in rows[2]
    pages.get("trains/2", 404)
    for number, code in ((4, "train.not-composed"), (5, "train.not-composed"), (6, "train.json")):
        assert code in pages.get(f"trains/{number}")
        for more in ("files", "configuration", "label", "do/rerun", "live"):
            answer = pages.client.get(f"/trains/{number}/{more}")
            assert answer.status_code in {200, 400, 404}, (number, more, answer.text)


def test_a_newer_database_is_named_and_trains_are_shown_without_it(pages, store, filled):
    pages.get("trains")
    with sqlite3.connect(store.root / "index.sqlite") as database:
        database.execute("UPDATE tau3mu_store SET version = 999")
    page = pages.get("trains", 503)
    assert "train.newer-database" in page
    assert re.findall(r'href="\./trains/(\d+)"', page) == ["3", "2", "1"]
    pages.get("trains/3")
    pages.get("trains/3/files")
    assert pages.redirected("search?q=3") == "./trains/3"
    pages.post("trains/3/label", label="new", comment="", label_before="final", comment_before="")
    assert "new" in text_of(pages.get("trains/3"))


def test_a_broken_database_is_named(pages, store, filled):
    (store.root / "index.sqlite").write_bytes(b"no database at all" * 100)
    assert "train.broken-database" in pages.get("trains", 503)


def test_a_store_that_is_read_only_has_its_index_in_memory(store, filled, monkeypatch):
    monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
    pages = Pages(store, "sqlite://")
    for _ in range(3):  # each request in a thread of its own
        assert pages.numbers() == [3, 2, 1]
    add_train(store)
    assert pages.numbers() == [4, 3, 2, 1]


def test_the_worker_brings_the_index_up_to_date_before_the_first_page(store, filled, monkeypatch):
    monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
    app = application(store_site(store))
    try:
        prepared(app)
        assert app.state.worker.process is not None
    finally:
        app.state.worker.close()
        gc.unfreeze()
    assert app.state.index.refresh() == 0
    assert app.state.index.sizes()["trains"] == 3
