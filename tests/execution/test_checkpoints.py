"""Checkpoints give back the same bits, are never run, and survive a full disk."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import ak_equal
import numpy as np
import pytest
from figures import record_figure

from tau3mu.errors import RunError
from tau3mu.execution import execute
from tau3mu.execution.checkpoints import Checkpoints, Keys, chunk_key, remove_checkpoints
from tau3mu.execution.chunk import process_chunk
from tau3mu.execution.ledger import Attempt, Ledger
from tau3mu.outputs.stored import read_document, write_document
from tau3mu.processors import DsPhiPi

EXECUTED = "import os, pathlib; pathlib.Path({!r}).touch()"


@pytest.fixture
def chunks(counting, demo):
    return counting.chunks(demo, 3000)


@pytest.fixture
def processors(counting):
    return counting.load()


@pytest.fixture
def results(chunks, processors):
    return [process_chunk(chunk, processors) for chunk in chunks]


@pytest.fixture
def kept(tmp_path, chunks, processors, results):
    """The folder of a run with a checkpoint for each of its chunks, and the keys."""
    keys = Keys(chunks, processors)
    checkpoints = Checkpoints(tmp_path / "run", keys, delay=0)
    for index, result in enumerate(results):
        checkpoints.add(index, result)
    return tmp_path / "run", keys


def path_of(folder, keys, index=0):
    (path,) = (folder / "checkpoints").glob(f"{keys.chunks[index]}-*.npz")
    return path


def loaded(folder, keys):
    """The indices of the chunks that have a checkpoint."""
    checkpoints = Checkpoints(folder, keys)
    return [i for i in range(len(keys.chunks)) if checkpoints.load(i) is not None]


class Planted:
    """A pickle that makes a file when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return exec, (EXECUTED.format(str(self.path)),)


@contextmanager
def small_disk(folder, size):
    """A tmpfs of some kilobytes; skips where one cannot be mounted."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no tmpfs can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_checkpoint_gives_back_the_same_bits(kept, results):
    folder, keys = kept
    checkpoints = Checkpoints(folder, keys)
    for index, result in enumerate(results):
        found = checkpoints.load(index)
        assert replace(found, outputs={}) == replace(result, outputs={})
        assert ak_equal.same_selection(found.outputs["Mine"], result.outputs["Mine"])


def test_the_chunks_of_the_first_seconds_are_written_with_those_after(
    tmp_path, chunks, processors, results
):
    keys = Keys(chunks, processors)
    checkpoints = Checkpoints(tmp_path / "run", keys, delay=1000)
    checkpoints.add(0, results[0])
    assert not (tmp_path / "run").exists()
    checkpoints.flush()
    assert loaded(tmp_path / "run", keys) == [0]


def test_what_another_processor_finds_is_kept_beside_it(kept, chunks, processors, demo):
    """With one key for all of them, a second processor would do the work of the first again."""
    folder, before = kept
    other = Keys(chunks, [DsPhiPi()])
    assert loaded(folder, other) == []
    both = Keys(chunks, [*processors, DsPhiPi()])
    checkpoints = Checkpoints(folder, both)
    assert set(checkpoints.load(0).outputs) == {"Mine"}
    dsphipi = process_chunk(DsPhiPi_chunk(demo), [DsPhiPi()])
    checkpoints.add(0, dsphipi)
    checkpoints.flush()
    assert set(Checkpoints(folder, both).load(0).outputs) == {"Mine", "dsphipi"}
    assert loaded(folder, before) == list(range(len(chunks)))
    found = Checkpoints(folder, other).load(0).outputs
    assert ak_equal.same_selection(found["dsphipi"], dsphipi.outputs["dsphipi"])


def DsPhiPi_chunk(demo):  # noqa: N802
    from tau3mu.datasets import Dataset, check_files, make_chunks

    datasets = [Dataset("toy", {str(path): None for path in demo})]
    return make_chunks(check_files(datasets, DsPhiPi.columns), datasets, 3000)[0]


@pytest.mark.parametrize(
    "change",
    [
        {"uuid": "other"}, {"start": 1}, {"stop": 2}, {"tree": "t"}, {"is_mc": True},
        {"lumi": 1.0}, {"dataset": "d"}, {"extra": {"a": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_the_key_of_a_chunk_changes_with(change, chunks):
    assert chunk_key(replace(chunks[0], **change)) != chunk_key(chunks[0])


def test_the_key_of_a_processor_changes_with_the_branches_that_it_reads(chunks, processors):
    """A trigger that only some files have is read of these alone."""
    key = Keys(chunks, processors).of(0)["Mine"]
    less = [replace(chunks[0], branches=tuple(b for b in chunks[0].branches if b != "run"))]
    more = [replace(chunks[0], branches=(*chunks[0].branches, "Muon_pt"))]
    assert Keys(less, processors).of(0)["Mine"] != key
    assert Keys(more, processors).of(0)["Mine"] == key


def test_the_key_of_a_chunk_does_not_depend_on_where_its_file_lies(chunks):
    moved = replace(chunks[0], path="/elsewhere/x.root", replicas=("root://a//x.root",))
    assert chunk_key(moved) == chunk_key(chunks[0])


def test_files_without_uuid_are_told_apart_by_path(chunks):
    zero = [replace(chunk, uuid="00000000-0000-0000-0000-000000000000", start=0, stop=9)
            for chunk in (chunks[0], chunks[-1])]  # fmt: skip
    assert chunk_key(zero[0]) != chunk_key(zero[1])


def planted_array(path, tmp_path):
    """An npz whose arrays are pickles, as NumPy writes them of objects."""
    np.savez(path, head=np.array([Planted(tmp_path / "executed")], dtype=object), content=b"")


def broken(name, path, keys, folder, tmp_path):
    """Makes a checkpoint one that is not, or not its own."""
    content = path.read_bytes()
    if name == "objects":
        planted_array(path, tmp_path)
        return
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]
    path.write_bytes(
        {
            "empty": b"",
            "half": content[:middle],
            "flipped": flipped,
            "text": b"not an archive",
            "foreign": path_of(folder, keys, 1).read_bytes(),
            "pickle": pickle.dumps(Planted(tmp_path / "executed")),
        }[name]
    )


@pytest.mark.parametrize(
    "name", ["empty", "half", "flipped", "text", "foreign", "pickle", "objects"]
)
def test_a_checkpoint_that_is_damaged_is_ignored_and_never_run(name, kept, tmp_path, caplog):
    """`cloudpickle.load`, as in coffea's checkpoints, would run what somebody put there."""
    folder, keys = kept
    path = path_of(folder, keys)
    broken(name, path, keys, folder, tmp_path)
    found = loaded(folder, keys)
    assert found == list(range(1, len(keys.chunks)))
    assert keys.chunks[0] in caplog.text
    executed = int((tmp_path / "executed").exists())
    assert not executed
    record_figure(
        f"checkpoint: {name}", written=len(keys.chunks), taken=len(found), executed=executed
    )


@pytest.mark.parametrize("change", ["offsets", "dtype", "cutflow", "counters"])
def test_wrong_content_is_ignored(change, kept):
    """Offsets beyond the content would read memory that is not the array's."""
    folder, keys = kept
    path = path_of(folder, keys)
    with path.open("rb") as file:
        document = read_document(file)
    (output,) = document["outputs"].values()
    if change == "offsets":
        buffers = output["candidates"]["buffers"]
        name = next(iter(buffers))
        buffers[name] = buffers[name][:1]
    elif change == "dtype":
        output["candidates"]["form"]["contents"][0]["primitive"] = "object"
    else:
        del output[change]
    write_document(path, document)
    assert 0 not in loaded(folder, keys)


def test_removing_leaves_what_is_not_a_checkpoint(kept):
    folder, keys = kept
    (folder / "checkpoints" / "notes.txt").write_text("mine")
    stem = path_of(folder, keys).stem
    (folder / "checkpoints" / f".{stem}.123.npz").write_text("of a killed run")
    remove_checkpoints(folder)
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["notes.txt"]


def test_removing_follows_no_link(kept, tmp_path):
    folder, keys = kept
    (folder / "checkpoints").rename(tmp_path / "elsewhere")
    (folder / "checkpoints").symlink_to(tmp_path / "elsewhere")
    remove_checkpoints(folder)
    assert len(list((tmp_path / "elsewhere").iterdir())) == len(keys.chunks)


def test_a_full_disk_is_an_error_that_names_the_folder_and_keeps_what_is_there(
    tmp_path, chunks, processors, results
):
    """coffea's checkpoints of a full disk are files of size 0, without an error."""
    with small_disk(tmp_path / "disk", 64) as disk:
        keys = Keys(chunks, processors)
        checkpoints = Checkpoints(disk / "run", keys, delay=0)
        checkpoints.add(0, results[0])
        os.sync()
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize))
        with pytest.raises(RunError, match=r"No space left.*0\.0 MB are free in .*checkpoints"):
            checkpoints.add(1, results[1])
        names = {path.name for path in (disk / "run" / "checkpoints").iterdir()}
        assert names == {path_of(disk / "run", keys).name}
        assert loaded(disk / "run", keys) == [0]


def test_a_full_disk_ends_a_run_whose_ledger_cannot_be_written(tmp_path, counting, demo):
    processors = counting.load()
    with small_disk(tmp_path / "disk", 64) as disk:
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize - 4096))
        with pytest.raises(RunError, match=r"cannot write .*ledger.jsonl: .*[Nn]o space left"):
            execute(counting.chunks(demo, 300), processors, folder=disk)


def attempt(reason):
    return Attempt(
        dataset="d", file="/x.root", tree="t", uuid="u", start=0, stop=9, entries=9, attempt=1,
        worker="h:1", seconds=0.1, bytes=10, replica="/x.root", outcome="done", reason=reason,
    )  # fmt: skip


def test_a_line_of_the_ledger_is_on_disk_at_once(tmp_path):
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.write(attempt("a\nb\u2028<script>"))
        (line,) = (tmp_path / "ledger.jsonl").read_bytes().splitlines()
        assert json.loads(line)["reason"] == "a\nb\u2028<script>"


def test_half_a_line_of_a_killed_driver_does_not_spoil_the_next(tmp_path):
    path = tmp_path / "ledger.jsonl"
    path.write_text('{"dataset": "d"}\n{"data')
    with Ledger(path) as ledger:
        ledger.write(attempt(""))
    lines = path.read_text().splitlines()
    assert lines[:2] == ['{"dataset": "d"}', '{"data']
    assert json.loads(lines[2])["outcome"] == "done"


def test_a_ledger_shows_no_secrets(tmp_path):
    with Ledger(tmp_path / "ledger.jsonl") as ledger:
        ledger.write(attempt("https://me:secret@host/x.root?authz=abc failed"))
    text = (tmp_path / "ledger.jsonl").read_text()
    assert "secret" not in text
    assert "abc" not in text
