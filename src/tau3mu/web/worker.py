"""The worker: a process beside the server for what needs the libraries of the analysis."""

from __future__ import annotations

import multiprocessing
import threading
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

__all__ = ["Worker", "worker"]

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Worker:
    """Starts a process when there is something to do."""

    def __init__(self) -> None:
        """Creates the object; nothing is started."""
        self._lock = threading.Lock()
        self._pool: ProcessPoolExecutor | None = None

    def run(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Returns what a function returns in the process of the worker.

        Args:
            function: At the top of a module.
            *args: That can be pickled.
            **kwargs: Likewise.
        """
        with self._lock:
            if self._pool is None:
                spawn = multiprocessing.get_context("spawn")
                self._pool = ProcessPoolExecutor(1, mp_context=spawn)
            pool = self._pool
        return pool.submit(function, *args, **kwargs).result()

    def close(self) -> None:
        """Ends the process."""
        with self._lock:
            if self._pool is not None:
                self._pool.shutdown(cancel_futures=True)
                self._pool = None


def worker(request: Request) -> Worker:
    """Returns the worker of the server.

    Args:
        request: What was asked.
    """
    return cast("Worker", cast("Any", request.app.state).worker)
