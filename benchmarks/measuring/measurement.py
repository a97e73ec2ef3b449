"""Measurements: time, CPU, memory and bytes read of a command and its children, and of workers."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import psutil

from measuring import launcher
from tau3mu.errors import RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Usage", "measure", "usage_of_workers", "usage_since"]

_INTERVAL = 0.2  # seconds between looks at the process tree; each costs some milliseconds of CPU
_LAST_LINES = 15
_WorkerUsage = tuple[float, int]


@dataclass(frozen=True)
class Usage:
    """The time, memory and input of a command.

    Attributes:
        started: When it was started, in seconds since the epoch.
        wall: Seconds until it ended.
        cpu: Seconds of CPU, user and system, of the command and all its children.
        peak: Bytes of memory of the largest of its processes, as the kernel counted.
        peak_tree: Bytes of memory of all its processes together, looked at five times a second;
            memory that they share counts in each.
        read: Bytes that it read from files, cached ones too; None where the system does not say.
    """

    started: float
    wall: float
    cpu: float
    peak: int
    peak_tree: int
    read: int | None


def measure(command: Sequence[str]) -> tuple[Usage, str]:
    """Runs a command and returns what it took and what it printed.

    Args:
        command: With its arguments.

    Raises:
        RunError: The command cannot be started, or ends with an exit code other than zero; the
            message has the last lines of its output for errors.
    """
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder) / "usage.json"
        launch = [sys.executable, "-I", "-S", str(launcher.__file__), str(result), *command]
        with (
            subprocess.Popen(
                launch, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as process,
            _watch(process.pid) as memory,
        ):
            output, errors = process.communicate()
        if process.returncode != 0:
            last = "\n".join(errors.strip().splitlines()[-_LAST_LINES:])
            message = f"{' '.join(command)}: exit code {process.returncode}\n{last}"
            raise RunError(message)
        took = json.loads(result.read_text())
    usage = Usage(
        started=took["started"],
        wall=took["wall"],
        cpu=took["cpu"],
        peak=took["peak"],
        peak_tree=max(took["peak"], *memory),
        read=took["read"],
    )
    return usage, output


@contextmanager
def _watch(pid: int) -> Iterator[list[int]]:
    """Yields a list that grows by the memory of all descendants of a process, until the end."""
    seen, ended = [0], Event()

    def look() -> None:
        while not ended.wait(_INTERVAL):
            with suppress(psutil.Error):
                seen.append(sum(map(_memory, psutil.Process(pid).children(recursive=True))))

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.Error:  # it has just ended
        return 0


def usage_of_workers(address: str) -> dict[str, _WorkerUsage]:
    """Returns the seconds of CPU and the peak memory in bytes of each worker since its start.

    Args:
        address: Of the scheduler.

    Raises:
        InputError: No scheduler answers at this address.
    """
    from tau3mu.clusters import connect

    with connect(address, insecure=True) as client:
        usage: dict[str, _WorkerUsage] = client.run(_own_usage)
    return usage


def usage_since(
    before: Mapping[str, _WorkerUsage], after: Mapping[str, _WorkerUsage]
) -> _WorkerUsage:
    """Returns the seconds of CPU of all workers in between, and the peak memory of the largest.

    A worker that came later counts from its start.

    Args:
        before: From `usage_of_workers`.
        after: From a later `usage_of_workers`.
    """
    cpu = sum(seconds - before.get(name, (0.0, 0))[0] for name, (seconds, _) in after.items())
    return cpu, max((peak for _, peak in after.values()), default=0)


def _own_usage() -> _WorkerUsage:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * launcher.KILOBYTE
