"""Connections to Dask clusters: of this machine, at an address, and of a site file."""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from tau3mu.clusters.dask_settings import SCHEDULER_SETTINGS, is_connected
from tau3mu.clusters.forking import dask_settings, start_forking
from tau3mu.clusters.kinds import Batch, HTCondor, Local, Running, Slurm
from tau3mu.clusters.security import refuse_open_address, security_of
from tau3mu.clusters.site import load_site
from tau3mu.clusters.starting import Start, without_script
from tau3mu.clusters.versions import check_versions
from tau3mu.console.cli import first_import
from tau3mu.errors import InputError, RunError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from distributed import Client, Future

    from tau3mu.clusters.kinds import Cluster, Workers

__all__ = ["Starting", "connect", "start_cluster"]

log = logging.getLogger(__name__)

CONNECT_TIMEOUT = "10s"
OWN_TIMEOUT = "60s"  # to connect to a scheduler that is there: a machine may be busy
POLL = 0.5  # seconds between two looks at whether jobs could be submitted
_QUEUES = {"htcondor": "condor_q -better-analyze", "slurm": "squeue --me"}


@dataclass(frozen=True, eq=False)
class Starting:
    """A cluster that is being started.

    Attributes:
        asked: What is started.
        start: The thread that does it.
    """

    asked: Workers
    start: Start[Any]


@contextmanager
def start_cluster(
    *,
    workers: int | None = None,
    cluster: str | None = None,
    site: Path | None = None,
    insecure: bool = False,
    dashboard: bool = False,
) -> Iterator[Starting | None]:
    """Yields a local cluster at once that is being started, for `connect`; it ends with the block.

    Yields None for any other: jobs of others should wait until it is known that a run can begin.

    Args:
        workers: As for `connect`, which may ask for more.
        cluster: As for `connect`.
        site: As for `connect`.
        insecure: As for `connect`.
        dashboard: As for `connect`.

    Raises:
        InputError: The site file is wrong, or a package is missing.
    """
    asked = _asked(None, cluster, site, workers, dashboard=dashboard)
    if not isinstance(asked, Local):
        yield None
        return
    start_forking("distributed")
    with _starting(asked, insecure=insecure) as starting:
        yield starting


@contextmanager
def _starting(asked: Workers, *, insecure: bool) -> Iterator[Starting]:
    with first_import("distributed"):
        import dask
        import distributed  # noqa: F401 - with all that is imported below
        import numpy as np  # noqa: F401 - before workers start, see below

        from tau3mu.clusters.launch import dask_class, end, launch

    # While a worker starts, the environment of this process is that of the worker, in which the
    # libraries below NumPy have one thread.
    with dask.config.set({**SCHEDULER_SETTINGS, **dask_settings()}), without_script():
        kind = dask_class(asked)
        start = Start(lambda: launch(kind, asked, insecure=insecure), end)
        try:
            yield Starting(asked, start)
        finally:
            start.end()


@contextmanager
def connect(
    scheduler: Client | str | None = None,
    *,
    workers: int | None = None,
    cluster: str | None = None,
    site: Path | None = None,
    insecure: bool = False,
    dashboard: bool = False,
    starting: Starting | None = None,
    wait: float = 600.0,
    on_dashboard: Callable[[str], object] = lambda _: None,
) -> Iterator[Client]:
    """Yields a client of a cluster that has a worker and the same software as this process.

    A cluster that is started here ends with the block; a client that is given stays open.

    Args:
        scheduler: A client, or an address such as `tls://host:8786`.
        workers: Number of worker processes of a local cluster; by default one per CPU that this
            process may use.
        cluster: The name of a cluster in the site file, or a kind of cluster.
        site: The site file; by default that of `$TAU3MU_SITE` or `~/.config/tau3mu/site.toml`.
        insecure: Whether a scheduler on the network may do without TLS.
        dashboard: Whether a local cluster that is not of the site file has Dask's dashboard.
        starting: From `start_cluster`, which then ends it; it is not started once more.
        wait: Seconds to wait for the first worker.
        on_dashboard: Called with the address of the dashboard, if there is one.

    Raises:
        InputError: The site file is wrong, nothing answers at the address, the connection would be
            open to others, or versions differ.
        RunError: The cluster does not start, or no worker comes.
    """
    from distributed import Client

    asked: Cluster | Workers | None = None
    if starting is not None:
        asked = starting.asked
    elif not isinstance(scheduler, Client):
        asked = _asked(scheduler, cluster, site, workers, dashboard=dashboard)
    with ExitStack() as stack:
        if asked is None:
            client = scheduler
        elif isinstance(asked, Running):
            client = stack.enter_context(_client_at(asked, insecure=insecure))
        else:
            if starting is None:
                starting = stack.enter_context(_starting(asked, insecure=insecure))
            client = stack.enter_context(_client_of(starting, workers))
        _check_scheduler(client)
        _wait_for_worker(client, wait, asked)
        check_versions(client)
        if not isinstance(asked, Local) or asked.dashboard:
            _announce_dashboard(client, on_dashboard)
        yield client


def _asked(
    scheduler: str | None,
    cluster: str | None,
    site: Path | None,
    workers: int | None,
    *,
    dashboard: bool,
) -> Cluster:
    """Returns what to connect to; the certificates of the site file are those of its clusters."""
    if scheduler is not None and cluster is not None:
        message = "--scheduler and --cluster exclude each other"
        raise InputError(message, code="clusters.two-clusters")
    if scheduler is None and cluster is None:
        return Local(workers=workers, dashboard=dashboard)
    known = load_site(site)
    if scheduler is not None:
        return Running(address=scheduler, tls=known.tls)
    found = known.cluster(str(cluster))
    if isinstance(found, Running | Batch) and found.tls is None:
        return found.model_copy(update={"tls": known.tls})
    return found


@contextmanager
def _client_at(running: Running, *, insecure: bool) -> Iterator[Client]:
    from distributed import Client

    refuse_open_address(running.address, insecure=insecure)
    encrypted = running.address.startswith(("tls:", "wss:"))
    security = security_of(running.tls) if encrypted else None
    try:
        client = Client(running.address, timeout=CONNECT_TIMEOUT, security=security)
    except (OSError, ValueError) as error:
        raise _no_answer(running, error) from error
    with _closed(client):
        yield client


@contextmanager
def _closed(client: Client) -> Iterator[Client]:
    """Closes a client at the end, without errors in the log if its scheduler is gone.

    Dask would log tracebacks for both, although the loss has been reported already.
    """
    with client:
        try:
            yield client
        finally:
            logger = logging.getLogger("distributed.client")
            level = logger.level
            if not is_connected(client):
                logger.setLevel(logging.CRITICAL)
            try:
                client.close()
            finally:
                logger.setLevel(level)


def _no_answer(running: Running, error: BaseException) -> InputError:
    import ssl

    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None or "SSL" in str(error):
        message = (
            f"the scheduler at {running.address} and this client do not accept each other's "
            f"certificates: {cause or error}; compare ca_file on both sides"
        )
        return InputError(message, code="clusters.other-certificates", path=running.address)
    message = (
        f"no Dask scheduler answers at {running.address} (waited {CONNECT_TIMEOUT}): check the "
        f"address, or leave --scheduler out to start a local cluster ({error})"
    )
    return InputError(message, code="clusters.no-scheduler", path=running.address)


@contextmanager
def _client_of(starting: Starting, workers: int | None) -> Iterator[Client]:
    from distributed import Client

    started = starting.start.result()
    if workers is not None and workers > starting.asked.bounds[0]:
        started.scale(workers)
    with _closed(Client(started, timeout=OWN_TIMEOUT)) as client:
        yield client


def _check_scheduler(client: Client) -> None:
    """Compares the versions of a scheduler without workers, which may be unable to start any.

    Raises:
        InputError: Versions differ.
    """
    if not client.scheduler_info()["workers"]:
        check_versions(client)


def _wait_for_worker(client: Client, wait: float, asked: Cluster | Workers | None) -> None:
    """Waits until a worker has run a task, which also makes an idle cluster start one.

    Raises:
        RunError: No worker has in time, or the batch system takes no jobs.
    """
    if client.scheduler_info()["workers"]:
        return
    future = client.submit(os.getpid, pure=False)
    deadline = monotonic() + wait
    try:
        while not _is_done(future):
            if errors := getattr(client.cluster, "submit_errors", []):
                message = f"no job could be submitted: {errors[0]}"
                raise RunError(message, code="clusters.no-jobs")
            if monotonic() > deadline:
                raise RunError(_no_worker(wait, asked), code="clusters.no-worker")
    finally:
        future.cancel()


def _is_done(future: Future) -> bool:
    from distributed import TimeoutError as NotYet

    try:
        future.result(timeout=POLL)
    except NotYet:
        return False
    return True


def _no_worker(wait: float, asked: Cluster | Workers | None) -> str:
    if isinstance(asked, HTCondor | Slurm):
        return (
            f"no worker has come within {wait:g} s: see {_QUEUES[asked.kind]}, and the logs of "
            f"the jobs in {asked.log_directory}"
        )
    return f"no worker has come within {wait:g} s: is there room on the cluster?"


def _announce_dashboard(client: Client, on_dashboard: Callable[[str], object]) -> None:
    packages = client.get_versions(packages=["bokeh"])["scheduler"]["packages"]
    if not packages.get("bokeh"):
        log.info("no dashboard: the scheduler has no Bokeh")
        return
    link = client.dashboard_link
    if link:
        log.info("dashboard: %s", link)
        on_dashboard(link)
