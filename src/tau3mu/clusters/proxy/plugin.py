"""The parts of distributing a grid proxy that happen on Dask workers and at their scheduler."""

from __future__ import annotations

import asyncio
import os
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distributed import SchedulerPlugin, Status, WorkerPlugin

from tau3mu.clusters.proxy.proxy import VARIABLE

if TYPE_CHECKING:
    from distributed import Scheduler, Worker

__all__ = ["ProxyPlugin", "WithdrawalPlugin", "withdraw"]

_PROCESS: Final = secrets.token_hex(8)
"""A name that no other process has, on whatever machine."""

_ENDING: Final = {Status.closing, Status.closed, Status.failed}

_guards: dict[Path, subprocess.Popen[bytes]] = {}


class ProxyPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed is partly annotated
    """Writes the user's proxy on a worker, before its first task, and removes it at the end.

    The scheduler gives it to workers that join or restart later as well. A process can use one
    proxy only, at the path that XRootD's client has read from the environment once and for all.
    So all plugins on a worker, those of other runs and a renewed one, write the same file: it is
    that of the newest, and it goes with the last.
    """

    def __init__(self, name: str, content: bytes) -> None:
        """Creates the plugin, which carries the proxy with its key, as PEM, to the workers."""
        self.name = name
        self._content = content
        self._driver = _PROCESS

    def __repr__(self) -> str:
        """Returns the name, and nothing of the content."""
        return f"<{type(self).__name__} {self.name}>"

    def setup(self, worker: Worker) -> None:
        """Writes the proxy into the worker's folder and tells XRootD's client of it."""
        if self._driver == _PROCESS:
            return  # a worker inside the driver's process uses the driver's file
        path = _path(worker)
        _remove_with_process(path)
        _replace(path, self._content)
        os.environ[VARIABLE] = str(path)

    def teardown(self, worker: Worker) -> None:
        """Puts back the proxy that was there before, of another run, or removes the file."""
        if self._driver == _PROCESS:
            return
        path = _path(worker)
        others = [one for one in worker.plugins.values() if isinstance(one, ProxyPlugin)]
        if others and worker.status not in _ENDING:
            _replace(path, others[-1]._content)
            return
        path.unlink(missing_ok=True)
        if guard := _guards.pop(path, None):
            guard.communicate()
        if os.environ.get(VARIABLE) == str(path):
            del os.environ[VARIABLE]


class WithdrawalPlugin(SchedulerPlugin):  # type: ignore[misc]
    """Removes the proxy of a run from the workers when its driver is gone, in whatever way."""

    def __init__(self, name: str, client: str) -> None:
        """Creates the plugin.

        Args:
            name: The beginning of the names of the run's `ProxyPlugin`s.
            client: The id of the driver's client.
        """
        self.name = name
        self._client = client

    def remove_client(self, scheduler: Scheduler, client: str) -> None:
        """Removes the proxy if the connection that has ended is that of the driver."""
        if client == self._client:
            scheduler.loop.add_callback(withdraw, scheduler, self.name)


async def withdraw(dask_scheduler: Scheduler, name: str) -> list[str]:
    """Removes the proxy of a run from all workers, and from those to come.

    Args:
        dask_scheduler: Given by Dask.
        name: The beginning of the names of the run's `ProxyPlugin`s.

    Returns:
        The problems; none if no worker has the proxy any more.
    """
    dask_scheduler.plugins.pop(name, None)
    names = [one for one in dask_scheduler.worker_plugins if one.startswith(f"{name}-")]
    answers = await asyncio.gather(
        *(dask_scheduler.unregister_worker_plugin(comm=None, name=one) for one in names),
        return_exceptions=True,
    )
    problems = []
    for answer in answers:
        if isinstance(answer, BaseException):
            problems.append(f"{type(answer).__name__}: {answer}")
        else:
            problems += [
                f"{worker}: {said['exception_text']}"
                for worker, said in answer.items()
                if said["status"] == "error"
            ]
    return problems


def _path(worker: Worker) -> Path:
    return Path(worker.local_directory) / "x509up"


def _remove_with_process(path: Path) -> None:
    """Has a file removed when this process ends, in whatever way.

    A worker that is killed, or whose driver is, cleans up nothing by itself.
    """
    if path not in _guards:
        # Its input ends when this process does, which is all that it waits for; the signals that
        # end a group of processes do not reach it.
        _guards[path] = subprocess.Popen(
            ["/bin/sh", "-c", 'read -r _; rm -f -- "$1"', "sh", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _replace(path: Path, content: bytes) -> None:
    # Nobody else can read the new file or have put a link in its place: mkstemp creates with
    # mode 0600, O_EXCL and O_NOFOLLOW.
    descriptor, name = tempfile.mkstemp(prefix=".x509up-", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
