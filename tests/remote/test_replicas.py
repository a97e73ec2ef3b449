"""Files that lie in several places."""

from __future__ import annotations

import logging
import pickle
import shutil

import pytest
from remote_reading import raw

from tau3mu.datasets import Dataset, FileDetails, check_files, check_readable_files, make_chunks
from tau3mu.ntuples import ReadError
from tau3mu.storage.remote import in_order, note_failure


@pytest.mark.parametrize("manner", ["503", "404", "page", "no_ranges", "breaks_off_after_4"])
def test_next_replica_gives_all_events(http, file, read, expected, note, manner):
    """A dead or damaged replica would cost the events, or leave half of them from each."""
    found = read(f"{http[0]}/{manner}/x.root", f"{http[0]}/404/y.root", file)
    note(f"first of three replicas: {manner}", found)
    assert raw(found.reading.events) == expected
    assert found.reading.path == str(file)


def test_refusal_is_not_passed_over(http, file, read):
    """An expired proxy would be hidden by a replica, until there is a file without one."""
    assert read(f"{http[0]}/403/x.root", file).outcome == "fatal"


@pytest.mark.parametrize(
    ("manners", "outcome"),
    [
        (("404", "page"), "bad_file"),
        (("404", "503"), "transient"),
        (("503", "short"), "transient"),
        (("404", "401"), "fatal"),
    ],
)
def test_all_replicas_fail(http, read, manners, outcome):
    """A file would be given up although one of its servers is only busy."""
    urls = [f"{http[0]}/{manner}/x.root" for manner in manners]
    found = read(*urls)
    assert found.outcome == outcome
    head, *reasons = str(found.error).split("; http")
    assert head.startswith(f"{urls[0]}: entries 1000 to 4000 cannot be read: {urls[0]}: ")
    assert [f"http{text}".startswith(f"{urls[1]}: ") for text in reasons] == [True]


def test_replica_that_works_is_kept_for_the_next_chunk(http, file, read):
    """Each chunk of a file would begin with the time-out of its first replica."""
    urls = [f"{http[0]}/503/x.root", f"{http[0]}/x.root"]
    for start in (0, 1000, 2000):
        assert read(*urls, start=start, stop=start + 1000).reading.path == urls[1]
    assert http[1]["/503/x.root"] == 1


def test_server_that_failed_comes_last():
    """Each of thousands of files would begin with the time-out of a dead server."""
    paths = ["root://dead.org//a", "root://good.org//a", "/local"]
    assert in_order(paths) == paths
    note_failure("root://Dead.org//b")
    assert in_order(paths) == ["root://good.org//a", "/local", "root://dead.org//a"]
    assert in_order(paths, first="/local")[0] == "/local"


def test_replica_that_is_another_file(read, demo, file):
    """Entries of another file would be read because it has the same name."""
    other = demo[1]
    assert read(other, file).reading.path == str(file)
    found = read(other)
    assert found.outcome == "bad_file"
    assert "has changed since it was checked" in str(found.error)


def test_read_error_crosses_processes(read):
    """On a cluster, the driver would see an error without its class, or none at all."""
    error = read("/nowhere/x.root").error
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (ReadError, str(error))
    assert (again.kind, again.path) == ("bad_file", "/nowhere/x.root")
    assert str(error) == "/nowhere/x.root: entries 1000 to 4000 cannot be read: no such file"


def test_check_takes_the_first_replica_that_can_be_read(http, file, caplog):
    """A file whose first place is down would be refused, or its chunks be read there."""
    down, bad, good = f"{http[0]}/503/x.root", f"{http[0]}/page/x.root", str(file)
    dataset = Dataset("d", {down: None}, details={down: FileDetails((bad, good))})
    caplog.set_level(logging.WARNING)
    (checked,) = check_files([dataset], {"run"})
    assert (checked.path, checked.listed, checked.replicas) == (good, down, (down,))
    (chunk,) = make_chunks([checked], [dataset], 10**6)
    assert (chunk.path, chunk.replicas, chunk.stop) == (good, (down,), 6000)
    assert [record.getMessage() for record in caplog.records] == [
        (f"failed replica: the server answers 503 Service Unavailable (1 of 1 files): {down}"),
        (
            "failed replica: NoPartsError: the server sends a page of HTML instead of the "
            f"file (to log in?) (1 of 1 files): {bad}"
        ),
    ]


def test_check_names_all_replicas_of_a_file_without_a_good_one(http, folder):
    """The user would mend the first replica only to hear of the second."""
    urls = [f"{http[0]}/{manner}/x.root" for manner in ("404", "page")]
    dataset = Dataset("d", {urls[0]: None}, details={urls[0]: FileDetails((urls[1],), None, 7)})
    with pytest.raises(ValueError, match="problems in 1 of 1 files") as error:
        check_files([dataset], {"run"})
    assert str(error.value).splitlines()[1] == (
        f"  {urls[0]} [d]: cannot be read: {urls[0]}: no such file: check the path and the "
        f"prefix; {urls[1]}: NoPartsError: the server sends a page of HTML instead of the file "
        "(to log in?)"
    )
    good = Dataset("e", {str(folder / "x.root"): None})
    checked, (rejected,) = check_readable_files([dataset, good], {"run"})
    assert [file.path for file in checked] == [str(folder / "x.root")]
    assert (rejected.dataset, rejected.path) == ("d", urls[0])
    assert (rejected.kind, rejected.entries) == ("bad_file", 7)
    assert rejected.reason.startswith(f"cannot be read: {urls[0]}: no such file")


def test_refusals_are_never_left_out(http, folder):
    """A run with an expired proxy would end with the few files that need none."""
    datasets = [Dataset("d", dict.fromkeys([f"{http[0]}/401/x.root", str(folder / "x.root")]))]
    with pytest.raises(ValueError, match="401 Unauthorized; check that you may read it"):
        check_readable_files(datasets, {"run"})


def test_wrong_schema_is_never_left_out(http, folder, tmp_path):
    """A misspelt branch would empty a dataset without an error."""
    shutil.copy(folder / "x.root", tmp_path / "cut.root")
    (tmp_path / "cut.root").write_bytes((folder / "x.root").read_bytes()[:-5])
    datasets = [Dataset("d", {str(tmp_path / "cut.root"): None, str(folder / "x.root"): "Other"})]
    with pytest.raises(ValueError, match="has no tree Other") as error:
        check_readable_files(datasets, {"run"})
    assert "problems in 1 of 2 files" in str(error.value)
