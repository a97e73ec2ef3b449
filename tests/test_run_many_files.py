"""A whole run of the command over many small files: none is lost, and what it needs is bounded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest
import uproot
from figures import record_figure

from tau3mu.datasets import Dataset, check_files
from tau3mu.generate import generate
from tau3mu.outputs import load_candidates
from tau3mu.processors import DsPhiPi

N_FILES, EVENTS = 1000, 200
N_OPEN = 256


@pytest.fixture
def small_file(tmp_path):
    """A TTree of 200 simulated events with the branches that `dsphipi` reads."""
    folder = tmp_path / "whole"
    (whole,) = generate(folder, events=EVENTS, simulation=True, layout="nano")
    (checked,) = check_files([Dataset("d", {str(whole): None})], DsPhiPi.columns)
    with uproot.open(whole) as file:
        arrays = file[checked.tree].arrays(list(checked.branches))
    path = tmp_path / "small.root"
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        columns = {name: arrays[name] for name in arrays.fields}
        types = {name: str(array.type.content) for name, array in columns.items()}
        file.mktree(checked.tree, types).extend(columns)
    return path


def copies(path, folder):
    """Writes files of the same events, each with a UUID of its own."""
    with uproot.open(path) as file:
        uuid = file.file.uuid.bytes
    content = path.read_bytes()
    assert content.count(uuid) >= 1
    folder.mkdir()
    paths = [folder / f"{number:04d}.root" for number in range(N_FILES)]
    for number, copy in enumerate(paths):
        copy.write_bytes(content.replace(uuid, (number + 1).to_bytes(16, "big")))
    return paths


def start(output, paths, log):
    """Starts the command in processes that may have no more than 256 files open."""
    words = [
        sys.executable, "-m", "tau3mu.run", "--no-fit", "--executor", "futures", "--workers", "2",
        "--output", output, *paths,
    ]  # fmt: skip
    return subprocess.Popen(
        ["sh", "-c", f'ulimit -S -n {N_OPEN} && exec "$@"', "sh", *map(str, words)],
        stdout=log, stderr=subprocess.STDOUT, cwd=output.parent, start_new_session=True,
    )  # fmt: skip


def watch(process, seconds):
    """Waits for a process; returns what its tree had: peak memory, open files, CPU seconds."""
    memory: dict[int, int] = {}
    cpu: dict[int, float] = {}
    n_open = 0
    deadline = time.monotonic() + seconds
    while process.poll() is None:
        assert time.monotonic() < deadline, "the run did not end in time"
        try:
            tree = psutil.Process(process.pid)
            for one in [tree, *tree.children(recursive=True)]:
                status = Path(f"/proc/{one.pid}/status").read_text()
                found = [line for line in status.splitlines() if line.startswith("VmHWM:")]
                if found:  # not of a process that has just ended
                    memory[one.pid] = int(found[0].split()[1]) * 1024
                    n_open = max(n_open, one.num_fds())
                    cpu[one.pid] = sum(one.cpu_times()[:2])
        except (psutil.Error, OSError):
            pass  # it ended while it was looked at
        time.sleep(0.25)
    return max(memory.values()), n_open, sum(cpu.values())


def cutflow_of(folder):
    (steps,) = json.loads((folder / "dsphipi" / "cutflow.json").read_text()).values()
    return {s["name"]: (s["events"], s["candidates"], s["sumw"]) for s in steps}


@pytest.mark.soak
@pytest.mark.timeout(1500)
def test_a_thousand_files(small_file, tmp_path):
    """Files that stay open, or memory that grows with each, would end a run of thousands."""
    paths = copies(small_file, tmp_path / "files")
    one, all_ = tmp_path / "one", tmp_path / "all"
    log = tmp_path / "log.txt"
    with log.open("w") as file:
        assert start(one, paths[:1], file).wait(120) == 0, log.read_text()
        begin = time.monotonic()
        running = start(all_, paths, file)
        try:
            memory, n_open, cpu_seconds = watch(running, 1300)
        finally:
            if running.poll() is None:
                os.killpg(running.pid, signal.SIGKILL)
                running.wait(30)
        seconds = time.monotonic() - begin
    assert running.returncode == 0, log.read_text()
    run = json.loads((all_ / "run.json").read_text())
    assert run["complete"] is True
    assert [item["path"] for item in run["inputs"]] == [str(path) for path in paths]
    assert {(item["entries"], item["read"]) for item in run["inputs"]} == {(EVENTS, EVENTS)}
    ledger = [json.loads(line) for line in (all_ / "ledger.jsonl").read_text().splitlines()]
    assert Counter((line["file"], line["outcome"]) for line in ledger) == {
        (str(path), "done"): 1 for path in paths
    }
    single, whole = cutflow_of(one), cutflow_of(all_)
    assert single["all"][0] == EVENTS
    assert single["trigmatch"][0] > 10
    assert whole == {name: tuple(N_FILES * n for n in step) for name, step in single.items()}
    candidates = load_candidates(all_ / "dsphipi")
    per_file = Counter(candidates.file.tolist())
    assert per_file == dict.fromkeys(map(str, paths), len(load_candidates(one / "dsphipi")))
    assert memory < 1e9
    assert n_open < N_OPEN / 2
    record_figure(
        f"run over {N_FILES} files", events_in=N_FILES * EVENTS, events_out=whole["all"][0],
        seconds=round(seconds, 1), cpu_seconds=round(cpu_seconds, 1),
        peak_megabytes=memory // 1_000_000, most_open_files=n_open,
    )  # fmt: skip
