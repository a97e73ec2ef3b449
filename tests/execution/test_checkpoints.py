"""Checkpoints give back the same bits, are never run, and survive a full disk."""

from __future__ import annotations

import base64
import json
import os
import pickle
import subprocess
from contextlib import contextmanager
from dataclasses import replace

import ak_equal
import pytest
from figures import record_figure

from tau3mu.errors import RunError
from tau3mu.execution import execute
from tau3mu.execution.checkpoints import Checkpoints, _digest, chunk_key, remove_checkpoints
from tau3mu.execution.chunk import process_chunk
from tau3mu.execution.ledger import Attempt, Ledger

EXECUTED = "import os, pathlib; pathlib.Path({!r}).touch()"


@pytest.fixture
def chunks(counting, demo):
    return counting.chunks(demo, 3000)


@pytest.fixture
def records(chunks, counting):
    processors = counting.load()
    return [process_chunk(i, chunk, processors) for i, chunk in enumerate(chunks)]


@pytest.fixture
def kept(tmp_path, chunks, records):
    """The folder of a run with a checkpoint for each of its chunks, and their keys."""
    keys = [chunk_key(chunk, "w") for chunk in chunks]
    checkpoints = Checkpoints(tmp_path / "run", keys, delay=0)
    for index, record in enumerate(records):
        checkpoints.add(index, record)
    return tmp_path / "run", keys


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


def test_a_checkpoint_gives_back_the_same_bits(kept, records):
    folder, keys = kept
    found = Checkpoints(folder, keys).load()
    assert sorted(found) == list(range(len(records)))
    for index, record in enumerate(records):
        assert ak_equal.same_bits(found[index], record)


def test_a_checkpoint_is_plain_json(kept):
    folder, keys = kept
    assert {p.name for p in (folder / "checkpoints").iterdir()} == {f"{k}.json" for k in keys}
    content = json.loads((folder / "checkpoints" / f"{keys[0]}.json").read_text())
    assert content.keys() == {"key", "form", "length", "buffers", "sha256"}


def test_the_chunks_of_the_first_seconds_are_written_with_those_after(tmp_path, chunks, records):
    keys = [chunk_key(chunk, "w") for chunk in chunks]
    checkpoints = Checkpoints(tmp_path / "run", keys, delay=1000)
    checkpoints.add(0, records[0])
    assert not (tmp_path / "run").exists()
    checkpoints.flush()
    assert list(Checkpoints(tmp_path / "run", keys).load()) == [0]


@pytest.mark.parametrize(
    "change",
    [
        {"uuid": "other"}, {"start": 1}, {"stop": 2}, {"tree": "t"}, {"is_mc": True},
        {"lumi": 1.0}, {"dataset": "d"}, {"branches": ("run",)}, {"extra": {"a": 1}},
    ],
    ids=str,
)  # fmt: skip
def test_the_key_of_a_chunk_changes_with(change, chunks):
    assert chunk_key(replace(chunks[0], **change), "w") != chunk_key(chunks[0], "w")


def test_the_key_of_a_chunk_does_not_depend_on_where_its_file_lies(chunks):
    moved = replace(chunks[0], path="/elsewhere/x.root", replicas=("root://a//x.root",))
    assert chunk_key(moved, "w") == chunk_key(chunks[0], "w")
    assert chunk_key(moved, "v") != chunk_key(moved, "w")


def test_files_without_uuid_are_told_apart_by_path(chunks):
    zero = [replace(chunk, uuid="00000000-0000-0000-0000-000000000000", start=0, stop=9)
            for chunk in (chunks[0], chunks[-1])]  # fmt: skip
    assert chunk_key(zero[0], "w") != chunk_key(zero[1], "w")


def broken(name, content, keys, folder, tmp_path):
    """The content of a checkpoint that is none, or not its own."""
    if name == "pickle":
        return pickle.dumps(Planted(tmp_path / "executed"))
    if name == "foreign":
        return (folder / f"{keys[1]}.json").read_bytes()
    return {
        "empty": b"",
        "half": content[: len(content) // 2],
        "flipped": bytes(content[:200]) + bytes([content[200] ^ 0xFF]) + content[201:],
        "text": b"not JSON",
        "other JSON": b'{"x": [1, 2]}',
        "list": b"[1, 2]",
    }[name]


@pytest.mark.parametrize(
    "name", ["empty", "half", "flipped", "text", "foreign", "pickle", "other JSON", "list"]
)
def test_a_checkpoint_that_is_none_is_left_aside_and_never_run(name, kept, tmp_path, caplog):
    """`cloudpickle.load`, as in coffea's checkpoints, would run what somebody put there."""
    folder, keys = kept
    path = folder / "checkpoints" / f"{keys[0]}.json"
    path.write_bytes(broken(name, path.read_bytes(), keys, folder / "checkpoints", tmp_path))
    found = Checkpoints(folder, keys).load()
    assert sorted(found) == list(range(1, len(keys)))
    assert keys[0] in caplog.text
    assert not (tmp_path / "executed").exists()
    executed = int((tmp_path / "executed").exists())
    record_figure(f"checkpoint: {name}", written=len(keys), taken=len(found), executed=executed)


def test_wrong_buffers_are_left_aside(kept):
    """Offsets beyond the content would read memory that is not the array's."""
    folder, keys = kept
    path = folder / "checkpoints" / f"{keys[0]}.json"
    content = json.loads(path.read_text())
    del content["sha256"]
    name = next(name for name in content["buffers"] if name.endswith("offsets"))
    size = len(base64.b64decode(content["buffers"][name])) // 8
    content["buffers"][name] = base64.b64encode((2**40).to_bytes(8, "little") * size).decode()
    path.write_text(json.dumps({**content, "sha256": _digest(content)}))
    assert 0 not in Checkpoints(folder, keys).load()


def test_removing_leaves_what_is_not_a_checkpoint(kept):
    folder, keys = kept
    (folder / "checkpoints" / "notes.txt").write_text("mine")
    (folder / "checkpoints" / f".{keys[0]}.123.json").write_text("of a killed run")
    remove_checkpoints(folder)
    assert [p.name for p in (folder / "checkpoints").iterdir()] == ["notes.txt"]


def test_removing_follows_no_link(kept, tmp_path):
    folder, keys = kept
    (folder / "checkpoints").rename(tmp_path / "elsewhere")
    (folder / "checkpoints").symlink_to(tmp_path / "elsewhere")
    remove_checkpoints(folder)
    assert len(list((tmp_path / "elsewhere").iterdir())) == len(keys)


def test_a_full_disk_is_an_error_that_names_the_folder_and_keeps_what_is_there(
    tmp_path, chunks, records
):
    """coffea's checkpoints of a full disk are files of size 0, without an error."""
    with small_disk(tmp_path / "disk", 64) as disk:
        keys = [chunk_key(chunk, "w") for chunk in chunks]
        checkpoints = Checkpoints(disk / "run", keys, delay=0)
        checkpoints.add(0, records[0])
        os.sync()
        free = os.statvfs(disk)
        (disk / "filler").write_bytes(bytes(free.f_bavail * free.f_frsize))
        with pytest.raises(RunError, match=r"No space left.*0\.0 MB are free in .*checkpoints"):
            checkpoints.add(1, records[1])
        names = {path.name for path in (disk / "run" / "checkpoints").iterdir()}
        assert names == {f"{keys[0]}.json"}
        assert list(Checkpoints(disk / "run", keys).load()) == [0]


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
