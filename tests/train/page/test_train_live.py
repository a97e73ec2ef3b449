"""A train while one watches: its progress, its end, its loss, and a server that begins again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from train_pages import Pages, write_ledger
from train_processes import chunks_done, command, states, train_folder, wait_for, write_train

from measuring.stores import add_train
from tau3mu.train.page import live
from tau3mu.train.states import State, read_status, set_state

RUN = (State.QUEUED, State.RUNNING)


@pytest.fixture
def pages(store, monkeypatch):
    monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
    monkeypatch.setattr(live, "_PERIOD", 0.01)
    return Pages(store)


def events_of(text):
    """Returns the events of a stream, each with its name and its data."""
    found = []
    for block in text.split("\n\n"):
        lines = block.split("\n")
        name = next((line[7:] for line in lines if line.startswith("event: ")), None)
        if name:
            data = "\n".join(line[6:] for line in lines if line.startswith("data: "))
            found.append((name, data))
    return found


def read_of(html):
    """Returns the events read, as the bar shows them."""
    return int(re.search(r'<progress[^>]* value="(\d+)"', html)[1])


def test_a_train_that_has_ended_says_so_at_once(pages, store):
    train = add_train(store, files=2, states=(*RUN, State.OK))
    write_ledger(train, ["done", "done"])
    answer = pages.client.get("/trains/1/live")
    assert answer.headers["content-type"].startswith("text/event-stream")
    (progress, html), (end, _) = events_of(answer.text)
    assert (progress, end) == ("progress", "end")
    assert read_of(html) == 200
    assert "href" not in html  # it is put into a page with another address


def test_what_the_browser_has_not_seen_lets_it_load_the_page_again(pages, store):
    train = add_train(store, states=RUN)
    seen = re.search(r"live\?seen=([^\"&]*)", pages.get("trains/1"))[1]
    write_ledger(train, ["transient"])
    names = [name for name, _ in events_of(pages.client.get(f"/trains/1/live?seen={seen}").text)]
    assert names == ["progress", "end"]
    now = re.search(r"live\?seen=([^\"&]*)", pages.get("trains/1"))[1]
    assert now != seen
    set_state(train, State.WARN, "something")
    html = events_of(pages.client.get(f"/trains/1/live?seen={now}").text)[0][1]
    assert "WARN" in html


def test_only_the_head_of_a_stream_is_sent_if_asked(pages, store):
    add_train(store, states=RUN)
    assert pages.client.head("/trains/1/live").status_code == 200


def test_a_train_that_is_removed_while_one_watches(pages, store):
    train = add_train(store, states=RUN)
    (train / "status.json").unlink()
    (_, html), (end, _) = events_of(pages.client.get("/trains/1/live").text)
    assert "train.not-composed" in html
    assert end == "end"
    pages.get("trains/7/live", 404)


@contextmanager
def serving(folder, port=0):
    """Runs `serve`, and yields a client that is logged in, and the port."""
    import httpx

    words = [sys.executable, "-m", "tau3mu.train", "serve", "--store", "store"]
    process = subprocess.Popen(
        [*words, "--port", str(port)], cwd=folder, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    try:
        url = re.search(r"http://\S+", process.stdout.readline())[0]
        port = int(re.search(r":(\d+)/", url)[1])

        def enter():
            try:
                return client.get(url, follow_redirects=False).status_code < 400
            except httpx.TransportError:  # it is not ready
                return False

        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            wait_for(enter)
            yield client, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)


def watched(client, path):
    """Yields the events of a stream as they come."""
    with client.stream("GET", path) as answer:
        assert answer.status_code == 200
        block = []
        for line in answer.iter_lines():
            if line:
                block.append(line)
            else:
                yield from events_of("\n".join(block))
                block = []


def composed(folder, **how):
    write_train(folder, chunk_size=600, **how)
    done = command(folder, "run", "train.json", "--force", "counted", "--compose-only")
    assert done.returncode == 0, done.stderr
    return train_folder(folder)


@pytest.mark.integration
def test_a_train_is_watched_from_its_start_to_its_end(tmp_path):
    folder = composed(tmp_path, delay=0.2)
    with serving(tmp_path) as (client, _):
        page = client.get("/trains/1").text
        run = command(tmp_path, "run", "--resume", 1, wait=False)
        found, seen = [], re.search(r"live\?seen=([^\"&]*)", page)[1]
        while read_status(folder).state in RUN or not found:  # as the page does after each `end`
            for name, html in watched(client, f"/trains/1/live?seen={seen}"):
                if name == "progress":
                    found.append(read_of(html))
            page = client.get("/trains/1").text
            seen = re.search(r"live\?seen=([^\"&]*)", page)
            seen = seen[1] if seen else ""
        assert run.wait(60) == 0
        page = client.get("/trains/1").text
    assert found == sorted(found)
    assert found[-1] == 12_000
    assert len(set(found)) > 3
    assert "sse-connect" not in page
    assert "?folder=trains%2F0001%2Fresults" in page
    run.communicate()


@pytest.mark.integration
def test_a_killed_train_is_lost_and_goes_on_from_the_page(tmp_path):
    folder = composed(tmp_path, delay=0.4)
    with serving(tmp_path) as (client, port):
        run = command(tmp_path, "run", "--resume", 1, wait=False)
        wait_for(lambda: chunks_done(tmp_path) > 1)
        stream = watched(client, "/trains/1/live")
        assert next(stream)[0] == "progress"
    with serving(tmp_path, port) as (client, _):  # the browser asks again
        stream = watched(client, "/trains/1/live")
        before = read_of(next(stream)[1])
        assert read_of(next(html for name, html in stream if name == "progress")) > before
        os.kill(read_status(folder).pid, signal.SIGKILL)
        begin = time.monotonic()
        last = [html for name, html in stream if name == "progress"][-1]
        assert time.monotonic() - begin < 60
        assert "LOST" in last
        run.communicate()
        csrf = re.search(r'name="csrf" value="([^"]*)"', client.get("/trains/1/do/resume").text)
        answer = client.post("/trains/1/do/resume", data={"csrf": csrf[1]})
        assert answer.status_code == 303
        path = "/trains/1" + answer.headers["location"].partition("trains/1")[2]
        job = re.search(r"job=([-\d]+)", path)[1]
        assert "sse-connect" in client.get(path).text  # although it is still lost
    # the train goes on without the server
    wait_for(lambda: read_status(folder).state is State.OK)
    with serving(tmp_path) as (client, _):
        wait_for(lambda: "sse-connect" not in client.get(f"/trains/1?job={job}").text)
        assert "12,000 of 12,000" in client.get("/trains/1").text
    assert states(tmp_path) == ["QUEUED", "RUNNING", "RUNNING", "OK"]


@pytest.mark.integration
def test_a_train_is_killed_from_the_page(tmp_path):
    folder = composed(tmp_path, delay=0.4)
    with serving(tmp_path) as (client, _):
        run = command(tmp_path, "run", "--resume", 1, wait=False)
        wait_for(lambda: chunks_done(tmp_path) > 1)
        csrf = re.search(r'name="csrf" value="([^"]*)"', client.get("/trains/1/do/kill").text)
        assert client.post("/trains/1/do/kill", data={"csrf": csrf[1]}).status_code == 303
        wait_for(lambda: read_status(folder).state is State.KILLED)
        run.communicate()
        again = client.post("/trains/1/do/kill", data={"csrf": csrf[1]})
        assert again.status_code == 409
