"""Starting a cluster, which takes seconds, such that Ctrl-C ends it in order."""

from __future__ import annotations

import signal
import threading
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["start_in_thread"]

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
