"""The first page and what can be started from it, with real checks of train files."""

from __future__ import annotations

import json

import pytest
from page_reading import HOSTILE, Page, client, hostile, made_test

from tau3mu.train.page import actions
from tau3mu.train.page.jobs import job, jobs
from tau3mu.train.page.train_files import Check, train_file
from tau3mu.train.states import State, set_state
from tau3mu.train.store import Store

GOOD = """\
schema_version: 1
analysis: {name: phi, title: Control channel, authors: [Ada, Bob]}
wagons:
  dsphipi:
    processor: dsphipi
    variants:
      tight: {flight_significance: 3.0}
    limits: {cpu_hours: 4}
datasets: [demo]
"""
WRONG = GOOD.replace("flight_significance", "flight_significanc")


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@pytest.fixture
def write(tmp_path):
    def written(text=GOOD, name="phi.yaml"):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return written


def get(asked, path):
    return Page(asked.get(path))


@pytest.fixture
def checked(monkeypatch):
    """Makes the check of a train file known beforehand: that of a real one takes two seconds."""

    def know(store, file, **tests):
        found = Check(
            valid=True,
            read=({"name": "demo", "version": None},),
            wagons=({"results": "dsphipi", "wagon": "dsphipi", "variant": "base"},),
            train="phi",
            tests=tests or {"dsphipi": known()},
        )
        monkeypatch.setattr("tau3mu.train.page.train_files._run", lambda *_: found)
        return train_file(file)

    return know


def known(**facts):
    usual = {"number": 1, "state": "OK", "forced": "", "cpu_hours": 1.0, "limit": 4.0}
    return usual | facts


def fields_of(page, **more):
    return {name: page.field(name) for name in ("csrf", "do", "file", "digest")} | more


def test_a_file_that_cannot_be_read_shows_its_line_and_starts_nothing(store, write):
    file = write("schema_version: 1\nwagons:\n  a: {processor: b\n")
    page = get(client(store, [file]), "/")
    assert page.status == 200
    assert "train.not-yaml" in page.html
    assert "line 4" in page.html
    assert not any("start?" in link for link in page.links)
    assert not store.root.exists()  # whoever looks writes nothing


def test_a_real_check_shows_what_is_wrong_with_its_line(store, write):
    file = write(WRONG)
    asked = client(store, [file])
    first = get(asked, "/")
    assert ("section", f"analysis?file={train_file(file).id}") in [
        (tag, given["hx-get"].lstrip("./")) for tag, given in first.tags if "hx-get" in given
    ]
    page = get(asked, f"/analysis?file={train_file(file).id}")
    assert "line 7" in page.html
    assert "wagons.dsphipi.variants.tight.flight_significanc" in page.html
    assert not any("start?" in link for link in page.links)
    part = Page(asked.get(f"/analysis?file={train_file(file).id}", headers={"HX-Request": "true"}))
    assert "<h1>" not in part.html
    assert "line 7" in part.html
    assert "line 7" in get(asked, "/").html  # known by now


def test_a_real_check_says_that_nothing_is_tested(store, write):
    file = write()
    asked = client(store, [file])
    page = get(asked, f"/analysis?file={train_file(file).id}")
    (table,) = page.tables.values()
    assert table[0] == ["Wagon", "Results", "demo", "Start"]
    assert table[1][:3] == ["dsphipi", "dsphipi", "NOT TESTED"]
    assert table[2][:2] == ["dsphipi_tight", "NOT TESTED"]
    form = get(asked, f"/start?file={train_file(file).id}&do=train")
    assert ("force", "dsphipi") in [(one.get("name"), one.get("value")) for one in form.fields]
    answer = asked.post("/start", data=fields_of(form, size="short", short="0.1"))
    assert answer.status_code == 400
    assert "train.not-tested" in answer.text
    assert jobs(store) == []


def test_the_grid_shows_states_times_and_reasons(store, write, checked):
    file = checked(store, write(), dsphipi=known(number=1, forced="since test 1, code changed"))
    made_test(store, "dsphipi", reason="")
    made_test(store, "elsewhere", state=State.FAILED, reason=HOSTILE)
    page = get(client(store, [file.path]), f"/analysis?file={file.id}")
    (row,) = page.tables["Last tests of the wagons of phi.yaml"][1:]
    assert row[2].startswith("OK test 1 of dsphipi does not count")
    assert "since test 1, code changed" in row[2]
    assert any(given.get("title") == "since test 1, code changed" for _, given in page.tags)
    assert "./tests/dsphipi/1" in page.links
    home = get(client(store, [file.path]), "/")
    (row,) = home.tables["Last tests of other wagons"][1:]
    assert row[:1] == ["elsewhere"]
    assert not hostile(home)


def test_names_of_others_are_text(store, write):
    wagons = {HOSTILE: {"processor": "p", "variants": {HOSTILE: {}}}}
    content = {"schema_version": 1, "wagons": wagons, "datasets": [HOSTILE]}
    content["analysis"] = {"title": HOSTILE, "authors": [HOSTILE], "contact": HOSTILE}
    file = write(json.dumps(content), "hostile.json")
    asked = client(store, [file])
    page = get(asked, "/")
    assert not hostile(page)
    assert page.html.count("&lt;img src=x") >= 5
    checked = get(asked, f"/analysis?file={train_file(file).id}")
    assert not hostile(checked)
    assert "train.wrong-name" in checked.html


def test_only_the_files_of_the_page_can_be_started(store, write, tmp_path):
    file, other = write(), tmp_path / "other.yaml"
    other.write_text(GOOD)
    asked = client(store, [file])
    for name in (train_file(other).id, str(other), "", "../phi.yaml"):
        answer = asked.get("/start", params={"file": name, "do": "train"})
        assert answer.status_code == 404
        assert "train.unknown-train-file" in answer.text


def test_a_file_that_has_changed_since_is_looked_at_again(store, write, checked):
    file = checked(store, write())
    asked = client(store, [file.path])
    form = get(asked, f"/start?file={file.id}&do=test")
    file.path.write_text(GOOD + "# another\n")
    answer = asked.post("/start", data=fields_of(form, wagon=""))
    assert answer.status_code == 409
    assert jobs(store) == []
    assert Page(answer).field("digest") == train_file(file.path).digest


@pytest.fixture
def started(monkeypatch):
    """The words of the commands that would be started."""
    words = []

    def record(_store, arguments, title, **_):
        words.append([title, *arguments])
        return "20260101-000000-000000"

    monkeypatch.setattr(actions, "start_job", record)
    return words


def test_a_test_has_the_wagon_and_the_time_that_were_asked_for(store, write, checked, started):
    file = checked(store, write())
    asked = client(store, [file.path])
    form = get(asked, f"/start?file={file.id}&do=test&wagon=dsphipi")
    answer = asked.post(
        "/start", data=fields_of(form, wagon=form.field("wagon"), time_limit="2.5", again="yes")
    )
    assert answer.status_code == 303
    assert answer.headers["location"] == "./jobs/20260101-000000-000000"
    path = str(file.path)
    assert started[0][1:] == ["test", path, "dsphipi", "--time-limit=2.5", "--again"]
    asked.post("/start", data=fields_of(form, wagon=""))
    assert started[1][1:] == ["test", path, "--time-limit=180"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"size": "short", "short": "0"}, "train.bad-form"),
        ({"size": "short", "short": "1.5"}, "train.bad-form"),
        ({"size": "short", "short": "nan"}, "train.bad-form"),
        ({"size": "huge"}, "train.bad-form"),
        ({"size": "whole", "label": "x" * 201}, "train.bad-form"),
        ({"size": "whole", "comment": "a\0b"}, "train.bad-form"),
        ({"size": "whole", "force": "other"}, "train.unknown-wagon"),
        ({"do": "test", "time_limit": "-3"}, "train.bad-form"),
        ({"do": "test", "time_limit": "ten"}, "train.bad-form"),
        ({"do": "test", "wagon": "other"}, "train.unknown-wagon"),
    ],
)
def test_wrong_fields_start_nothing(store, write, checked, started, fields, code):
    file = checked(store, write())
    asked = client(store, [file.path])
    form = get(asked, f"/start?file={file.id}&do=train")
    answer = asked.post("/start", data=fields_of(form) | fields)
    assert answer.status_code == 400
    assert code in answer.text
    assert started == []


def test_wagons_without_a_good_test_have_to_be_forced_one_by_one(store, write, checked, started):
    bad = known(number=None, state="", forced="it has not been tested", cpu_hours=None)
    file = checked(store, write(), dsphipi=known(), one=bad, two=bad)
    asked = client(store, [file.path])
    form = get(asked, f"/start?file={file.id}&do=train")
    assert form.names().count("force") == 2
    only = asked.post("/start", data=fields_of(form, size="whole", force="one"))
    assert only.status_code == 400
    assert "train.not-tested" in only.text
    assert started == []
    both = fields_of(form, size="whole", force=["one", "two", "dsphipi"], label="-x", comment="c d")
    assert asked.post("/start", data=both).status_code == 303
    (words,) = started
    forced = ["--force=one", "--force=two"]
    assert words[1:] == ["run", str(file.path), *forced, "--label=-x", "--comment=c d"]


def test_more_cpu_time_than_the_limit_needs_the_name_of_who_approves(
    store, write, checked, started
):
    made_test(store, "dsphipi")
    file = checked(store, write(), dsphipi=known(cpu_hours=7.5, limit=4.0))
    asked = client(store, [file.path])
    form = get(asked, f"/start?file={file.id}&do=train")
    (row,) = form.tables["Wagons of the train"][1:]
    assert row[3:5] == ["7.5 above the limit", "4"]
    assert "approve" in form.names()
    refused = asked.post("/start", data=fields_of(form, size="short", short="0.01", approve=" "))
    assert refused.status_code == 400
    assert "train.not-approved" in refused.text
    asked.post("/start", data=fields_of(form, size="short", short="0.01", approve="Ada"))
    assert [words[1:] for words in started] == [
        ["run", str(file.path), "--short=0.01", "--approve=Ada"]
    ]


def test_nobody_is_asked_to_approve_what_is_within_the_limits(store, write, checked):
    file = checked(store, write())
    form = get(client(store, [file.path]), f"/start?file={file.id}&do=train")
    assert "approve" not in form.names()
    assert "force" not in form.names()


def test_the_same_is_not_started_twice(store, write, checked, started):
    file = checked(store, write())
    folder = store.root / ".jobs" / "20260101-000000-000000"
    folder.mkdir(parents=True)
    words = ["test", str(file.path), "--time-limit=180"]
    record = {"title": "Test", "arguments": words, "started": "2026-01-01T00:00:00+00:00"}
    (folder / "job.json").write_text(json.dumps(record))
    set_state(folder, State.RUNNING)  # by this process
    asked = client(store, [file.path])
    form = get(asked, f"/start?file={file.id}&do=test")
    answer = asked.post("/start", data=fields_of(form))
    assert answer.status_code == 409
    assert f"./jobs/{folder.name}" in Page(answer).links
    assert started == []
    set_state(folder, State.OK)
    assert asked.post("/start", data=fields_of(form)).status_code == 303


def test_forms_without_their_token_start_nothing(store, write, checked, started):
    file = checked(store, write())
    asked = client(store, [file.path])
    form = get(asked, f"/start?file={file.id}&do=test")
    for csrf in ("", "wrong"):
        assert asked.post("/start", data=fields_of(form, csrf=csrf)).status_code == 403
    assert started == []


def test_a_job_shows_its_output_as_text(store):
    folder = store.root / ".jobs" / "20260101-000000-000000"
    folder.mkdir(parents=True)
    record = {"title": HOSTILE, "arguments": ["test", HOSTILE], "started": "2026-01-01T00:00:00"}
    (folder / "job.json").write_text(json.dumps(record))
    (folder / "stdout.log").write_text(f"{HOSTILE}\n\x1b[1mbold\x1b[0m\n")
    set_state(folder, State.RUNNING)
    asked = client(store)
    page = get(asked, f"/jobs/{folder.name}")
    assert not hostile(page)
    assert "\x1b" not in page.html
    assert "bold" in page.html
    assert any(given.get("hx-get") == f"../jobs/{folder.name}" for _, given in page.tags)
    part = asked.get(f"/jobs/{folder.name}", headers={"HX-Request": "true"})
    assert "<h1>" not in part.text
    set_state(folder, State.FAILED, "exit code 1")
    ended = get(asked, f"/jobs/{folder.name}")
    assert not any("hx-get" in given for _, given in ended.tags)
    assert "exit code 1" in ended.html
    assert not hostile(get(asked, "/jobs"))
    assert asked.get("/jobs/20260101-000000-000001").status_code == 404
    assert job(store, folder.name).record.title == HOSTILE
