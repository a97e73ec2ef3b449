"""The command on a Dask cluster of real processes, whose scheduler or whose driver is killed."""

from __future__ import annotations

import json
import os
import signal
import time

import ak_equal
import pytest
from cluster_processes import ClusterProcesses
from figures import record_figure
from test_resume import run, started, wait_for

from tau3mu.outputs import load_candidates

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("victim", ["scheduler", "driver"])
def test_a_run_goes_on_after_the_death_of(victim, counting, command, tmp_path, monkeypatch):
    """Without checkpoints another cluster would have to begin again."""
    counting.write(pause=0.9)
    out, kept = tmp_path / "out", tmp_path / "out" / "checkpoints"
    with ClusterProcesses(tmp_path / "first") as cluster:
        cluster.add_worker()
        cluster.add_worker()
        how = ["--executor", "dask", "--scheduler", cluster.address]
        process = started(command(*how), tmp_path)
        wait_for(lambda: kept.is_dir() and len(list(kept.glob("[0-9a-f]*.npz"))) >= 8, process)
        begin = time.monotonic()
        if victim == "scheduler":
            cluster.scheduler.kill()
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 1
            assert f"the Dask scheduler at {cluster.address} is gone" in errors
            assert f"--resume {out}" in " ".join(errors.split())
            assert "distributed" not in errors  # one message, without Dask's own
            assert "Traceback" not in errors
        else:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        seconds_to_error = time.monotonic() - begin
    n_kept = len(list(kept.glob("[0-9a-f]*.npz")))
    assert 8 <= n_kept < 24
    first = counting.calls()
    counting.forget()
    counting.hurry(monkeypatch)
    with ClusterProcesses(tmp_path / "second") as cluster:
        cluster.add_worker()
        begin = time.monotonic()
        how = ["--executor", "dask", "--scheduler", cluster.address]
        done = started(command("--resume", out, *how), tmp_path)
        _, errors = done.communicate(timeout=200)
        assert done.returncode == 0, errors
    second = counting.calls()
    # Each worker may have had one chunk in hand, and one that was done but not fetched.
    assert len(second) == 24 - n_kept
    assert 24 <= len(first) + len(second) <= 24 + 4
    record = json.loads((out / "run.json").read_text())
    assert record["chunks"] == {"total": 24, "resumed": n_kept, "attempts": len(second)}
    record_figure(
        f"Dask: SIGKILL of the {victim}, then --resume", events_in=12000,
        events_out=sum(file["read"] for file in record["inputs"]), kept=n_kept,
        calls=len(first) + len(second), seconds_to_error=round(seconds_to_error, 1),
        seconds_to_recover=round(time.monotonic() - begin, 1),
    )  # fmt: skip
    assert run(command(output="whole")) == 0
    resumed, whole = (tmp_path / name / "Mine" for name in ("out", "whole"))
    for name in ("histograms.json", "cutflow.json"):
        assert (resumed / name).read_bytes() == (whole / name).read_bytes()
    assert ak_equal.same_bits(
        load_candidates(resumed / "candidates.root"), load_candidates(whole / "candidates.root")
    )
