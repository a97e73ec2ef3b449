"""Who checks the files of a run, if they are many: processes like those that will read them."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING

from tau3mu.cpus import usable_cpus
from tau3mu.execution.checking import inspect_by_workers
from tau3mu.ntuples.known_layouts import known_layouts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tau3mu.clusters.connection import Starting
    from tau3mu.clusters.proxy.proxy import Proxy
    from tau3mu.datasets.checked import Inspection
    from tau3mu.datasets.inspection import FileJob
    from tau3mu.datasets.preflight import InspectAll
    from tau3mu.run.settings import Settings

__all__ = ["who_checks"]


def who_checks(
    settings: Settings, proxy: Proxy | None, starting: Starting | None
) -> InspectAll | None:
    """Returns what checks many files, None if this process does it.

    Args:
        settings: How to run.
        proxy: The grid proxy, which workers of a cluster do not have yet.
        starting: The cluster of the run, if it is being started.
    """
    workers = settings.workers or usable_cpus()
    if settings.executor == "futures" and workers > 1:
        return partial(inspect_by_workers, workers=workers)
    if settings.executor != "dask" or (starting is None and settings.scheduler is None):
        return None
    if any(table.own for table in known_layouts().values()):
        return None  # tables of the working directory, which the workers may not have
    return partial(_by_cluster, settings, proxy, starting)


def _by_cluster(
    settings: Settings,
    proxy: Proxy | None,
    starting: Starting | None,
    jobs: Sequence[FileJob],
    take: Callable[[Inspection], object],
) -> list[Inspection]:
    from tau3mu.clusters import connect
    from tau3mu.clusters.proxy.distribution import distribute

    with ExitStack() as stack:
        client = stack.enter_context(
            connect(
                settings.scheduler,
                cluster=settings.cluster,
                site=settings.site,
                insecure=settings.insecure,
                starting=starting,
            )
        )
        if proxy is not None:
            stack.enter_context(distribute(client, proxy, insecure=settings.insecure))
        return inspect_by_workers(jobs, take, client=client)
