"""Settings of the schedulers that are started here, and whether a client hears its scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["PRELOAD", "SCHEDULER_SETTINGS", "WORKER_ENVIRONMENT", "is_connected"]

PRELOAD: Final = "tau3mu.execution.preload"
"""What workers import as they start, else the first chunks wait for it."""

WORKER_ENVIRONMENT: Final = {
    # Dask's own setting gives memory back after every array, and has it zeroed for the next.
    "MALLOC_TRIM_THRESHOLD_": 256 << 20,
    "MALLOC_MMAP_THRESHOLD_": 32 << 20,
    "OMP_NUM_THREADS": 1,
    "MKL_NUM_THREADS": 1,
    "OPENBLAS_NUM_THREADS": 1,
}

# For schedulers that we start. A worker that died needs longer than the default of 15 s to import
# its packages again; with that default its nanny is closed and a cluster without workers hangs.
# Chunks that wait at the scheduler, not at a worker, are not suspected when that worker dies.
SCHEDULER_SETTINGS: Final[dict[str, Any]] = {
    "distributed.deploy.lost-worker-timeout": "5m",
    "distributed.scheduler.no-workers-timeout": "10m",
    "distributed.scheduler.allowed-failures": 3,
    "distributed.scheduler.worker-ttl": "5m",
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.profile.interval": "100ms",
    "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
}


def is_connected(client: Client) -> bool:
    """Returns whether the client still hears its scheduler; costs nothing.

    Args:
        client: Of a cluster.
    """
    stream = client.scheduler_comm
    return client.status == "running" and stream is not None and not stream.closed()
