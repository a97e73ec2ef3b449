"""The page of a train: what was expected and read, problems, files, configuration, labels."""

from __future__ import annotations

import json
import os
import re

import pytest
from errors import raises
from train_pages import Pages, text_of, write_ledger, write_results

from measuring.stores import add_train
from tau3mu.storage.files import json_text, write_text
from tau3mu.train.__main__ import main
from tau3mu.train.annotating import annotate
from tau3mu.train.index import Index
from tau3mu.train.ledger import LedgerReader
from tau3mu.train.notes import described
from tau3mu.train.page import details
from tau3mu.train.registry import Registry
from tau3mu.train.states import State, set_state
from tau3mu.train.summary import manifest_of, train_details, train_row

HOSTILE = '<img src=x onerror="alert(1)">'
RUN = (State.QUEUED, State.RUNNING)


@pytest.fixture
def pages(store, monkeypatch):
    monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
    return Pages(store)


def cells(page, label):
    """Returns the rows of the table in the region of a label."""
    region = page[page.index(f'aria-label="{label}"') :]
    body = region[region.index("<tbody>") : region.index("</tbody>")]
    return [
        [text_of(cell) for cell in re.findall(r"<t[hd]\b.*?</t[hd]>", row, re.DOTALL)]
        for row in body.split("</tr>")[:-1]
    ]


def test_what_was_expected_and_read(pages, store):
    train = add_train(store, files=4, states=(*RUN, State.FAILED), chunks=4)
    write_ledger(train, ["done", "done", "done", "transient"])
    write_results(train, files=4, missing=1)
    page = pages.get("trains/1")
    assert cells(page, "Datasets of the train")[0][2:6] == ["4", "3", "400", "300"]
    assert cells(page, "Files of which events are missing") == [
        ["a", "/data/a_3.root", "100", "HTTP 500"]
    ]
    problems = cells(page, "Groups of problems")
    assert [(row[0], row[3]) for row in problems] == [("train", "1"), ("file", "1"), ("chunk", "1")]
    text = text_of(page)
    assert "300 of 400 (75 %)" in text
    assert "3 of 4" in text
    assert f"reproduce {train / 'results'}" in text
    assert 'href="../result?folder=trains%2F0001%2Fresults"' in page


def test_while_it_runs_the_ledger_says_what_was_read(pages, store):
    train = add_train(store, files=4, states=(*RUN, State.FAILED))
    write_results(train, files=4, missing=4)
    set_state(train, State.RUNNING)
    write_ledger(train, ["done", "done"])
    page = pages.get("trains/1")
    assert cells(page, "Datasets of the train")[0][2:6] == ["4", "2", "400", "200"]
    assert 'sse-connect="../trains/1/live?seen=' in page
    write_ledger(train, ["done", "done", "done"])
    assert cells(pages.get("trains/1"), "Datasets of the train")[0][2:6] == ["4", "3", "400", "300"]
    write_results(train, files=4)
    set_state(train, State.OK)
    page = pages.get("trains/1")
    assert cells(page, "Datasets of the train")[0][2:6] == ["4", "4", "400", "400"]
    assert "sse-connect" not in page


def test_what_has_changed_since(pages, store, registrable):
    registry = Registry(store)
    version = registry.add(*registrable("a", [1, 2])).dataset.version
    add_train(store, datasets={"a": version, "b": "1"})
    page = pages.get("trains/1")
    changed = [row[-1] for row in cells(page, "Datasets of the train")]
    assert changed == ["nothing", "not registered"]
    assert 'href="../datasets/a"' in page
    registry.add(*registrable("a", [1, 2, 3]))
    changed = [row[-1] for row in cells(pages.get("trains/1"), "Datasets of the train")]
    assert changed == ["+1 file, +103 events", "not registered"]


def test_links_to_tests_and_to_the_parent(pages, store):
    parent = add_train(store, states=(*RUN, State.OK))
    write_results(parent)
    child = add_train(store, wagons=("phi", "phi_tight"), parent=1, relation="rerun", tests={
        "phi": {"number": 3, "state": "WARN", "forced": "too old"}
    })  # fmt: skip
    page = pages.get("trains/2")
    assert page.count('href="../tests/phi/3"') == 2
    assert [row[2] for row in cells(page, "Table of wagons")] == ["too old", "too old"]
    assert 'href="../trains/1"' in page
    assert "../compare" not in page
    write_results(child)
    expected = "../compare?a=trains%2F0001%2Fresults&amp;b=trains%2F0002%2Fresults"
    assert f'href="{expected}"' in pages.get("trains/2")


def test_files_come_in_parts(pages, store):
    train = add_train(store, files=250)
    page = pages.get("trains/1/files")
    assert len(cells(page, "Files")) == 100
    assert cells(page, "Files")[0] == ["a", "/data/a_0.root", "100", "", ""]
    write_results(train, files=250, missing=120)
    assert cells(pages.get("trains/1/files?page=2"), "Files")[29:31] == [
        ["a", "/data/a_129.root", "100", "100", ""],
        ["a", "/data/a_130.root", "100", "0", "HTTP 500"],
    ]
    assert len(cells(pages.get("trains/1/files?only=missing&page=2"), "Files")) == 20
    assert len(cells(pages.get("trains/1/files?text=a_249"), "Files")) == 1
    assert "No file" in pages.get("trains/1/files?text=nothing")
    assert "web.bad-query" in pages.get("trains/1/files?only=x", 400)
    page = pages.get("trains/1")
    assert len(cells(page, "Files of which events are missing")) == 20
    assert "120 files" in text_of(page)


def test_configuration_and_code_are_shown_as_text(pages, store):
    train = add_train(store, files=3)
    code = train / "code" / "0"
    code.mkdir(parents=True)
    (code / "mine.py").write_text(f"# {HOSTILE}\n")
    (code / "table.bin").write_bytes(b"\0\1")
    (code / "out").symlink_to("/etc/passwd")
    page = pages.get("trains/1/configuration")
    assert "3 files" in page
    assert "a_0.root" not in page
    assert "trains/1/code/0/mine.py" in page
    assert "passwd" not in page
    shown = pages.get("trains/1/code/0/mine.py")
    assert HOSTILE in text_of(shown)
    assert "<img" not in shown
    assert "not a text" in pages.get("trains/1/code/0/table.bin")
    for path in ("0/out", "0/none.py", "0", "../train.json", "%2e%2e/train.json"):
        pages.get(f"trains/1/code/{path}", 404)


def test_logs_are_shown_from_their_end(pages, store):
    train = add_train(store)
    (train / "stderr.log").write_text(f"{HOSTILE}\n" * 10_000 + "the last\n")
    page = pages.get("trains/1/log/stderr.log")
    assert "the last" in page
    assert "<img" not in page
    assert "empty" in pages.get("trains/1/log/stdout.log")
    pages.get("trains/1/log/train.json", 404)


def test_names_are_text(pages, store):
    train = add_train(
        store, name=HOSTILE, label=HOSTILE, comment=HOSTILE, wagons=(HOSTILE,), command=[HOSTILE],
        datasets={HOSTILE: "1"}, states=(*RUN, State.FAILED), by=HOSTILE,
    )  # fmt: skip
    set_state(train, State.FAILED, HOSTILE)
    write_ledger(train, ["transient"])
    write_results(train, missing=1, warnings=[HOSTILE])
    for path in ("trains/1", "trains/1/files", "trains/1/configuration", "trains/1/label"):
        page = pages.get(path)
        assert "<img" not in page
    assert HOSTILE in text_of(pages.get("trains/1"))


def test_label_and_comment_are_changed_on_the_page(pages, store):
    train = add_train(store, label="draft")
    frozen = (train / "train.json").read_bytes()
    before = {"label_before": "draft", "comment_before": ""}
    comment = "first\r\nsecond <b>"
    pages.post("trains/1/label", label="שלום final", comment=comment, **before)
    assert (train / "train.json").read_bytes() == frozen
    assert described(train).comment == "first\nsecond <b>"
    assert "שלום final" in text_of(pages.get("trains/1"))
    assert pages.numbers("?text=second") == [1]
    assert pages.numbers("?label=draft") == []
    late = pages.post("trains/1/label", 409, label="mine", comment="", **before)
    assert "שלום final" in text_of(late.text)
    assert described(train).label == "שלום final"
    before = {"label_before": "שלום final", "comment_before": "first\r\nsecond <b>"}
    long = pages.post("trains/1/label", 400, label="x" * 201, comment="", **before)
    assert "x" * 201 in long.text
    pages.post("trains/1/label", label="", comment="", **before)
    assert train_row(train)["label"] == ""


def test_the_command_and_what_shows_labels(store, capsys, monkeypatch):
    monkeypatch.delenv("TAU3MU_DATABASE", raising=False)
    train = add_train(store, name="search", label="draft")
    index = Index(store)
    words = ["label", "1", "--store", str(store.root)]
    assert main([*words, "--label", "final", "--comment", "of the talk"]) == 0
    assert [row["labels"] for row in index.trains(text="talk")] == [["final"]]
    assert main([*words, "--comment", ""]) == 0
    capsys.readouterr()
    assert main(words) == 0
    assert capsys.readouterr().out.split() == ["label", "final", "comment"]
    assert train_row(train)["label"] == "final"
    assert train_details(train, store)["facts"]["label"] == "final"
    assert main(["ls", "--label", "final", "--json", "--store", str(store.root)]) == 0
    assert json.loads(capsys.readouterr().out)[0]["train"] == 1
    assert main(["label", "7", "--label", "x", "--store", str(store.root)]) == 1


@pytest.mark.parametrize("text", ["x" * 201, "a\nb", "\x1b[31m", "\udc80"])
def test_labels_that_no_table_can_show(store, text):
    add_train(store)
    with raises("train.bad-note", path="label"):
        annotate(store, 1, label=text)


def test_damaged_notes_are_named(pages, store):
    train = add_train(store)
    (train / "notes.json").write_text("{}")
    page = pages.get("trains/1")
    assert "notes.json" in text_of(page)
    assert "damaged" in pages.get("trains")


def test_what_can_be_done_depends_on_the_state(pages, store):
    def offered(number):
        return re.findall(rf'href="\.\./trains/{number}/do/(\w+)"', pages.get(f"trains/{number}"))

    add_train(store)
    add_train(store, states=RUN)
    write_results(add_train(store, states=(*RUN, State.FAILED)), missing=1)
    write_results(add_train(store, states=(*RUN, State.OK)))
    short = add_train(store, states=(*RUN, State.OK))
    content = json.loads((short / "train.json").read_text())
    content["datasets"]["a"]["fraction"] = 0.1
    write_text(short / "train.json", json_text(content))
    assert offered(1) == ["kill", "resume", "rerun"]
    assert offered(2) == ["kill", "rerun"]
    assert offered(3) == ["resume", "rerun"]
    assert offered(4) == ["rerun"]
    assert offered(5) == ["promote", "rerun"]
    assert "train.running" in pages.get("trains/2/do/resume", 409)
    assert "train.not-running" in pages.get("trains/4/do/kill", 409)
    assert "train.complete" in pages.get("trains/4/do/resume", 409)
    assert "train.not-short" in pages.get("trains/4/do/promote", 409)
    pages.get("trains/4/do/remove", 404)


def test_actions_are_jobs(pages, store, monkeypatch):
    started = []
    monkeypatch.setattr(
        "tau3mu.train.page.train_actions.start_job",
        lambda _, words, *_title, **_database: started.append(words) or "20261128-120000-000000",
    )
    write_results(add_train(store, states=(*RUN, State.FAILED)), missing=1)
    answer = pages.post("trains/1/do/resume")
    assert answer.headers["location"] == "../../../trains/1?job=20261128-120000-000000"
    answer = pages.post("trains/1/do/rerun", label="--store=/tmp", comment="x y", datasets_now="1")
    assert answer.headers["location"] == "../../../jobs/20261128-120000-000000"
    assert started == [
        ["run", "--resume", "1"],
        ["rerun", "1", "--label=--store=/tmp", "--comment=x y", "--datasets-now"],
    ]
    refused = pages.client.post("/trains/1/do/resume", data={"csrf": "wrong"})
    assert refused.status_code == 403
    set_state(store.train(1), State.RUNNING)
    csrf = re.search(r'name="csrf" value="([^"]*)"', pages.get("trains/1/do/rerun"))
    late = pages.client.post("/trains/1/do/resume", data={"csrf": csrf[1]})
    assert late.status_code == 409
    assert len(started) == 2


def test_texts_that_no_process_can_be_given_start_none(pages, store, monkeypatch):
    started = []
    monkeypatch.setattr(
        "tau3mu.train.page.train_actions.start_job", lambda *given, **_: started.append(given)
    )
    write_results(add_train(store, states=(*RUN, State.OK)))
    for fields in ({"label": "a\0b"}, {"comment": "a\x1bb"}, {"label": "a" * 201}):
        pages.post("trains/1/do/rerun", 400, **fields)
    assert not started


def test_a_pipe_in_place_of_a_file_holds_nothing_up(pages, store):
    train = add_train(store, states=(*RUN, State.OK))
    write_results(train)
    for name in ("full_config.json", "stdout.log", "train.json"):
        (train / name).unlink(missing_ok=True)
        os.mkfifo(train / name)
    assert "train.unreadable-configuration" in pages.get("trains/1/configuration", 400)
    pages.get("trains/1/log/stdout.log")
    os.mkfifo(train / "results" / "ledger.jsonl")
    with raises("config.special-file"):
        LedgerReader(train / "results" / "ledger.jsonl").totals()
    assert "train.json" in pages.get("trains/1")


def test_a_status_that_was_edited_by_hand_is_an_error_with_a_name(pages, store):
    train = add_train(store)
    content = json.loads((train / "status.json").read_text())
    for time in ("yesterday", "2026-11-28T12:00:00"):
        content["changes"][0]["time"] = time
        write_text(train / "status.json", json_text(content))
        assert "status.json" in text_of(pages.get("trains/1"))
        assert "damaged" in pages.get("trains")


def test_what_is_read_of_a_train_of_many_files_is_read_once(pages, store, monkeypatch):
    train = add_train(store, files=50)
    write_results(train, files=50, missing=30)
    read = []
    monkeypatch.setattr(
        details, "manifest_of", lambda folder: read.append(folder) or manifest_of(folder)
    )
    first = pages.get("trains/1")
    assert pages.get("trains/1") == first
    assert read == [train]
    write_results(train, files=50, missing=10)
    assert "10 files" in text_of(pages.get("trains/1"))
    assert read == [train, train]
