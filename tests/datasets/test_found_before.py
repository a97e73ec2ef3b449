"""What earlier checks found in files is trusted while size and time stand, and never else."""

from __future__ import annotations

import logging
import os
import random
import shutil
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import pytest
from errors import raises

from tau3mu.datasets import Dataset, FileDetails, check_files, check_readable_files, preflight
from tau3mu.datasets.found_before import CACHE, cache_folder

COLUMNS = {"triplet.mass", "hlt.HLT_DoubleMu3_Trk_Tau3mu_v"}
NAME = "checked-files-1.sqlite"


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def opened(monkeypatch):
    """The files that were opened."""
    names = []
    inspect = preflight.inspect_file

    def note(job):
        names.append(job.path.rpartition("/")[2])
        return inspect(job)

    monkeypatch.setattr(preflight, "inspect_file", note)
    return names


@pytest.fixture
def files(demo, tmp_path, settled):
    paths = [tmp_path / "a.root", tmp_path / "b.root"]
    for source, path in zip(demo, paths, strict=True):
        settled(shutil.copy(source, path))
    return [str(path) for path in paths]


@pytest.fixture
def settled():
    """Sets the time of a file back, so that it has not just been written."""

    def move(path, seconds=1000):
        os.utime(path, (1_600_000_000 + seconds, 1_600_000_000 + seconds))
        return path

    return move


def check(files, cache, columns=COLUMNS, **how):
    return check_files([Dataset("d", dict.fromkeys(files))], columns, cache=cache, **how)


def test_what_was_found_is_not_looked_for_again(files, cache, opened):
    calls = []
    first = check(files, cache, on_file=lambda: calls.append(1))
    assert check(files, cache, on_file=lambda: calls.append(2)) == first == check(files, None)
    assert opened == ["a.root", "b.root"] * 2
    assert calls == [1, 1, 2, 2]
    sizes = [one.size for one in check(files, cache)]
    assert sizes == [one.size for one in first]


def test_the_dataset_may_be_another(files, cache, opened):
    check(files, cache)
    found = check_files([Dataset("e", dict.fromkeys(files))], COLUMNS, cache=cache)
    assert [one.dataset for one in found] == ["e", "e"]
    assert opened == ["a.root", "b.root"]


@pytest.mark.parametrize("change", ["size", "time", "columns", "tree", "layout", "triggers", "mc"])
def test_anything_else_is_looked_for(change, files, cache, opened, settled):
    check(files, cache)
    opened.clear()
    columns, how, facts = COLUMNS, {}, {}
    if change == "size":
        with Path(files[0]).open("ab") as file:
            file.write(b"0")
        settled(files[0])
    elif change == "time":
        settled(files[0], 1001)
    elif change == "columns":
        columns = COLUMNS | {"muon.pt"}
    elif change == "layout":
        facts = {"layout": "t3m"}
    elif change == "triggers":
        how = {"missing_triggers": "error"}
    elif change == "mc":
        facts = {"is_mc": True}
    tree = "Tree3Mu/ntuple" if change == "tree" else None
    dataset = replace(Dataset("d", dict.fromkeys(files, tree)), **facts)
    found = check_files([dataset], columns, cache=cache, **how)
    assert opened == (["a.root"] if change in {"size", "time"} else ["a.root", "b.root"])
    assert [one.branches for one in found] == [
        one.branches for one in check_files([dataset], columns, **how)
    ]


def test_a_table_of_the_user_counts(files, cache, opened, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(files, cache)
    table = "#tree\tOther/tree\nbranch\ttype\tview\tmissing\nx\tvar * float32\tmuon.pt\t\n"
    (tmp_path / "mine.tsv").write_text(table)
    check(files, cache)
    assert opened == ["a.root", "b.root"] * 2


def test_another_file_of_the_same_size_and_time_is_taken_for_it(files, cache, remade, tmp_path):
    """Which is the limit of this, and why whoever reads the events compares the UUID."""
    (before, _) = check(files, cache)
    facts = Path(files[0]).stat()
    remade(tmp_path / "a.root", tmp_path / "a.root")
    os.utime(files[0], ns=(facts.st_atime_ns, facts.st_mtime_ns))
    (trusted, _) = check(files, cache)
    (opened, _) = check(files, None)
    assert trusted.uuid == before.uuid != opened.uuid


def test_what_has_just_been_written_is_not_trusted(files, cache, opened):
    os.utime(files[0])
    check(files, cache)
    check(files, cache)
    assert opened == ["a.root", "b.root", "a.root"]


def test_problems_are_found_each_time(files, cache, opened, torn_file, settled):
    bad = str(settled(torn_file))
    for _ in range(2):
        with raises("dataset.bad-files", path=bad):
            check([*files, bad], cache)
        good, failed = check_readable_files(
            [Dataset("d", dict.fromkeys([*files, bad]))], COLUMNS, cache=cache
        )
        assert [one.path for one in failed] == [bad]
        assert [one.path for one in good] == files
    assert opened == ["a.root", "b.root", *["bad.root"] * 4]


@pytest.fixture
def torn_file(demo, tmp_path):
    path = tmp_path / "bad.root"
    path.write_bytes(demo[0].read_bytes()[:-1000])
    return path


def test_warnings_come_each_time(nano_file, nano_columns, cache, settled, caplog):
    one = settled(nano_file("a.root", triggers=["L1_DoubleMu0", "HLT_A"]))
    two = settled(nano_file("b.root", triggers=["L1_DoubleMu0", "L1_TripleMu_5", "HLT_A"]))
    columns = nano_columns | {"l1.L1_DoubleMu", "l1.L1_TripleMu", "hlt.HLT_A_v"}
    texts = []
    for _ in range(2):
        caplog.clear()
        check([str(one), str(two)], cache, columns)
        texts.append([record.getMessage() for record in caplog.records if record.levelno > 20])
    assert texts[0] == texts[1] != []


def test_an_expected_number_of_events_is_compared(files, cache, opened):
    check(files, cache)
    for number in (6000, 5999):
        details = {files[0]: FileDetails(entries=number)}
        dataset = [Dataset("d", dict.fromkeys(files), details=details)]
        if number == 6000:
            assert check_files(dataset, COLUMNS, cache=cache)[0].entries == 6000
        else:
            with raises("dataset.bad-files", path=files[0]):
                check_files(dataset, COLUMNS, cache=cache)
    assert opened == ["a.root", "b.root", "a.root"]


def test_copies_are_found_among_known_files(files, cache, settled, tmp_path):
    check(files, cache)
    copy = str(settled(shutil.copy(files[0], tmp_path / "copy.root")))
    check([copy], cache)
    with raises("dataset.bad-files", path=copy):
        check([*files, copy], cache)


def test_replicas_are_known_too(files, cache, opened, tmp_path):
    details = {"/not/there.root": FileDetails(replicas=(files[0],))}
    dataset = Dataset("d", {"/not/there.root": None}, details=details)
    (first,) = check_files([dataset], COLUMNS, cache=cache)
    assert first.path == files[0]
    assert opened == ["there.root"]  # which is looked for each time, since it may come back
    details = {files[0]: FileDetails(replicas=("/not/there.root",), checksum="adler32:00000001")}
    dataset = Dataset("d", {files[0]: None}, details=details)
    expected = check_files([dataset], COLUMNS)
    assert check_files([dataset], COLUMNS, cache=cache) == expected
    assert check_files([dataset], COLUMNS, cache=cache) == expected
    assert opened == ["there.root", "a.root", "a.root"]


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(5000)])
def test_what_is_no_cache_begins_anew(content, files, cache, opened):
    cache.mkdir()
    (cache / NAME).write_bytes(content)
    first = check(files, cache)
    check(files, cache)
    assert check(files, cache) == first
    assert opened[:2] == ["a.root", "b.root"]
    assert len(opened) <= 4  # the damaged one is removed when it is read or written


def test_flipped_bits_never_give_another_answer(files, cache, caplog):
    caplog.set_level(logging.ERROR)
    expected = check(files[:1], cache)
    good = (cache / NAME).read_bytes()
    row = good.index(b'"entries"')  # around it is all that was found
    numbers = random.Random(1)
    for number in range(80):
        place = (
            numbers.randrange(row - 300, row + 300) if number % 2 else numbers.randrange(len(good))
        )
        content = bytearray(good)
        content[place] ^= 1 << numbers.randrange(8)
        (cache / NAME).write_bytes(content)
        assert check(files[:1], cache) == expected


def test_contents_of_other_files_are_not_taken(files, cache):
    expected = check(files, cache)
    with sqlite3.connect(cache / NAME) as database:
        database.execute("UPDATE found SET content = replace(content, '6000', '5000')")
    assert check(files, cache) == expected


def test_a_place_where_nothing_can_be_written_is_no_error(files, tmp_path):
    (tmp_path / "file").write_text("")
    assert check(files, tmp_path / "file") == check(files, None)
    assert check(files, tmp_path / "file" / "below") == check(files, None)


def _check_some(folder, paths):
    return len(check(paths, folder))


def test_processes_that_write_at_a_time_lose_nothing(demo, cache, opened, settled, tmp_path):
    content = demo[0].read_bytes()
    paths = []
    for number in range(12):
        path = tmp_path / f"{number}.root"
        path.write_bytes(content)
        paths.append(str(settled(path)))
    with ProcessPoolExecutor(2, get_context("fork")) as pool:
        jobs = [pool.submit(_check_some, cache, [path]) for path in paths]
        assert [job.result() for job in jobs] == [1] * 12
    for path in paths:
        check([path], cache)
    assert opened == []


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.delenv(CACHE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "tau3mu"
    monkeypatch.setenv(CACHE, str(tmp_path / "mine"))
    assert cache_folder() == tmp_path / "mine"
    monkeypatch.setenv(CACHE, "")
    assert cache_folder() is None
