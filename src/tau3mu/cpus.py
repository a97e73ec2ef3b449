"""How many processes can work side by side on this machine, for every command that starts some."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["usable_cpus"]


def usable_cpus(root: Path = Path("/")) -> int:
    """Returns the CPUs that this process may use: its affinity, within the quotas of its cgroups.

    A batch system or a container gives a job some cores of a machine in one of these two ways.
    loky and Dask look only for one of the places where a quota may be.

    Args:
        root: Where `proc` and `sys` lie.
    """
    quotas = [math.ceil(quota) for quota in _quotas(root)]
    return max(1, min([_affinity(), *quotas]))


def _affinity() -> int:
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas(root: Path) -> Iterator[float]:
    """Yields the quotas, in CPUs, of the cgroups of this process and of those above them."""
    mount = root / "sys/fs/cgroup"
    for folder in _folders(root / "proc/self/cgroup", mount):
        for names in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            try:
                words = " ".join((folder / name).read_text() for name in names).split()
                quota, period = map(int, words)
            except (OSError, ValueError):  # no such file, or "max": no quota
                continue
            if quota > 0 and period > 0:  # -1 is no quota
                yield quota / period


def _folders(membership: Path, mount: Path) -> Iterator[Path]:
    """Yields where the quotas of both versions of cgroups may lie.

    A container may see the path of its cgroup on the host, but only its own part of the tree. So
    every folder up to the mount is looked into.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:  # no Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        for top in [controllers, "cpu"] if controllers else ["", "unified"]:
            folder = mount / top / path.lstrip("/")
            yield from (folder, *(above for above in folder.parents if above.is_relative_to(mount)))
