"""One process of a command that imports the package for all its workers, which are forks of it.

Each worker would import for itself what takes a second of computing. The process has no threads of
Python when it forks. It keeps the environment with which it began, so it is for processes that run
one command.
"""

from __future__ import annotations

import os
import signal
import sys
from multiprocessing import forkserver, get_context, resource_tracker
from typing import TYPE_CHECKING, Any, Final

from tau3mu.clusters.dask_settings import PRELOAD, WORKER_ENVIRONMENT
from tau3mu.console.cli import is_command

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

__all__ = ["dask_settings", "forks", "start_forking"]

_METHOD: Final = "distributed.worker.multiprocessing-method"
_begun: list[bool] = []


def start_forking(*modules: str) -> None:
    """Begins to import what workers of this machine need, if this process is a command.

    Args:
        modules: What they need beside the package.
    """
    if _begun or sys.platform != "linux" or not is_command():
        return
    get_context("forkserver").set_forkserver_preload([PRELOAD, *modules])
    resource_tracker.ensure_running()  # begun on demand, it would unblock the signal again
    before = dict(os.environ)
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # which forks inherit
    try:
        os.environ |= {name: str(value) for name, value in WORKER_ENVIRONMENT.items()}
        forkserver.ensure_running()
        _begun.append(True)
    finally:
        for name in WORKER_ENVIRONMENT:
            del os.environ[name]
        os.environ |= before
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def forks() -> ForkServerContext | None:
    """Returns the context of processes that are forks, None if that has not begun."""
    return get_context("forkserver") if _begun else None


def dask_settings() -> dict[str, Any]:
    """Returns the settings by which Dask's workers of this machine are forks, if that has begun."""
    import dask
    import distributed.utils

    if not _begun or dask.config.get(_METHOD) != "spawn":
        return {}
    # Dask would import all packages whose versions it compares, here, to have them imported there.
    distributed.utils._forkserver_preload_set = True
    return {_METHOD: "forkserver"}
