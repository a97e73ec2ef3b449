"""Any function over any tasks: in this process, in several, or on Dask, with the same results."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from errors import raises

from tau3mu.errors import InputError
from tau3mu.execution import run_tasks
from tau3mu.execution.pool import TaskError

TASKS = [3, 1, 2, 5, 4]


def times(factor, task):
    return factor * task


def fails(kind, task):
    if task != 2:
        return task
    if kind == "own":
        raise InputError(kind, code="test.own", path="there")
    if kind == "defect":
        raise KeyError(kind)
    if kind == "once" and Path("died").exists():
        return task
    Path("died").touch()
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def test_results_come_in_the_order_of_the_tasks():
    seen = []
    for workers in (1, 2):
        found = run_tasks(times, 10, TASKS, workers=workers, on_result=seen.append)
        assert found == [30, 10, 20, 50, 40]
    assert seen[:5] == found
    assert sorted(seen[5:]) == sorted(found)
    assert run_tasks(times, 10, [], workers=2) == []


def test_errors_of_the_package_arrive_as_they_are():
    for workers in (1, 2):
        with raises("test.own", InputError, path="there"):
            run_tasks(fails, "own", TASKS, workers=workers)


def test_defects_arrive_with_their_traceback():
    with pytest.raises(KeyError):
        run_tasks(fails, "defect", TASKS)
    with pytest.raises(TaskError, match=r"task 3 .*KeyError: 'defect'") as error:
        run_tasks(fails, "defect", TASKS, workers=2)
    assert "in fails" in error.value.details


def test_no_worker_is_an_error():
    with raises("execution.no-workers", InputError, path="workers"):
        run_tasks(times, 10, TASKS, workers=0)


@pytest.mark.integration
@pytest.mark.usefixtures("without_forks")
def test_the_task_that_kills_its_process_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with raises("execution.worker-lost", mentions="task 3"):
        run_tasks(fails, "always", TASKS, workers=2)


@pytest.mark.integration
def test_a_process_that_dies_once_costs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_tasks(fails, "once", TASKS, workers=2) == TASKS
    assert Path("died").exists()


@pytest.mark.integration
def test_dask_gives_the_same(client):
    assert run_tasks(times, 10, TASKS, client=client) == [30, 10, 20, 50, 40]
    with raises("test.own", InputError, path="there"):
        run_tasks(fails, "own", TASKS, client=client)
