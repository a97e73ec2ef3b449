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

__all__ = ["start_in_thread", "without_script"]

_T = TypeVar("_T")


class _Start(threading.Thread, Generic[_T]):
    """Starts one thing; no signal reaches this thread, nor any thread or process it starts."""

    def __init__(self, make: Callable[[], _T]) -> None:
        super().__init__(daemon=True, name="tau3mu-start")
        self._make = make
        self.made: list[_T] = []
        self.error: BaseException | None = None

    def run(self) -> None:
        # Begun on demand, the tracker would unblock the signal again.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self.made.append(self._make())
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self.error = error


def start_in_thread(make: Callable[[], _T], discard: Callable[[_T], object]) -> _T:
    """Returns what `make` returns; after Ctrl-C, discards it as soon as it is made.

    A terminal sends Ctrl-C to all of its processes, and workers that are interrupted in the middle
    of an import fill the screen with tracebacks. So everything is started in a thread that blocks
    the signal; threads and processes inherit this, and this process alone decides when they end.

    Args:
        make: Starts something.
        discard: Ends it.

    Raises:
        KeyboardInterrupt: After the end of what had been started. A second Ctrl-C does not wait.
    """
    start = _Start(make)
    start.start()
    try:
        start.join()
    except KeyboardInterrupt:
        start.join()
        for made in start.made:
            discard(made)
        raise
    if start.error is not None:
        raise start.error
    return start.made[0]


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
