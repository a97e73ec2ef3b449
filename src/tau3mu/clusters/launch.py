"""Starts the clusters of a site file through dask's own classes for each kind."""

from __future__ import annotations

import asyncio
import importlib
import logging
import shutil
import signal
from typing import TYPE_CHECKING, Any, Final

from tau3mu.clusters.kinds import Batch, Gateway, Kubernetes, Local
from tau3mu.clusters.security import security_of
from tau3mu.errors import InputError, RunError, Tau3muError, suggest

if TYPE_CHECKING:
    from pathlib import Path

    from distributed import Security
    from distributed.deploy import Cluster as DaskCluster

    from tau3mu.clusters.kinds import Workers

__all__ = ["dask_class", "end", "launch"]

log = logging.getLogger(__name__)

_SUBMIT: Final = {"htcondor": "condor_submit", "slurm": "sbatch"}
_CLASSES: Final = {  # module, class, extra of this package
    "gateway": ("dask_gateway", "Gateway", "gateway"),
    "htcondor": ("dask_jobqueue", "HTCondorCluster", "jobqueue"),
    "kubernetes": ("dask_kubernetes.operator", "KubeCluster", "kubernetes"),
    "local": ("distributed", "LocalCluster", ""),
    "slurm": ("dask_jobqueue", "SLURMCluster", "jobqueue"),
}


def dask_class(cluster: Workers) -> Any:
    """Returns dask's class for the kind of a cluster; to be called in the main thread.

    Args:
        cluster: As described in a site file.

    Raises:
        InputError: Its package is not installed.
    """
    return _imported(*_CLASSES[cluster.kind])


def launch(dask: Any, cluster: Workers, *, insecure: bool) -> DaskCluster:
    """Returns a running cluster with its first workers asked for.

    Args:
        dask: Its class, from `dask_class`.
        cluster: As described in a site file.
        insecure: Whether the machines of a batch system talk without TLS.

    Raises:
        InputError: Dask's class refuses the arguments, or the keys would be open to others.
        RunError: The cluster does not start.
    """
    try:
        if isinstance(cluster, Gateway):
            return _scaled(_gateway_cluster(dask, cluster), cluster)
        if isinstance(cluster, Batch):
            return _scaled(_batch_cluster(dask, cluster, insecure=insecure), cluster)
        arguments = cluster.arguments()
        if isinstance(cluster, Local):
            arguments = _own_certificates(arguments) | arguments
        return _scaled(dask(**arguments), cluster)
    except Tau3muError:
        raise
    except (TypeError, ValueError) as error:
        at = f" at {cluster.address}" if isinstance(cluster, Gateway) and cluster.address else ""
        message = (
            f"a cluster of kind {cluster.kind!r}{at} cannot be started with these settings: {error}"
        )
        raise InputError(message, code="clusters.refused-settings") from error
    except Exception as error:  # of whatever class the client of a batch system or of the web has
        message = f"the cluster did not start: {type(error).__name__}: {error}"
        raise RunError(message, code="clusters.not-started") from error


def _own_certificates(arguments: dict[str, Any]) -> dict[str, Any]:
    """Returns arguments that close a local cluster to the other users of this machine.

    Certificates for the time of a run take a tenth of a second. Without cryptography, which makes
    them, or with other connections asked for, there are none.
    """
    from distributed import Security

    if not arguments.get("processes", True) or arguments.keys() & {"protocol", "security"}:
        return {}
    try:
        return {"protocol": "tls", "security": Security.temporary()}
    except ImportError:
        log.info("other users of this machine can connect to the cluster: no cryptography here")
        return {}


def _imported(module: str, name: str, extra: str) -> Any:
    handler = signal.getsignal(signal.SIGINT)
    try:
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0].replace("_", "-")
        message = f"this kind of cluster needs {package}: pip install 'tau3mu[{extra}]'"
        raise InputError(message, code="clusters.not-installed", path=package) from error
    finally:  # dask-jobqueue turns Ctrl-C into a silent end when it is imported
        signal.signal(signal.SIGINT, handler)


def _batch_cluster(dask: Any, cluster: Batch, *, insecure: bool) -> Any:
    command = _SUBMIT[cluster.kind]
    if shutil.which(command) is None:
        message = f"there is no {command} on this machine: start where jobs can be submitted"
        raise InputError(message, code="clusters.no-batch-system", path=command)
    arguments = cluster.arguments()
    if not insecure:
        arguments["security"] = _security(cluster)
        _make_private(cluster.shared_temp_directory)
    errors: list[str] = []
    made = dask(job_cls=_job_class(dask.job_cls, errors), **arguments)
    made.submit_errors = errors
    return made


def _job_class(job: Any, errors: list[str]) -> Any:
    """Returns a class of jobs that keep the reason why they could not be submitted.

    Dask would drop it.
    """

    class Job(job):  # type: ignore[misc]
        async def start(self) -> None:
            try:
                await super().start()
            except (OSError, RuntimeError, ValueError) as error:
                errors.append(" ".join(str(error).split()))
                log.warning("a job could not be submitted: %s", errors[-1])
                self.status = Status.running

    from distributed import Status

    return Job


def _security(cluster: Batch) -> Security:
    from distributed import Security

    if cluster.tls is not None:
        return security_of(cluster.tls)
    try:
        return Security.temporary()
    except ImportError as error:
        message = (
            "certificates for a cluster of one run are made with cryptography: "
            "pip install 'tau3mu[jobqueue]', or name files under [tls] in the site file"
        )
        raise InputError(message, code="clusters.no-cryptography") from error


def _make_private(folder: Path) -> None:
    """Creates a folder for keys that nobody else may read."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        mode = folder.stat().st_mode & 0o777
    except OSError as error:
        message = f"site file: shared_temp_directory {folder}: {error.strerror}"
        raise InputError(message, code="clusters.keys-folder", path=folder) from error
    if mode & 0o077:
        message = (
            f"site file: shared_temp_directory {folder} holds keys and is open to others "
            f"(mode {mode:o}): chmod 700 {folder}"
        )
        raise InputError(message, code="clusters.open-keys-folder", path=folder)


def _gateway_cluster(dask: Any, cluster: Gateway) -> Any:
    gateway = dask(cluster.address, proxy_address=cluster.proxy_address, auth=cluster.auth)
    try:
        options, offered = cluster.arguments(), sorted(gateway.cluster_options())
        for name in options:
            if name not in offered:
                message = (
                    f"the gateway {gateway.address} has no option {name!r}"
                    f"{suggest(name, offered)}; it offers: {', '.join(offered) or 'none'}"
                )
                raise InputError(message, code="clusters.unknown-option", path=name)
        return gateway.new_cluster(**options)
    finally:
        gateway.close()
        _silence(gateway)


def _scaled(started: Any, cluster: Workers) -> Any:
    """Asks for the first workers, and for more as there is work if their number may change."""
    fewest, most = cluster.bounds
    try:
        if not isinstance(cluster, Kubernetes):
            started.scale(fewest)
        if most > fewest and isinstance(cluster, Kubernetes | Gateway):
            started.adapt(minimum=fewest, maximum=most)
        elif most > fewest:
            # No more than some chunks per worker wait at the scheduler at a time, so that little
            # waiting has to be enough for more workers; idle ones stay for half a minute.
            started.adapt(minimum=fewest, maximum=most, target_duration="1s", wait_count=30)
    except BaseException:
        end(started)
        raise
    return started


def end(started: Any) -> None:
    """Ends a cluster, and removes the keys that dask-jobqueue has written for its jobs.

    A cluster that does not end in time (on a busy machine, say) does not fail the run; workers of
    this machine end with this process.

    Args:
        started: The cluster, as `launch` returned it.
    """
    try:
        started.close()
    except (OSError, asyncio.TimeoutError) as error:
        log.warning("the cluster did not end in time: %s", type(error).__name__)
    finally:
        if (gateway := vars(started).pop("gateway", None)) is not None:
            _silence(gateway)
        for name in ("ca_file", "cert", "key"):
            if (file := getattr(started, f"_job_{name}", None)) is not None:
                file.close()


def _silence(gateway: Any) -> None:
    # Its destructor would close it once more, which fails with a message on the terminal.
    vars(gateway).pop("_loop_runner", None)
