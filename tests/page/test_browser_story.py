"""From a test to results, watched live; and what happens to who watches when something ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time

import pytest
from making import HOSTILE, Made, end, start, wait_for

from tau3mu.storage.names import LEDGER
from tau3mu.train.index.tables import META
from tau3mu.train.states import State, read_status
from tau3mu.train.store import Store

expect = pytest.importorskip("playwright.sync_api", reason="pip install '.[browser]'").expect

pytestmark = pytest.mark.integration

A_MINUTE = 60_000
NEW = "new train"


@pytest.fixture(scope="module")
def changing(made, tmp_path_factory):
    """A copy of the store, which tests change."""
    folder = tmp_path_factory.mktemp("changing") / "copy"
    shutil.copytree(made.folder, folder, symlinks=True)
    (folder / "token").write_text("0123456789abcdef" * 4)
    (folder / "token").chmod(0o600)
    return Made(folder, Store(folder / "trains"))


@pytest.fixture(scope="module")
def serve(changing):
    return [*changing.serve, "--token-file", str(changing.folder / "token")]


@pytest.fixture
def own(serve, changing, servers):
    """The page of the store that changes."""
    return servers(serve, changing.folder)


@pytest.fixture
def running(changing):
    """The train that was lost goes on, in a process; yields its folder."""
    folder = changing.store.train(1)
    shutil.rmtree(folder / "results", ignore_errors=True)
    process = start(changing.folder, "run", "--resume", "1")
    wait_for((folder / "results" / LEDGER).is_file)
    assert read_status(folder).state is State.RUNNING
    yield folder
    end(process, codes=range(-15, 200))


def test_from_a_test_to_a_result(tabs, own, changing):
    tab = tabs(own)
    page = tab.go()
    page.get_by_role("link", name="Test all wagons of slow.json").click()
    page.get_by_label("Time for each test").fill("2")
    page.get_by_role("button", name="Start the test").click()
    page.evaluate("window.watched = true")
    job = page.locator("#job")
    expect(job).to_contain_text("RUNNING")
    expect(page.get_by_role("link", name="waiting")).to_be_visible(timeout=A_MINUTE)
    expect(job).to_contain_text("OK", timeout=A_MINUTE)
    assert page.evaluate("window.watched")
    test = changing.store.tests("waiting")[-1]
    assert read_status(test).state is State.WARN  # its limit is too low on purpose
    row = tab.go().get_by_role("row").filter(has_text="waiting")
    expect(row).to_contain_text("WARN")

    before = len(changing.store.trains())
    page.get_by_role("link", name="Run train of slow.json").click()
    page.get_by_label("Whole datasets").check()
    page.get_by_label("Label", exact=True).fill(f"{NEW} {HOSTILE}")
    run = page.get_by_role("button", name="Run the train")
    run.click()  # nobody has approved of so much time
    assert len(changing.store.trains()) == before
    page.get_by_label("Who has approved").fill("Ada")
    run.click()
    page.get_by_role("link", name=f"Train {before + 1}").click(timeout=A_MINUTE)
    page.evaluate("window.watched = true")
    bar = page.get_by_role("progressbar")
    seen = []
    while not seen or seen[-1] < 6000:
        now = float(bar.get_attribute("value"))
        seen += [now] if [now] != seen[-1:] else []
        page.wait_for_timeout(50)
    assert len(seen) > 3
    assert seen == sorted(seen)
    expect(page.locator("#train")).to_contain_text("OK", timeout=A_MINUTE)
    results = page.get_by_role("link", name="Results", exact=True)
    expect(results).to_be_visible(timeout=A_MINUTE)
    assert page.evaluate("window.watched")
    expect(page.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    results.click()
    expect(page.locator("main")).to_contain_text("6,000")
    rows = json.loads((changing.store.trains()[-1] / "train.json").read_text())
    assert rows["approved"] == "Ada"


def test_a_test_is_started_without_scripts(tabs, own, changing):
    tab = tabs(own, java_script_enabled=False)
    page = tab.go()
    before = len(changing.store.tests("dimuons"))
    page.get_by_role("link", name="Test wagon dimuons").first.click()
    page.get_by_label("Time for each test").fill("1")
    page.get_by_label("Test also what").check()
    page.get_by_role("button", name="Start the test").click()
    job = page.locator("#job")
    while "RUNNING" in (text := job.inner_text()) or "QUEUED" in text:
        page.wait_for_timeout(200)
        page.reload()
    expect(job).to_contain_text("OK")
    assert len(changing.store.tests("dimuons")) == before + 1


def test_a_train_that_dies_is_lost_within_a_minute(tabs, own, running):
    page = tabs(own).go("trains/1")
    now = page.locator(".now")
    expect(now).to_contain_text("RUNNING")
    os.kill(read_status(running).pid, signal.SIGKILL)
    begin = time.monotonic()
    expect(page.locator("#train")).to_contain_text("LOST", timeout=A_MINUTE)
    assert time.monotonic() - begin < 60
    expect(page.get_by_role("link", name="Resume")).to_be_visible()


def test_who_watches_survives_the_server(tabs, own, running):
    tab = tabs(own)
    tab.allowed += ["ERR_CONNECTION", "ERR_INCOMPLETE_CHUNKED", r"\[object Event\]"]
    page = tab.go("trains/1")
    page.evaluate("window.watched = true")
    expect(page.locator(".now")).to_contain_text("RUNNING")
    own.stop(signal.SIGKILL)
    assert read_status(running).state is State.RUNNING
    own.start()
    expect(page.get_by_role("link", name="Results", exact=True)).to_be_visible(timeout=A_MINUTE)
    assert page.evaluate("window.watched")


def test_folders_that_are_gone_or_half_written(tabs, own, changing):
    tab = tabs(own)
    tab.allowed += ["Error Code 404", "status of 40[04]"]  # of who watched it
    page = tab.go("trains/4")
    shutil.rmtree(changing.store.train(4))
    expect(page.locator("#train")).to_contain_text("any more", timeout=A_MINUTE)
    half = changing.store.root / "trains" / "0090"
    half.mkdir()
    page = tab.go("trains")
    assert page.get_by_role("link", name="4", exact=True).count() == 0
    tab.go("trains/4", status=404)
    tab.go("trains/90/files", status=400)
    (half / "train.json").write_text('{"version": 1, "name": "ph')
    page = tab.go("trains")
    expect(page.get_by_role("row").filter(has_text="90")).to_contain_text("damaged")
    shutil.rmtree(changing.store.train(3) / "results" / "dsphipi")
    tab.go("result?folder=trains/0003/results")
    tab.go("trains/3")
    (changing.store.train(3) / "results" / "run.json").write_text("{")
    for path in ("trains", "trains/3"):
        tab.go(path)
    tab.go("result?folder=trains/0003/results", status=400)


def test_a_database_of_a_newer_version_is_named(tabs, own, changing):
    import sqlite3

    tab = tabs(own)
    with sqlite3.connect(changing.store.root / "index.sqlite") as database:
        ((old,),) = database.execute(f"SELECT version FROM {META.name}").fetchall()
        database.execute(f"UPDATE {META.name} SET version = {old + 1}")
    database.close()
    tab.allowed.append("status of 503")
    for path in ("trains", "search?q=phi"):
        text = tab.page.goto(own.home + path).text()
        assert "--rebuild" in text, path
