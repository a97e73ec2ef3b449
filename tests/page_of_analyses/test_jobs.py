"""Commands that a page starts: processes of their own, with states, output and exit codes."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
import textwrap

import pytest
from errors import raises
from train.train_processes import wait_for

from tau3mu.errors import InputError
from tau3mu.storage.lock import locked
from tau3mu.train.page import jobs as module
from tau3mu.train.page.jobs import Job, job, jobs, start_job, stop_job, tail
from tau3mu.train.states import State, StateChange, Status, set_state
from tau3mu.train.store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def ended(store, name):
    return wait_for(lambda: (one := job(store, name)).status.state.ended and one)


def states(one):
    return [change.state.value for change in one.status.changes]


@pytest.mark.integration
def test_commands_run_in_the_store_with_what_they_print(store):
    good = start_job(store, ["ls", "--json"], "List")
    bad = start_job(store, ["show", "3"], "Show")
    one = ended(store, good)
    assert states(one) == ["QUEUED", "RUNNING", "OK"]
    assert json.loads(tail(one.folder / "stdout.log")) == []
    assert one.record.title == "List"
    assert one.command == "python -m tau3mu.train ls --json"
    other = ended(store, bad)
    assert states(other) == ["QUEUED", "RUNNING", "FAILED"]
    assert (other.folder / "exit_code").read_text() == "1\n"
    assert str(store.root) in tail(other.folder / "stderr.log")
    assert [each.id for each in jobs(store)] == [bad, good]


@pytest.mark.integration
def test_a_job_outlives_the_process_that_has_started_it(store, tmp_path):
    script = f"""
        from tau3mu.train.page.jobs import start_job
        from tau3mu.train.store import Store
        print(start_job(Store({str(store.root)!r}), ["ls", "--json"], "List"))
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        capture_output=True, text=True, check=True, cwd=tmp_path,
    )  # fmt: skip
    assert ended(store, done.stdout.strip()).status.state is State.OK


@pytest.mark.integration
def test_jobs_whose_processes_are_killed_or_told_to_end(store):
    store.datasets.mkdir(parents=True)
    with locked(store.datasets):  # for which the commands wait
        words = ["datasets", "deactivate", "none"]
        lost, failed, stopped = (start_job(store, words, "Deactivate") for _ in range(3))
        one, other, third = (
            wait_for(lambda n=name: (found := job(store, n)).pid and found)
            for name in (lost, failed, stopped)
        )
        assert one.status.state is State.RUNNING
        os.kill(one.status.pid, signal.SIGKILL)
        os.kill(one.pid, signal.SIGKILL)
        os.kill(other.pid, signal.SIGKILL)
        assert ended(store, lost).status.state is State.LOST
        assert ended(store, failed).status.state is State.FAILED
        assert "SIGKILL" in job(store, failed).status.reason
        stop_job(third)
        assert ended(store, stopped).status.state is State.FAILED
        assert not process_is_there(third.pid)


def process_is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def queued(store, name="20260101-000000-000000", **record):
    folder = store.root / ".jobs" / name
    folder.mkdir(parents=True)
    content = {"title": "Test", "arguments": ["test"], "started": "2026-01-01T00:00:00+00:00"}
    (folder / "job.json").write_text(json.dumps(content | record))
    return folder


def test_a_job_that_has_not_begun_runs_for_a_minute_and_then_is_lost(store, monkeypatch):
    folder = queued(store)
    set_state(folder, State.QUEUED)
    assert job(store, folder.name).status.state is State.RUNNING
    monkeypatch.setattr(module, "_STARTS", -1.0)
    assert job(store, folder.name).status.state is State.LOST


def test_only_the_last_jobs_that_have_ended_are_kept(store, monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 2)
    folders = [queued(store, f"20260101-000000-00000{number}") for number in range(5)]
    for folder in folders[1:]:
        set_state(folder, State.OK)
    set_state(folders[0], State.RUNNING)  # by this process
    module._remove_old(store)
    assert [one.id for one in jobs(store)] == [folders[n].name for n in (4, 3, 0)]


@pytest.mark.parametrize("name", ["../trains/0001", "20260101-000000-000000", "", ".", "a/b"])
def test_jobs_that_are_not_there_are_named(store, name):
    with raises("train.unknown-job", InputError, path=name):
        job(store, name)


def test_damaged_jobs_are_left_out_of_the_list(store):
    set_state(queued(store), State.OK)
    (queued(store, "20260101-000000-000001") / "job.json").write_text("{")
    (store.root / ".jobs" / "20260101-000000-000002").mkdir()
    assert [one.id for one in jobs(store)] == ["20260101-000000-000000"]


def test_a_job_that_has_ended_cannot_be_stopped(store):
    folder = queued(store)
    set_state(folder, State.OK)
    with raises("train.not-running", path=folder.name):
        stop_job(job(store, folder.name))


def test_the_end_of_an_output_is_text_without_colors_and_secrets(tmp_path):
    file = tmp_path / "stdout.log"
    file.write_bytes(
        b"first\n\x1b[31m<b>red</b>\x1b[0m\r\n50 %\r60 %\nhttps://me:word@host/\xff\x00\n"
    )
    assert tail(file) == "first\n<b>red</b>\n50 %\n60 %\nhttps://me:***@host/\ufffd\n"
    file.write_text("".join(f"line {number}\n" for number in range(1000)))
    assert tail(file, 30).splitlines() == ["line 997", "line 998", "line 999"]
    assert tail(tmp_path / "missing.log") == ""


def test_only_files_of_its_own_are_shown_as_an_output(tmp_path):
    (tmp_path / "secret").write_text("of others")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(tmp_path / "pipe")  # nobody writes to it: it could be read forever
    assert [tail(tmp_path / name) for name in ("link", "pipe", "missing")] == ["", "", ""]
    assert tail(tmp_path / "secret") == "of others"


@pytest.mark.parametrize("pid", [-1, 0, 1])
def test_a_damaged_job_ends_no_other_process(store, monkeypatch, pid):
    ended = []
    monkeypatch.setattr(os, "killpg", lambda *given: ended.append(given))
    status = Status(
        changes=(StateChange(state=State.RUNNING, time="2026-11-28T12:00:00+00:00"),),
        host=platform.node(), pid=pid,
    )  # fmt: skip
    record = module.JobRecord(title="a job", arguments=("ls",), started="")
    with raises("train.not-running", path="a"):
        stop_job(Job("a", store.root, record, status, pid=5))
    assert not ended
