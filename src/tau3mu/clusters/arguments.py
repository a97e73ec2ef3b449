"""What a site file says as the arguments of dask's own class for the kind of cluster."""

from __future__ import annotations

import secrets
import shlex
import sys
from typing import TYPE_CHECKING, Any

from tau3mu.clusters.kinds import (
    Batch,
    Gateway,
    HTCondor,
    Kubernetes,
    Local,
    Slurm,
    n_bytes,
    n_seconds,
)
from tau3mu.errors import InputError

if TYPE_CHECKING:
    from tau3mu.clusters.kinds import Workers

__all__ = ["arguments_of"]

_LOOPBACK = "127.0.0.1:0"  # of dashboards: nobody else can reach them


def arguments_of(cluster: Workers) -> dict[str, Any]:
    """Returns the arguments of dask's class for a cluster, or the options for a gateway.

    Raises:
        InputError: `options` says what another key says.
    """
    if isinstance(cluster, Batch):
        arguments = _of_batch(cluster)
    elif isinstance(cluster, Kubernetes):
        arguments = _of_kubernetes(cluster)
    elif isinstance(cluster, Gateway):
        arguments = {"image": cluster.image} if cluster.image else {}
        arguments |= {"environment": cluster.environment} if cluster.environment else {}
    else:
        arguments = _of_local(cluster)
    return _with_options(arguments, cluster.options)


def _of_local(cluster: Workers) -> dict[str, Any]:
    arguments: dict[str, Any] = {
        "n_workers": cluster.bounds[0],
        "threads_per_worker": 1,
        "dashboard_address": _LOOPBACK,
        "silence_logs": "ERROR",
        "preload": ["tau3mu.execution.chunk"],  # else the first chunks wait for the imports
    }
    if cluster.environment:
        arguments["env"] = cluster.environment
    if isinstance(cluster, Local) and cluster.memory:
        arguments["memory_limit"] = n_bytes(cluster.memory)
    return arguments


def _of_batch(cluster: Batch) -> dict[str, Any]:
    exports = [f"export {name}={shlex.quote(v)}" for name, v in cluster.environment.items()]
    arguments: dict[str, Any] = {
        "cores": cluster.cores,
        "processes": cluster.cores,
        "memory": f"{n_bytes(cluster.memory)} B",
        "job_script_prologue": exports + cluster.prologue,
        "log_directory": str(cluster.log_directory),
        "shared_temp_directory": str(cluster.shared_temp_directory),
        "python": cluster.python or sys.executable,
        "scheduler_options": {"dashboard_address": _LOOPBACK},
        "worker_extra_args": [],
        "silence_logs": "ERROR",
    }
    if cluster.interface:
        arguments["interface"] = cluster.interface
    if cluster.walltime:
        # Workers leave, and hand their work over, before the batch system kills them.
        seconds = n_seconds(cluster.walltime)
        arguments["worker_extra_args"] += ["--lifetime", f"{round(0.9 * seconds)}s"]
        arguments["worker_extra_args"] += ["--lifetime-stagger", f"{round(0.05 * seconds)}s"]
    return arguments | (_of_slurm(cluster) if isinstance(cluster, Slurm) else _of_condor(cluster))


def _of_slurm(cluster: Slurm) -> dict[str, Any]:
    given = {"queue": cluster.queue, "account": cluster.project, "walltime": cluster.walltime}
    arguments: dict[str, Any] = {name: value for name, value in given.items() if value}
    return arguments | {"job_extra_directives": cluster.job_extra_directives}


def _of_condor(cluster: Batch) -> dict[str, Any]:
    directives: dict[str, Any] = {}
    if cluster.project:
        directives["accounting_group"] = cluster.project
    if cluster.walltime:
        directives["allowed_job_duration"] = n_seconds(cluster.walltime)
    if not isinstance(cluster, HTCondor):
        return {}
    return {
        "disk": f"{n_bytes(cluster.disk)} B",
        "job_extra_directives": directives | cluster.job_extra_directives,
    }


def _of_kubernetes(cluster: Kubernetes) -> dict[str, Any]:
    resources = {"cpu": "1", "memory": str(n_bytes(cluster.memory))}
    arguments: dict[str, Any] = {
        "name": f"tau3mu-{secrets.token_hex(4)}",
        "image": cluster.image,
        "n_workers": cluster.bounds[0],
        "resources": {"requests": resources, "limits": resources},
        "env": cluster.environment,
        "worker_command": ["dask", "worker", "--nthreads", "1"],
        "quiet": True,
    }
    return arguments | ({"namespace": cluster.namespace} if cluster.namespace else {})


def _with_options(arguments: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Returns the arguments and the options; objects and lists of both are put together."""
    merged = dict(arguments)
    for name, value in options.items():
        ours = arguments.get(name)
        if isinstance(ours, dict) and isinstance(value, dict):
            merged[name] = ours | value
        elif isinstance(ours, list) and isinstance(value, list):
            merged[name] = ours + value
        elif ours is None:
            merged[name] = value
        else:
            message = f"site file: options.{name} is set by a key of its own: remove it there"
            raise InputError(message)
    return merged
