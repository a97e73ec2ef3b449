"""The worker: a process beside the server for what needs the libraries of the analysis.

It starts when there is something to do, does one thing after the other, and ends after a minute
without work, so that the server itself stays small.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import threading
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar, cast

from tau3mu.errors import RunError
from tau3mu.web.worker_cache import Cache
from tau3mu.web.worker_process import answer_requests

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

    from starlette.requests import Request

__all__ = ["Worker", "worker"]

_P = ParamSpec("_P")
_R = TypeVar("_R")

_IDLE: Final = 60.0  # seconds
_LONGEST: Final = 300.0
_WAITING: Final = 24
"""So many wait at most, of the 40 threads that answer: the others are for the other pages."""
_END: Final = 5.0


class Worker:
    """Calls functions in a process of its own, one after the other."""

    def __init__(self, *, idle: float = _IDLE, longest: float = _LONGEST) -> None:
        """Creates the object; nothing is started.

        Args:
            idle: Seconds without work after which the process ends.
            longest: Seconds that a function may take.
        """
        self._idle = idle
        self._longest = longest
        self._cache = Cache()
        self._queue = threading.BoundedSemaphore(_WAITING)
        self._turn = threading.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        self._timer: threading.Timer | None = None
        self._closed = threading.Event()

    @property
    def process(self) -> int | None:
        """The id of the process, None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def run(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """Returns what a function returns in the process of the worker.

        What it has returned for the same arguments is returned again, unless the files that the
        paths among them name have changed.

        Args:
            function: At the top of a module.
            *args: That can be pickled.
            **kwargs: Likewise.

        Raises:
            Tau3muError: The function raised it.
            RunError: It raised another error, took too long or ended its process; or too many
                others wait.
        """
        key = self._cache.key(function, args, kwargs)
        if (known := self._cache.get(key)) is not None:
            return cast("_R", pickle.loads(known))
        if not self._queue.acquire(blocking=False):
            message = "too much is asked for at the same time: load the page again in a moment"
            raise RunError(message, code="web.busy")
        try:
            with self._turn:
                answer = self._cache.get(key)  # of somebody who asked the same before
                if answer is None:
                    answer = self._asked(pickle.dumps((function, args, kwargs)), function.__name__)
                    self._cache.put(key, answer)
        finally:
            self._queue.release()
        return cast("_R", pickle.loads(answer))

    def close(self) -> None:
        """Ends the process, whatever it does; nothing is started any more."""
        self._closed.set()
        self._end(wait=0.0)

    def _asked(self, question: bytes, name: str) -> bytes:
        """Returns what the process returns to one question, pickled; raises its errors."""
        if self._timer is not None:
            self._timer.cancel()
        pipe = self._started()
        try:
            pipe.send_bytes(question)
            if not pipe.poll(self._longest):
                self._end(wait=0.0)
                message = f"{name} took longer than {self._longest:g} s, and was ended"
                raise RunError(message, code="web.worker-time", path=name)
            answer = pipe.recv_bytes()
        except (EOFError, OSError) as error:
            ended = self._end(wait=_END)
            message = f"the process of {name} ended (exit code {ended}): was memory short?"
            raise RunError(message, code="web.worker-lost", path=name) from error
        self._timer = threading.Timer(self._idle, self._rest)
        self._timer.daemon = True
        self._timer.start()
        raised, value = cast("tuple[Exception | None, bytes]", pickle.loads(answer))
        if raised is not None:
            raise raised
        return value

    def _started(self) -> Connection:
        if self._closed.is_set():
            message = "the server is ending"
            raise RunError(message, code="web.busy")
        process, pipe = self._process, self._pipe
        if process is not None and pipe is not None and process.is_alive():
            return pipe
        self._end(wait=_END)
        spawn = multiprocessing.get_context("spawn")
        pipe, other = spawn.Pipe()
        process = spawn.Process(target=answer_requests, args=(other,), daemon=False)
        # Ctrl-C in a terminal is for the server, which ends the worker: not for both at once.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        other.close()
        self._process, self._pipe = process, pipe
        if self._closed.is_set():  # in the meantime, when there was nothing to end yet
            self._end(wait=0.0)
        return pipe

    def _rest(self) -> None:
        """Ends the process because it has had nothing to do."""
        if self._turn.acquire(blocking=False):
            try:
                self._end(wait=_END)
            finally:
                self._turn.release()

    def _end(self, wait: float) -> int | None:
        """Ends the process, at once or when it has seen that nothing comes any more."""
        process, pipe, timer = self._process, self._pipe, self._timer
        self._process = self._pipe = self._timer = None
        if timer is not None:
            timer.cancel()
        if process is None or pipe is None:
            return None
        if wait:
            pipe.close()
            process.join(wait)
        if process.is_alive():
            process.kill()
            process.join()
        pipe.close()
        code = process.exitcode
        process.close()
        return code


def worker(request: Request) -> Worker:
    """Returns the worker of the server.

    Args:
        request: What was asked.
    """
    return cast("Worker", cast("Any", request.app.state).worker)
