"""A cluster of real Slurm jobs, where Slurm is installed."""

from __future__ import annotations

import os
import subprocess
import time

import pytest
from errors import raises
from slurm_node import slurm_node, why_not

from tau3mu.clusters import connect
from tau3mu.errors import RunError

pytest.importorskip("dask_jobqueue")
pytest.importorskip("cryptography")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.integration,
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory):
    """A Slurm of one node, found by what this process starts."""
    with (
        slurm_node(tmp_path_factory.mktemp("slurm") / "node") as environment,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in environment.items():
            patch.setenv(name, value)
        yield


def site(tmp_path, **more: str):
    """Writes a site file with a cluster `batch` on the loopback interface."""
    keys = {
        "kind": "slurm", "memory": "500 MB", "walltime": "0:10:00", "interface": "lo",
        "log_directory": f"{tmp_path}/logs", "shared_temp_directory": f"{tmp_path}/keys", **more,
    }  # fmt: skip
    path = tmp_path / "site.toml"
    lines = [f'{key} = "{value}"' for key, value in keys.items()]
    path.write_text("\n".join(["[clusters.batch]", *lines, "maximum = 2"]))
    return path


def jobs() -> list[str]:
    """Returns the jobs that Slurm knows and has not ended."""
    found = subprocess.run(
        ["squeue", "--noheader", "-o", "%i %t"], capture_output=True, text=True, check=True
    )
    return [line for line in found.stdout.splitlines() if not line.endswith("CG")]


def test_jobs_come_with_the_work_and_go_with_the_run(slurm, tmp_path):
    """Fails if jobs are not submitted, do not join over TLS, or go on running after the run."""
    with connect(cluster="batch", site=site(tmp_path, queue="short"), wait=120) as client:
        assert client.scheduler.address.startswith("tls://127.0.0.1:")
        keys = list((tmp_path / "keys").iterdir())
        assert {oct(path.stat().st_mode & 0o777) for path in keys} == {"0o600"}
        assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
        first = client.submit(os.getenv, "SLURM_JOB_ID", pure=False).result(timeout=60)
        assert [line.split()[0] for line in jobs()] == [first]
        futures = [client.submit(time.sleep, 1, pure=False) for _ in range(20)]
        if (os.cpu_count() or 1) > 1:
            client.wait_for_workers(2, timeout=120)
            assert len(jobs()) == 2
        client.gather(futures)
    deadline = time.monotonic() + 30
    while jobs():
        assert time.monotonic() < deadline, jobs()
        time.sleep(0.5)
    assert list((tmp_path / "keys").iterdir()) == []
    assert list((tmp_path / "logs").iterdir()) != []


def test_a_refused_job_is_told_at_once(slurm, tmp_path):
    """Fails if a mistake in the queue's name is dropped and the run waits for a worker."""
    begin = time.monotonic()
    with (
        raises("clusters.no-jobs", RunError, mentions="invalid partition"),
        connect(cluster="batch", site=site(tmp_path, queue="nosuch"), wait=300),
    ):
        pass
    assert time.monotonic() - begin < 60


def test_jobs_that_never_start_are_told_with_their_logs(slurm, tmp_path):
    """Fails if a full queue lets a run wait for ever, or the error does not say where to look."""
    logs = f"{tmp_path}/logs"
    with (
        raises("clusters.no-worker", RunError, mentions=("3 s", "squeue --me", str(logs))),
        connect(cluster="batch", site=site(tmp_path, python="/bin/false"), wait=3),
    ):
        pass
