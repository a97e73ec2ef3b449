"""Tasks of workers in the tests of grid proxies, in a module that they can import."""

from __future__ import annotations

import os
import time
from pathlib import Path


def read_file(url: str) -> int | str:
    """Returns the size of what XRootD's client reads of a URL, or why it reads nothing."""
    from XRootD.client import File
    from XRootD.client.flags import OpenFlags

    file = File()
    status, _ = file.open(url, OpenFlags.READ, timeout=10)
    if not status.ok:
        return str(status.message)
    status, content = file.read(timeout=10)
    file.close()
    return len(content) if status.ok else str(status.message)


def look(dask_worker: object) -> tuple[str | None, int | None, bytes | None]:
    """Returns the variable, and mode and content of the proxy in the worker's folder."""
    path = Path(dask_worker.local_directory) / "x509up"
    variable = os.environ.get("X509_USER_PROXY")
    if not path.exists():
        return variable, None, None
    return variable, path.stat().st_mode & 0o7777, path.read_bytes()


def plugins(dask_scheduler: object) -> list[str]:
    """Returns the names of all plugins that a scheduler has, for itself or for workers."""
    return [*dask_scheduler.plugins, *dask_scheduler.worker_plugins]


def count_absences(seconds: float) -> tuple[int, int]:
    """Returns how often it has looked for the worker's proxy, and how often there was none."""
    from distributed import get_worker

    path = Path(get_worker().local_directory) / "x509up"
    looks = absent = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        looks += 1
        absent += not path.exists()
    return looks, absent


def read_chunk(url: str, uuid: str, start: int, stop: int) -> tuple[int, str, str]:
    """Returns how many events there are, the kind and the text of the error, if any."""
    from tau3mu.ntuples import ReadError, read_events

    try:
        reading = read_events(
            [url], tree="Tree3Mu/ntuple", layout="t3m", branches=["evt", "MuonPt"],
            start=start, stop=stop, uuid=uuid, metadata={},
        )  # fmt: skip
    except ReadError as error:
        return 0, error.kind, str(error)
    return len(reading.events), "", ""
