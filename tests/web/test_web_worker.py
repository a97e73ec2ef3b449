"""The process beside the server."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from pathlib import Path

import pytest
from errors import raises

from tau3mu.errors import InputError, RunError
from tau3mu.web.worker import Worker


@pytest.fixture
def worker():
    """A worker that is ended after the test."""
    made = Worker()
    yield made
    made.close()


def ended(pid):
    """Waits until a process has ended."""
    for _ in range(500):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


def count(path: Path) -> int:
    """Returns how often it was called."""
    with path.open("a") as file:
        file.write("x")
    return path.stat().st_size


def pid_for(number: int) -> int:
    """Returns the id of the process."""
    return os.getpid()


def failing(kind: str) -> object:
    """Fails in a way."""
    if kind == "own":
        message = "wrong"
        raise InputError(message, code="here.wrong", path="a.b")
    if kind == "exit":
        os._exit(7)
    if kind == "system":
        raise SystemExit(3)
    if kind == "value":
        return lambda: None  # which cannot be pickled
    raise ZeroDivisionError(kind)


def test_nothing_is_started_before_it_is_needed(worker):
    assert worker.process is None
    assert worker.run(os.getpid) == worker.process != os.getpid()
    assert worker.run(os.getpgid, 0) == os.getpgid(0)


def test_the_process_goes_on_with_other_work(worker):
    assert len({worker.run(pid_for, number) for number in range(3)}) == 1
    assert worker.run(divmod, 7, 2) == (3, 1)


def test_errors_arrive(worker):
    with raises("here.wrong", InputError, path="a.b"):
        worker.run(failing, "own")
    pid = worker.process
    with raises("web.worker-error", RunError, path="failing", mentions="ZeroDivisionError"):
        worker.run(failing, "other")
    with raises("web.worker-error", RunError):
        worker.run(failing, "value")
    assert worker.process == pid


@pytest.mark.parametrize("kind", ["exit", "system"])
def test_a_process_that_dies_is_an_error_and_replaced(worker, kind):
    with raises("web.worker-lost", RunError, path="failing"):
        worker.run(failing, kind)
    assert worker.process is None
    assert worker.run(divmod, 7, 2) == (3, 1)


def test_a_process_that_was_killed_while_idle_is_replaced(worker):
    pid = worker.run(os.getpid)
    (process,) = [one for one in multiprocessing.active_children() if one.pid == pid]
    process.kill()
    process.join(20)
    assert worker.run(divmod, 7, 2) == (3, 1)
    assert worker.process != pid


def test_it_ends_after_a_time_without_work():
    worker = Worker(idle=0.1)
    pid = worker.run(os.getpid)
    assert ended(pid)
    assert worker.run(divmod, 7, 2) == (3, 1)
    worker.close()


def test_what_takes_too_long_is_ended():
    worker = Worker(longest=0.2)
    with raises("web.worker-time", RunError, path="sleep"):
        worker.run(time.sleep, 60)
    assert worker.process is None
    worker.close()


def test_close_ends_work_at_once(worker):
    worker.run(divmod, 7, 2)
    failed = []

    def run():
        try:
            worker.run(time.sleep, 60)
        except RunError as error:
            failed.append(error.code)

    thread = threading.Thread(target=run)
    thread.start()
    time.sleep(0.2)
    worker.close()
    thread.join(20)
    assert failed == ["web.worker-lost"]
    with raises("web.busy", RunError):
        worker.run(divmod, 7, 3)


def test_not_all_can_wait(worker):
    worker.run(divmod, 7, 2)
    codes = []

    def run(number):
        try:
            worker.run(time.sleep, 0.1 + number / 1000)
        except RunError as error:
            codes.append(error.code)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(28)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert codes == ["web.busy"] * 4


def test_answers_are_kept_while_files_are_the_same(worker, tmp_path):
    (tmp_path / "deep" / "er").mkdir(parents=True)
    listed = tmp_path / "deep" / "er" / "a"
    assert worker.run(os.listdir, tmp_path) == ["deep"]
    calls = tmp_path.parent / f"{tmp_path.name}.calls"

    def asked():
        return worker.run(with_folder, tmp_path, str(calls))

    assert [asked(), asked()] == [1, 1]
    listed.write_text("new")
    assert [asked(), asked()] == [2, 2]
    os.utime(listed, ns=(1, 1))
    assert [asked(), asked()] == [3, 3]
    assert worker.run(with_folder, tmp_path, calls=str(calls)) == 4  # other words, another call


def with_folder(folder: Path, calls: str) -> int:
    """Returns how often it was called."""
    return count(Path(calls))


def test_what_cannot_be_known_again_is_not_kept(worker, tmp_path):
    calls = str(tmp_path / "calls")
    assert [worker.run(with_list, [1], calls) for _ in range(2)] == [1, 2]
    missing = tmp_path / "missing"
    assert [worker.run(with_folder, missing, calls) for _ in range(2)] == [3, 4]


def with_list(numbers: list[int], calls: str) -> int:
    """Returns how often it was called."""
    return count(Path(calls))


def test_large_answers_are_not_kept(worker, tmp_path):
    calls = str(tmp_path / "calls")
    for _ in range(2):
        worker.run(large, calls, 3_000_000)
    assert Path(calls).stat().st_size == 2
    for number in range(6):
        worker.run(large, calls, 1_900_000 + number)
    worker.run(large, calls, 1_900_005)  # the last one is known
    worker.run(large, calls, 1_900_000)  # the first one is forgotten
    assert Path(calls).stat().st_size == 2 + 6 + 1


def large(calls: str, size: int) -> bytes:
    """Returns many bytes."""
    count(Path(calls))
    return bytes(size)
