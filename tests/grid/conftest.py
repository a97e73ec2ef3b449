"""Certificates of our own, proxies, and clusters in the tests' own folder."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from distributed import Client
    from grid_authority import Authority

    from tau3mu.clusters.proxy import Proxy


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs everything in these tests."""
    from grid_authority import Authority

    return Authority(tmp_path_factory.mktemp("grid") / "certificates")


@pytest.fixture
def make_proxy(authority: Authority, tmp_path: Path) -> Callable[..., Proxy]:
    """Writes a proxy, see `Authority.proxy`; always to the same path."""
    from tau3mu.clusters.proxy import Proxy

    def make(**properties: Any) -> Proxy:
        return Proxy(authority.proxy(tmp_path / "x509up_test", **properties))

    return make


@pytest.fixture(scope="session")
def environment_of_all(authority: Authority) -> dict[str, str]:
    """What the clients of all processes are told; no proxy is among it."""
    return {
        "X509_CERT_DIR": str(authority.folder),
        "XRD_CONNECTIONWINDOW": "3",
        "XRD_CONNECTIONRETRY": "2",
        "XRD_TIMEOUTRESOLUTION": "1",
    }


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, environment_of_all: dict[str, str]) -> None:
    """Tells it to the processes of a test."""
    monkeypatch.delenv("X509_USER_PROXY", raising=False)
    for name, value in environment_of_all.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workers have their folders."""
    return tmp_path_factory.mktemp("scratch")


# Workers have the environment of the test: they are no forks of a process that began before it.
SETTINGS = {
    "distributed.deploy.lost-worker-timeout": "5m",
    "distributed.worker.multiprocessing-method": "spawn",
}


@contextmanager
def _clients(scratch: Path, **options: Any) -> Iterator[Client]:
    import dask
    from distributed import Client, LocalCluster

    usual = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set(SETTINGS),
        LocalCluster(local_directory=str(scratch), **(usual | options)) as started,
        Client(started) as client,
    ):
        yield client


@pytest.fixture
def start_cluster(
    environment: None, scratch: Path
) -> Callable[..., AbstractContextManager[Client]]:
    """Gives clients of clusters of one worker, or as the arguments say."""
    return partial(_clients, scratch)


@pytest.fixture(scope="session")
def cluster_of_all(scratch: Path, environment_of_all: dict[str, str]) -> Iterator[Client]:
    """A client of a cluster of one worker, which is started once: it takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("X509_USER_PROXY", raising=False)
        for name, value in environment_of_all.items():
            patch.setenv(name, value)
        started = _clients(scratch)
        client = started.__enter__()
    yield client
    started.__exit__(None, None, None)


@pytest.fixture
def cluster(cluster_of_all: Client, environment: None) -> Client:
    """The cluster that tests share who leave it with one worker and without a proxy."""
    return cluster_of_all


@pytest.fixture
def new_cluster(start_cluster: Callable[..., AbstractContextManager[Client]]) -> Iterator[Client]:
    """A client of a cluster of one worker whose XRootD client has seen no proxy: it keeps them."""
    with start_cluster() as client:
        yield client
