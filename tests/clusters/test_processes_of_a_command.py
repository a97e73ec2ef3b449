"""The processes that a command starts: early, as forks of one, and none of them outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from contextlib import suppress

import psutil
import pytest
from errors import raises

import tau3mu
from tau3mu.clusters.starting import Start
from tau3mu.errors import RunError

MARK = "TAU3MU_TEST_MARK"
SLOW = """
import time
import tau3mu


class Slow(tau3mu.Processor):
    columns = ["run"]

    def select(self, events, cutflow):
        if len(events):
            print("at work", flush=True)
            time.sleep(300)
        return tau3mu.Table(run=events.run)
"""


def test_what_was_started_ends_once():
    ended = []
    start = Start(lambda: 7, ended.append)
    assert start.result() == 7
    start.end_soon()
    start.end_soon()
    start.end()
    assert ended == [7]
    later = threading.Event()
    slow = Start(lambda: later.wait() and 8, ended.append)
    slow.end_soon()  # before it is there
    later.set()
    slow.end()
    assert ended == [7, 8]


def test_the_error_of_a_start_is_raised_where_somebody_waits():
    def fails():
        message = "no"
        raise RunError(message, code="clusters.not-started")

    start = Start(fails, lambda _: None)
    with raises("clusters.not-started", RunError):
        start.result()
    start.end()


@pytest.fixture
def command():
    """Returns a function that starts a command, and one that counts its processes."""
    mark = uuid.uuid4().hex
    environment = {**os.environ, MARK: mark, "TAU3MU_NO_PLOTS": "1"}
    begun = []

    def start(*words):
        process = subprocess.Popen(
            [sys.executable, "-m", "tau3mu.run", "--no-fit", "--workers", "2", *map(str, words)],
            env=environment, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        begun.append(process)
        return process

    def living():
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                marked = process.environ().get(MARK) == mark
                if marked and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process.pid)
        return found

    yield start, living
    for pid in living():
        os.kill(pid, signal.SIGKILL)
    for process in begun:
        process.communicate()


def gone(living, seconds=60):
    """Returns the processes that are left after a while, which are none."""
    end = time.monotonic() + seconds
    while (left := living()) and time.monotonic() < end:
        time.sleep(0.2)
    return left


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """Returns the results of this process."""
    output = tmp_path_factory.mktemp("runs") / "here"
    return tau3mu.run("demo", no_fit=True, no_plots=True, output=output, progress=False)


@pytest.mark.integration
@pytest.mark.parametrize("executor", ["futures", "dask"])
def test_results_are_the_same_and_no_process_is_left(command, tmp_path, here, executor):
    start, living = command
    output = tmp_path / "out"
    process = start("--executor", executor, "--output", output)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
    assert not gone(living)
    there = tau3mu.open(output)["dsphipi"]
    assert there.histograms == here["dsphipi"].histograms
    assert there.candidates.tolist() == here["dsphipi"].candidates.tolist()
    assert there.counters == here["dsphipi"].counters


@pytest.mark.integration
def test_a_bad_file_ends_the_cluster_that_has_begun_to_start(command, tmp_path):
    start, living = command
    (tmp_path / "bad.root").write_bytes(b"root" + bytes(1000))
    process = start(tmp_path / "bad.root", "--executor", "dask", "--output", tmp_path / "out")
    _, errors = process.communicate()
    assert process.returncode == 1, errors
    assert "bad.root" in errors
    assert not (tmp_path / "out").exists()
    assert not gone(living)


@pytest.mark.integration
@pytest.mark.parametrize(
    ("executor", "how"),
    [
        ("dask", signal.SIGKILL),
        pytest.param("futures", signal.SIGKILL, marks=pytest.mark.soak),
        ("dask", signal.SIGINT),
    ],
)
def test_nothing_outlives_a_command_that_is_ended(command, tmp_path, executor, how):
    start, living = command
    (tmp_path / "slow.py").write_text(SLOW)
    process = start(
        "--executor", executor, "--output", tmp_path / "out",
        "--processor", f"{tmp_path / 'slow.py'}:Slow",
    )  # fmt: skip
    line = process.stdout.readline()
    assert line, process.communicate()[1]  # a worker is at work
    assert len(living()) > 2
    if how == signal.SIGINT:  # as a terminal does: all of them get it
        os.killpg(process.pid, how)
    else:
        process.send_signal(how)
    _, errors = process.communicate()
    assert process.returncode == (130 if how == signal.SIGINT else -how), errors
    assert "Traceback" not in errors
    assert not gone(living)
