"""What the workers of a running Dask cluster take: they are no children of the command."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING

from tau3mu.benchmark.launcher import KILOBYTE

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["usage_of_workers", "usage_since"]

_Usage = tuple[float, int]


def usage_of_workers(address: str) -> dict[str, _Usage]:
    """Returns the seconds of CPU and the peak memory in bytes of each worker since its start.

    Raises:
        InputError: No scheduler answers at this address.
    """
    from tau3mu.clusters import connect

    with connect(address, insecure=True) as client:
        usage: dict[str, _Usage] = client.run(_own_usage)
    return usage


def usage_since(before: Mapping[str, _Usage], after: Mapping[str, _Usage]) -> _Usage:
    """Returns the seconds of CPU of all workers in between, and the peak memory of the largest.

    A worker that came later counts from its start.
    """
    cpu = sum(seconds - before.get(name, (0.0, 0))[0] for name, (seconds, _) in after.items())
    return cpu, max((peak for _, peak in after.values()), default=0)


def _own_usage() -> _Usage:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KILOBYTE
