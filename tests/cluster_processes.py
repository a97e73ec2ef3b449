"""A Dask cluster of real processes on loopback, which can be killed, stopped and continued.

`dask scheduler` and `dask worker` each lead a process group of their own, so that a signal reaches
a nanny together with its worker; nothing is left when the context ends, whatever was done to them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

START_TIMEOUT = 120.0

# Read by the processes as their configuration, as the schedulers that we start ourselves have it.
SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "3",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


@dataclass
class Process:
    """A process that leads its own group; signals go to all of it."""

    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Of the leader of the group: the scheduler, a nanny, or a worker without nanny."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether the leader runs (or is stopped)."""
        return self.popen.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the whole group, if there still is one."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL for all, and waits for the end of the leader."""
        self.send(signal.SIGKILL)
        self.popen.wait(30)

    def stop(self) -> None:
        """SIGSTOP: all are there, none does anything."""
        self.send(signal.SIGSTOP)

    def cont(self) -> None:
        """SIGCONT: they go on."""
        self.send(signal.SIGCONT)

    def text(self) -> str:
        """What they have written so far."""
        return self.log.read_text(errors="replace")


@dataclass
class ClusterProcesses:
    """A scheduler and workers; a context manager.

    Attributes:
        folder: Where logs, the scheduler file and the scratch folders of the workers are.
        environment: Added to the environment of all processes.
        scheduler_options: Further words of the command line of `dask scheduler`.
        worker_options: Further words of the command line of `dask worker`.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    scheduler_options: Sequence[str] = ()
    worker_options: Sequence[str] = ()
    scheduler: Process = field(init=False)
    workers: list[Process] = field(init=False, default_factory=list)
    address: str = field(init=False, default="")

    def __enter__(self) -> Self:
        """Starts the scheduler, on a free port of 127.0.0.1, and waits until it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = self.folder / "scheduler.json"
        place.unlink(missing_ok=True)
        self.scheduler = self._start(
            "scheduler", "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--scheduler-file", str(place), *self.scheduler_options,
        )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT
        while not self.address:
            assert self.scheduler.alive, self.scheduler.text()
            assert time.monotonic() < deadline, self.scheduler.text()
            time.sleep(0.1)
            with suppress(OSError, ValueError):
                self.address = json.loads(place.read_text())["address"]
        return self

    def __exit__(self, *_: object) -> None:
        """Kills all, also those that are stopped."""
        for process in [*self.workers, self.scheduler]:
            process.kill()

    def add_worker(self, *options: str) -> Process:
        """Starts one more worker, of one thread and with a nanny; it joins some seconds later."""
        name = f"worker-{len(self.workers)}"
        worker = self._start(
            name, "worker", self.address, "--host", "127.0.0.1", "--nthreads", "1",
            "--no-dashboard", "--name", name, "--local-directory", str(self.folder / name),
            "--memory-limit", "0", *self.worker_options, *options,
        )  # fmt: skip
        self.workers.append(worker)
        return worker

    def _start(self, name: str, *words: str) -> Process:
        log = self.folder / f"{name}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", "dask", *words],
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **SETTINGS, **self.environment},
            )
        return Process(popen, log)
