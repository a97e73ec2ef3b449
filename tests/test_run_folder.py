"""Each run has a results folder of its own, whatever starts beside it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tau3mu.datasets import load_datasets
from tau3mu.errors import InputError, RunError
from tau3mu.results import ResultsFolder
from tau3mu.run import Settings, analyse, main, prepare
from tau3mu.storage.lock import locked


def test_folders_of_runs_that_start_at_a_time_are_numbered(tmp_path):
    with ThreadPoolExecutor(16) as pool:
        made = list(
            pool.map(
                lambda _: ResultsFolder.create(tmp_path / "results" / "run", numbered=True).path,
                range(40),
            )
        )
    names = ["run", *(f"run-{number}" for number in range(2, 41))]
    assert sorted(path.name for path in made) == sorted(names)
    assert {path.name for path in (tmp_path / "results").iterdir()} == set(names)


def test_a_place_where_no_folder_can_be_made_is_an_error_not_a_search(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(RunError, match=r"cannot make the folder .*file"):
        ResultsFolder.create(tmp_path / "file" / "run", numbered=True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere" / "else")
    with pytest.raises(RunError, match=r"cannot make the folder .*link"):
        ResultsFolder.create(tmp_path / "link" / "run", numbered=True)


def test_the_second_run_of_a_second_has_a_folder_of_its_own(tmp_path, monkeypatch, capsys):
    """It was refused, or wrote into the folder of the first."""
    monkeypatch.chdir(tmp_path)
    now = datetime.now().astimezone()
    for second in range(60):
        name = f"{now + timedelta(seconds=second):%Y%m%d-%H%M%S}-dsphipi"
        (tmp_path / "results" / name).mkdir(parents=True)
    assert main(["--no-fit"]) == 0
    written = [path.parent for path in tmp_path.glob("results/*/run.json")]
    assert [path.name[15:] for path in written] == ["-dsphipi-2"]
    assert f"Results: {written[0].relative_to(tmp_path)}" in capsys.readouterr().out


@pytest.fixture
def prepared(tmp_path):
    def plan(folder, *, resume=False):
        where = "resume" if resume else "output"
        settings = Settings.of(no_fit=True, **{where: folder})
        return prepare(load_datasets("demo"), ["dsphipi"], settings)

    return plan


def content(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.mark.parametrize("spelling", ["same", "link"])
def test_of_two_runs_with_one_output_the_second_writes_nothing(spelling, prepared, tmp_path):
    """Both have found the folder free; the first has come to its end when the second begins."""
    folder = other = tmp_path / "out"
    if spelling == "link":
        folder.mkdir()
        other = tmp_path / "link"
        other.symlink_to(folder)
    first, second = prepared(folder), prepared(other)
    assert analyse(first).exit_code == 0
    before = content(folder)
    with pytest.raises(InputError, match=f"{other} exists already"):
        analyse(second)
    assert content(folder) == before


def test_of_two_resumes_the_second_finds_the_run_complete(prepared, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    first, second = prepared(folder, resume=True), prepared(folder, resume=True)
    assert analyse(first).exit_code == 0
    before = content(folder)
    with pytest.raises(InputError, match=f"{folder} is complete already"):
        analyse(second)
    after = content(folder)
    assert {path for path in after if before.get(path) != after[path]} <= {folder / "log.txt"}


def test_a_folder_in_which_a_run_begins_is_not_taken(prepared, tmp_path):
    folder = tmp_path / "out"
    plan = prepared(folder)
    folder.mkdir()
    with locked(folder):
        with pytest.raises(InputError, match=f"another run .* {folder}"):
            analyse(plan)
        assert [path.name for path in folder.iterdir()] == [".lock"]


def test_a_link_that_leads_nowhere_is_refused_before_the_work(prepared, tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match="link exists already"):
        prepared(tmp_path / "link")
    assert [path.name for path in tmp_path.iterdir()] == ["link"]
