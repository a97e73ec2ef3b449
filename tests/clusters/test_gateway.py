"""A cluster of a real Dask gateway, where its server is installed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest
from errors import raises

from tau3mu.clusters import connect
from tau3mu.errors import InputError

pytest.importorskip("dask_gateway")
SERVER = shutil.which("dask-gateway-server")
pytestmark = [
    pytest.mark.integration,
    pytest.mark.integration,
    pytest.mark.skipif(SERVER is None, reason="dask-gateway-server is not installed"),
]

CONFIGURATION = """\
from dask_gateway_server.options import Mapping, Options

c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.DaskGateway.address = "127.0.0.1:{api}"
c.Proxy.address = "127.0.0.1:{web}"
c.Proxy.tcp_address = "127.0.0.1:{tcp}"
c.UnsafeLocalBackend.clusters_directory = "{folder}/clusters"
c.ClusterConfig.worker_cmd = "{programs}/dask-worker"
c.ClusterConfig.scheduler_cmd = "{programs}/dask-scheduler"
c.Backend.cluster_options = Options(Mapping("environment", {{}}, label="environment"))
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
    return number


def answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=5):
            return True
    except OSError:
        return False


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    """A gateway on loopback; gives the lines of a site file that lead to it."""
    folder = tmp_path_factory.mktemp("gateway")
    ports = {name: free_port() for name in ("api", "web", "tcp")}
    file = folder / "configuration.py"
    file.write_text(
        CONFIGURATION.format(folder=folder, programs=Path(sys.executable).parent, **ports)
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            [str(SERVER), "-f", str(file)], stdout=log, stderr=log, start_new_session=True,
            cwd=folder,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not answers(f"http://127.0.0.1:{ports['web']}/api/health"):
            assert time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        yield (
            '[clusters.facility]\nkind = "gateway"\nauth = "basic"\n'
            f'address = "http://127.0.0.1:{ports["web"]}"\n'
            f'proxy_address = "gateway://127.0.0.1:{ports["tcp"]}"\n'
        )
    finally:
        server.terminate()
        server.wait(30)


def test_a_gateway_starts_and_ends_a_cluster(gateway, tmp_path):
    """Fails if options do not reach the gateway, or its cluster outlives the run."""
    from dask_gateway import Gateway

    site = tmp_path / "site.toml"
    site.write_text(gateway + 'maximum = 2\nenvironment = { GREETING = "hello" }\n')
    with connect(cluster="facility", site=site, wait=120) as client:
        assert client.submit(os.getenv, "GREETING").result(timeout=60) == "hello"
        address = client.cluster.gateway.address
        assert len(Gateway(address, auth="basic").list_clusters()) == 1
        assert client.dashboard_link.startswith(address)
    assert Gateway(address, auth="basic").list_clusters() == []


def test_an_option_that_is_not_offered_is_named(gateway, tmp_path):
    """Fails if a misspelt option is dropped, or ends in an error of the web."""
    site = tmp_path / "site.toml"
    site.write_text(gateway + 'options = { enviroment = "x" }\n')
    with (
        raises("clusters.unknown-option", InputError, path="enviroment", mentions="'environment'"),
        connect(cluster="facility", site=site),
    ):
        pass
