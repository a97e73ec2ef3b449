"""The check of many files by other processes finds what this process finds."""

from __future__ import annotations

import shutil
from functools import partial

import pytest
from errors import raises

import tau3mu
from tau3mu.datasets import Dataset, check_readable_files, preflight
from tau3mu.errors import InputError
from tau3mu.execution.checking import inspect_by_workers

COLUMNS = {"triplet.mass", "hlt.HLT_DoubleMu3_Trk_Tau3mu_v"}


@pytest.fixture
def files(demo, tmp_path, monkeypatch):
    """A dozen files, of which three are bad."""
    monkeypatch.setattr(preflight, "_MANY", 10)
    monkeypatch.setattr(preflight, "find_copies", lambda _: [])
    paths = [tmp_path / f"{number:02}.root" for number in range(12)]
    for number, path in enumerate(paths):
        shutil.copy(demo[number % 2], path)
    for path in paths[3:6]:
        path.write_bytes(path.read_bytes()[:-100])
    return [str(path) for path in paths]


def checked(files, **how):
    return check_readable_files([Dataset("d", dict.fromkeys(files))], COLUMNS, **how)


@pytest.mark.integration
def test_processes_find_what_threads_find(files, tmp_path):
    calls = []
    by_processes = partial(inspect_by_workers, workers=2)
    how = {"inspect_all": by_processes, "on_file": lambda: calls.append(1)}
    good, failed = checked(files, cache=tmp_path / "cache", **how)
    assert (good, failed) == checked(files)
    assert [one.path for one in failed] == files[3:6]
    assert len(calls) == 12


@pytest.mark.integration
def test_workers_of_a_cluster_find_it_too(files, client):
    by_workers = partial(inspect_by_workers, client=client)
    assert checked(files, inspect_all=by_workers) == checked(files)


@pytest.mark.integration
def test_it_ends_by_an_error_of_whoever_looks_on(files):
    def give_up(_):
        message = "enough"
        raise InputError(message, code="dataset.servers-do-not-answer", path="x")

    jobs = [
        preflight.FileJob("d", path, preflight.Asked(None, None, frozenset(COLUMNS)))
        for path in files
    ]
    with raises("dataset.servers-do-not-answer", path="x"):
        inspect_by_workers(jobs, give_up, workers=2)


def test_a_few_files_are_no_work_for_others(files):
    def others(*_):
        raise AssertionError

    good, _ = checked(files[:9], inspect_all=others)
    assert len(good) == 6


@pytest.mark.integration
def test_a_run_on_a_cluster_has_its_files_checked_there(files, open_cluster, tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(preflight, "inspect_file", opened.append)
    found = tau3mu.run(
        files[:3] + files[6:] + more(files, tmp_path),
        processors="dsphipi",
        executor="dask",
        scheduler=open_cluster,
        no_fit=True,
        output=tmp_path / "out",
    )
    assert found.manifest.complete
    assert opened == []
    assert sum(file.entries for file in found.manifest.inputs) == 12 * 6000


def more(files, tmp_path):
    return [str(shutil.copy(files[0], tmp_path / f"more{number}.root")) for number in range(3)]
