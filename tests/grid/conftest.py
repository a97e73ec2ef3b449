"""Certificates of our own, proxies, and clusters in the tests' own folder."""

from __future__ import annotations

from contextlib import contextmanager
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


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, authority: Authority) -> None:
    """What the clients of all processes of a test are told; no proxy is among it."""
    monkeypatch.delenv("X509_USER_PROXY", raising=False)
    monkeypatch.setenv("X509_CERT_DIR", str(authority.folder))
    monkeypatch.setenv("XRD_CONNECTIONWINDOW", "3")
    monkeypatch.setenv("XRD_CONNECTIONRETRY", "2")
    monkeypatch.setenv("XRD_TIMEOUTRESOLUTION", "1")


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """Where workers have their folders."""
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def start_cluster(
    environment: None, scratch: Path
) -> Callable[..., AbstractContextManager[Client]]:
    """Gives clients of clusters of one worker, or as the arguments say."""
    import dask
    from distributed import Client, LocalCluster

    usual = {"n_workers": 1, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}

    @contextmanager
    def start(**options: Any) -> Iterator[Client]:
        with (
            dask.config.set({"distributed.deploy.lost-worker-timeout": "5m"}),
            LocalCluster(local_directory=str(scratch), **(usual | options)) as started,
            Client(started) as client,
        ):
            yield client

    return start


@pytest.fixture
def cluster(start_cluster: Callable[..., AbstractContextManager[Client]]) -> Iterator[Client]:
    """A client of a new cluster of one worker."""
    with start_cluster() as client:
        yield client
