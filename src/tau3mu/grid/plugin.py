"""The part of shipping a grid proxy that happens on Dask workers."""

from __future__ import annotations

import os
import secrets
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from distributed import Status, WorkerPlugin

from tau3mu.grid.proxy import VARIABLE

if TYPE_CHECKING:
    from distributed import Worker

__all__ = ["NAME", "ProxyPlugin", "withdraw"]

NAME: Final = "tau3mu-x509-proxy"

_PROCESS: Final = secrets.token_hex(8)
"""Tells this process from all others, on whatever machine."""

_guards: dict[Path, subprocess.Popen[bytes]] = {}


class ProxyPlugin(WorkerPlugin):  # type: ignore[misc]  # distributed is partly annotated
    """Gives a worker the user's proxy, before its first task, and takes it away with the worker.

    The scheduler gives it to workers that join or restart later as well. Registered again with a
    renewed proxy, it replaces the file in one step, at the path that XRootD's client has read
    from the environment once and for all.
    """

    name = NAME

    def __init__(self, content: bytes) -> None:
        """Takes the proxy with its key, as PEM, along to the workers."""
        self._content = content
        self._driver = _PROCESS

    def __repr__(self) -> str:
        """Returns the name, and nothing of the content."""
        return f"<{type(self).__name__} {NAME}>"

    def setup(self, worker: Worker) -> None:
        """Writes the proxy into the worker's folder and tells XRootD's client of it."""
        if self._driver == _PROCESS:
            return  # a worker inside the driver's process uses the driver's file
        path = _path(worker)
        _remove_with_process(path)
        _replace(path, self._content)
        os.environ[VARIABLE] = str(path)

    def teardown(self, worker: Worker) -> None:
        """Removes the proxy if the worker ends.

        When another proxy replaces this one, the file stays until it is replaced: a connection
        that is made in between would find none.
        """
        if worker.status in {Status.closing, Status.closed, Status.failed}:
            withdraw(worker)


def withdraw(dask_worker: Worker) -> None:
    """Removes the proxy from a worker."""
    path = _path(dask_worker)
    path.unlink(missing_ok=True)
    if guard := _guards.pop(path, None):
        guard.communicate()
    if os.environ.get(VARIABLE) == str(path):
        del os.environ[VARIABLE]


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
