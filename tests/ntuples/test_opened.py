"""Files stay open as long as they are needed, and are noticed when they change."""

from __future__ import annotations

import shutil

import pytest

from tau3mu.datasets import Dataset, check_files, make_chunks
from tau3mu.errors import InputError
from tau3mu.execution import execute
from tau3mu.ntuples import ReadError, open_files, read_events
from tau3mu.ntuples.open_files import close_files, keep_open, open_again, open_file
from tau3mu.processors import DsPhiPi
from tau3mu.run import Settings, analyse, prepare


@pytest.fixture(autouse=True)
def nothing_open():
    close_files()
    yield
    close_files()


def checked(path):
    file = open_file(str(path), {"run"}.__contains__)
    return file, str(file.uuid)


def test_a_file_that_was_kept_is_the_one_that_is_read(skim):
    file, uuid = checked(skim[0])
    assert keep_open(str(skim[0]), ["run"], file)
    again, n_bytes = open_again(str(skim[0]), uuid, frozenset(["run"]))
    assert again is file
    assert n_bytes == file.source.num_requested_bytes > 0


def test_for_other_branches_a_file_is_opened_anew(skim):
    file, uuid = checked(skim[0])
    assert keep_open(str(skim[0]), ["run"], file)
    again, n_bytes = open_again(str(skim[0]), uuid, frozenset(["lumi"]))
    assert again is not file
    assert n_bytes == 0


def test_not_all_of_many_files_stay_open(skim):
    files = [checked(skim[0])[0] for _ in range(open_files._MOST_KEPT + 32)]
    kept = [keep_open(str(skim[0]), [str(i)], file) for i, file in enumerate(files)]
    assert kept == [True] * open_files._MOST_KEPT + [False] * 32
    close_files()
    assert [file.closed for file in files] == [True] * open_files._MOST_KEPT + [False] * 32
    for file in files[open_files._MOST_KEPT :]:
        file.close()


def test_one_file_of_a_thread_is_open_at_a_time(skim):
    first, uuid = checked(skim[0])
    second, other = checked(skim[1])
    keep_open(str(skim[0]), ["run"], first)
    keep_open(str(skim[1]), ["run"], second)
    open_again(str(skim[0]), uuid, frozenset(["run"]))
    open_again(str(skim[1]), other, frozenset(["run"]))
    assert (first.closed, second.closed) == (True, False)


@pytest.mark.parametrize(
    ("how", "error"),
    [("replaced", "has changed"), ("written to", "has changed"), ("removed", "no such file")],
)
def test_a_kept_file_that_changes_before_it_is_read_is_named(how, error, demo, skim, tmp_path):
    """Its bytes can still be had from the open file, but are not what the path stands for."""
    path = tmp_path / "a.root"
    shutil.copy(demo[0], path)
    datasets = [Dataset("x", {str(path): None})]
    chunks = make_chunks(check_files(datasets, DsPhiPi.columns, keep_open=True), datasets, 150_000)
    if how == "replaced":
        shutil.copy(skim[0], tmp_path / "b.root")
        (tmp_path / "b.root").replace(path)
    elif how == "written to":
        with path.open("ab") as file:
            file.write(b"more")
    else:
        path.unlink()
    result = execute(chunks, [DsPhiPi()])
    (file,) = result.files
    assert (file.expected, file.read) == (6000, 0)
    assert error in file.errors[0]


def test_after_a_run_nothing_is_open(demo):
    datasets = [Dataset("x", {str(path): None for path in demo})]
    files = check_files(datasets, DsPhiPi.columns, keep_open=True)
    chunks = make_chunks(files, datasets, 150_000)
    assert len(open_files._kept) == 2
    execute(chunks[:1], [DsPhiPi()])
    assert not open_files._kept
    assert open_files.current_path() is None


def test_files_of_a_run_that_fails_are_closed(demo, tmp_path):
    bad = tmp_path / "bad.root"
    bad.write_bytes(b"no ROOT file at all")
    settings = Settings(output=tmp_path / "out")
    datasets = [Dataset("x", {str(demo[0]): None, str(bad): None})]
    with pytest.raises(InputError, match=r"bad\.root"):
        prepare(datasets, ["dsphipi"], settings)
    assert not open_files._kept
    plan = prepare([Dataset("x", {str(demo[0]): None})], ["dsphipi"], settings)
    assert len(open_files._kept) == 1
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "other.txt").write_text("of another run")
    with pytest.raises(InputError, match="out"):
        analyse(plan)
    assert not open_files._kept


def test_a_file_of_a_check_without_a_run_may_change(demo, tmp_path):
    """With as many as stay open, such a file would stand in the way of that of the next check."""
    path = tmp_path / "a.root"
    shutil.copy(demo[0], path)
    datasets = [Dataset("x", {str(path): None})]
    check_files(datasets, DsPhiPi.columns, keep_open=True)
    for i in range(open_files._MOST_KEPT - 1):
        file = checked(demo[1])[0]
        assert keep_open(str(demo[1]), [str(i)], file)
    path.unlink()
    shutil.copy(demo[0], path)
    chunks = make_chunks(check_files(datasets, DsPhiPi.columns, keep_open=True), datasets, 150_000)
    (file,) = execute(chunks, [DsPhiPi()]).files
    assert (file.expected, file.read, file.errors) == (6000, 6000, ())


def test_a_branch_that_is_not_there_is_named(skim):
    """A file that was replaced by one of the same UUID could lack some."""
    file, uuid = checked(skim[0])
    file.close()
    with pytest.raises(ReadError, match="it lacks the branches NoBranch") as error:
        read_events(
            [str(skim[0])], tree="Tree3Mu/ntuple", layout="t3m", branches=["run", "NoBranch"],
            start=0, stop=10, uuid=uuid, metadata={},
        )  # fmt: skip
    assert error.value.kind == "bad_file"
