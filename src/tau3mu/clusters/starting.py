"""Starting a cluster, which takes seconds, such that Ctrl-C ends it in order."""

from __future__ import annotations

import signal
import sys
import threading
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Start", "without_script"]

_T = TypeVar("_T")


class Start(threading.Thread, Generic[_T]):
    """Starts one thing; no signal reaches this thread, nor any thread or process it starts.

    A terminal sends Ctrl-C to all of its processes, and workers that are interrupted in the middle
    of an import fill the screen with tracebacks. So everything is started in a thread that blocks
    the signal; threads and processes inherit this, and this process alone decides when they end.
    """

    def __init__(self, make: Callable[[], _T], discard: Callable[[_T], object]) -> None:
        """Begins to start it.

        Args:
            make: Starts something.
            discard: Ends it.
        """
        super().__init__(daemon=True, name="tau3mu-start")
        self._make, self._discard = make, discard
        self._made: list[_T] = []
        self._error: BaseException | None = None
        self._ending: threading.Thread | None = None
        self.start()

    def run(self) -> None:
        """Starts it, in the thread."""
        # Begun on demand, the tracker would unblock the signal again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._made.append(self._make())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._error = error

    def result(self) -> _T:
        """Returns what was started, once it is there, or raises the error of its start."""
        self.join()
        if self._error is not None:
            raise self._error
        return self._made[0]

    def end_soon(self) -> None:
        """Ends what was started, in another thread."""
        if self._ending is None:
            self._ending = threading.Thread(target=self._end, daemon=True, name="tau3mu-end")
            self._ending.start()

    def end(self) -> None:
        """Ends what was started, as soon as it is there, and waits for that."""
        if self._ending is None:
            self._end()
        else:
            self._ending.join()

    def _end(self) -> None:
        self.join()
        while self._made:
            self._discard(self._made.pop())


@contextmanager
def without_script() -> Iterator[None]:
    """Keeps the processes that start in the block from running the script of this process again.

    New processes import the main module. That of a plain script, without the usual
    `if __name__ == "__main__"`, would start a cluster in each worker, and no worker would come.
    What workers need of it is sent to them by value. Modules that run with `python -m` have a
    specification; one of the name `__main__` is not imported.
    """
    main = sys.modules["__main__"]
    given = main.__spec__
    if given is None:
        main.__spec__ = ModuleSpec("__main__", None)
    try:
        yield
    finally:
        main.__spec__ = given
