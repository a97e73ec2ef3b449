"""Whole runs over files on a real XRootD server that dies and comes back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
import uproot
from figures import record_figure
from xrootd_server import needs_xrootd, xrootd

pytestmark = [needs_xrootd, pytest.mark.integration]
pytest.importorskip("fsspec_xrootd")


@pytest.fixture
def served(demo, tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    return [shutil.copy(path, folder / path.name) for path in demo]


def start(output, *paths):
    options = ["--no-fit", "--chunk-size", "500", "--output", str(output)]
    environment = {name: value for name, value in os.environ.items() if name[:4] != "XRD_"}
    return subprocess.Popen(
        [sys.executable, "-m", "tau3mu.run", *map(str, paths), *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
    )  # fmt: skip


def finished(program, seconds=300):
    try:
        output, _ = program.communicate(timeout=seconds)
    finally:
        program.kill()
    assert program.returncode == 0, output


def ledger(folder):
    path = folder / "ledger.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def results(folder):
    """What a run found, without the times and names that differ."""
    texts = {path.name: path.read_text() for path in (folder / "dsphipi").glob("*.json")}
    with uproot.open(folder / "dsphipi" / "candidates.root") as file:
        (name,) = [key for key, kind in file.classnames().items() if kind == "TTree"] or [
            key for key, kind in file.classnames().items() if "RNTuple" in kind
        ]
        arrays = file[name].arrays(library="ak")
    texts["candidates"] = {
        field: arrays[field].to_list() for field in arrays.fields if field != "file"
    }
    return texts


def test_server_killed_and_restarted_during_a_run(served, tmp_path):
    """The events that were asked for while the server was away would be missing."""
    finished(start(tmp_path / "local", *served))
    with xrootd(served[0].parent, tmp_path) as server:
        running = start(tmp_path / "remote", *[server.url(path.name) for path in served])
        limit = time.monotonic() + 120
        while len(ledger(tmp_path / "remote")) < 3 and time.monotonic() < limit:
            assert running.poll() is None, running.communicate()[0]
            time.sleep(0.02)
        server.kill()
        read = len(ledger(tmp_path / "remote"))
        assert 3 <= read < 20
        began = time.monotonic()
        timer = threading.Timer(5, server.start)
        timer.start()
        try:
            finished(running)
        finally:
            timer.join()
        seconds = time.monotonic() - began
    lines = ledger(tmp_path / "remote")
    done = [line for line in lines if line["outcome"] == "done"]
    record_figure(
        "run: xrootd killed, back after 5 s", outcome="complete", events_in=12_000,
        events_out=sum(line["entries"] for line in done), seconds=round(seconds, 1),
        attempts=len(lines), chunks=len(done),
    )  # fmt: skip
    assert sum(line["entries"] for line in done) == 12_000
    assert len({(line["file"], line["start"]) for line in done}) == len(done) == 24
    assert results(tmp_path / "remote") == results(tmp_path / "local")
