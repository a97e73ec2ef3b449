"""One door to all clusters: what is started ends, what was there stays, nobody waits for ever."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest
from cluster_processes import ClusterProcesses
from errors import raises

from tau3mu.clusters import connect
from tau3mu.clusters.launch import end
from tau3mu.errors import InputError, RunError

pytestmark = pytest.mark.integration


def test_a_client_is_used_as_it_is_and_left_open(client):
    """Fails if a notebook's own client is closed, or replaced by another."""
    with connect(client) as same:
        assert same is client
    assert client.status == "running"
    assert client.submit(sum, [1, 2]).result(timeout=30) == 3


def test_local_cluster_ends_with_the_block(caplog):
    """Fails if the dashboard or scheduler can be reached from elsewhere, or processes stay."""
    caplog.set_level("INFO", "tau3mu")
    links = []
    with connect(workers=1, dashboard=True, on_dashboard=links.append) as client:
        (pid,) = client.run(os.getpid).values()
        assert urlsplit(client.scheduler.address).hostname == "127.0.0.1"
        server = client.cluster.scheduler.http_server
        assert {s.getsockname()[0] for s in server._sockets.values()} == {"127.0.0.1"}
        settings = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.allowed_failures)
        assert settings == 3
        assert all(
            worker["nthreads"] == 1 for worker in client.scheduler_info()["workers"].values()
        )
    assert client.status == "closed"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    said = [record.message for record in caplog.records if record.name.startswith("tau3mu.")]
    if not find_spec("cryptography"):
        assert "other users of this machine can connect" in said.pop(0)
    assert said == (
        [f"dashboard: {links[0]}"] if links else ["no dashboard: the scheduler has no Bokeh"]
    )


def test_no_dashboard_unless_it_is_asked_for():
    """Fails if each start of a cluster waits for pages that nobody looks at."""
    links = []
    with connect(workers=1, on_dashboard=links.append) as client:
        assert not client.cluster.scheduler.http_application.applications
    assert not links


def test_a_cluster_that_does_not_end_in_time_is_a_warning(caplog):
    """Fails if a busy machine turns the end of a complete run into a traceback."""

    class Busy:
        def close(self):
            raise asyncio.TimeoutError

    end(Busy())
    assert "the cluster did not end in time: TimeoutError" in caplog.text


def test_number_of_workers_follows_the_work(tmp_path):
    """Fails if a cluster with a minimum and a maximum stays at the minimum."""
    site = tmp_path / "site.toml"
    site.write_text('[clusters.mine]\nkind = "local"\nminimum = 1\nmaximum = 2\n')
    with connect(cluster="mine", site=site) as client:
        assert len(client.nthreads()) == 1
        futures = [client.submit(time.sleep, 1, pure=False) for _ in range(12)]
        client.wait_for_workers(2, timeout=60)
        client.gather(futures)


def test_environment_reaches_the_workers(tmp_path):
    """Fails if what the site file sets is not set where the work is done."""
    site = tmp_path / "site.toml"
    site.write_text(
        '[clusters.mine]\nkind = "local"\nworkers = 1\nenvironment = { GREETING = "hello" }\n'
    )
    with connect(cluster="local", site=site) as client:
        assert client.submit(os.getenv, "GREETING").result(timeout=30) == "hello"


def test_a_scheduler_of_the_site_file_gets_its_first_worker_late(tmp_path):
    """Fails if a run on an idle cluster gives up before the first worker has come."""
    site = tmp_path / "site.toml"
    with ClusterProcesses(tmp_path / "cluster") as processes:
        site.write_text(f'[clusters.there]\nkind = "scheduler"\naddress = "{processes.address}"\n')
        with (
            raises("clusters.no-worker", RunError, mentions="1 s"),
            connect(cluster="there", site=site, wait=1),
        ):
            pass
        processes.add_worker()
        with connect(cluster="there", site=site, wait=60) as client:
            assert len(client.scheduler_info()["workers"]) == 1
            held = client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks))
            assert held == 0
        assert processes.scheduler.alive


def test_contradictions_and_wrong_addresses(monkeypatch):
    """Fails if one of two clusters is chosen in silence, or a wrong address ends in a traceback."""
    monkeypatch.setattr("tau3mu.clusters.connection.CONNECT_TIMEOUT", "1s")
    with raises("clusters.two-clusters", InputError), connect("tls://a:1", cluster="b"):
        pass
    with (
        raises("clusters.no-scheduler", InputError, path="tcp://127.0.0.1:9"),
        connect("tcp://127.0.0.1:9"),
    ):
        pass


SCRIPT = """
import sys, time
from tau3mu.console.cli import run_main
from tau3mu.clusters import connect

def work():
    print("begins", flush=True)
    with connect(workers=2) as client:
        print("ready", flush=True)
        time.sleep(60)
    return 0

if __name__ == "__main__":
    sys.exit(run_main(work))
"""


@pytest.mark.integration
@pytest.mark.parametrize(
    ("line", "delay"), [("begins", 0.0), ("begins", 0.5), ("begins", 2.0), ("ready", 0.5)]
)
def test_ctrl_c_is_one_line_and_leaves_nothing(tmp_path, line, delay):
    """Fails if Ctrl-C, which a terminal sends to all processes, shows tracebacks of any of them."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, cwd=tmp_path,
    )  # fmt: skip
    try:
        while line not in process.stdout.readline():
            assert process.poll() is None, process.stderr.read()
        time.sleep(delay)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
        assert said == "error: interrupted\n"
        assert process.returncode == 130
        deadline = time.monotonic() + 10  # Python's own helper sees the end of its parent
        while _has_members(process.pid):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _has_members(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
