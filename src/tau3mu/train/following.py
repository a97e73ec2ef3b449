"""The progress of a train in a terminal, while another process runs it."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tau3mu.train.progress import progress_of
from tau3mu.train.record import read_record
from tau3mu.train.states import read_status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["shown_progress"]

_PERIOD = 1.0


@contextmanager
def shown_progress(folder: Path) -> Iterator[Callable[[], None]]:
    """Yields a function that shows how far a train has come, on standard error if a terminal.

    Args:
        folder: Of the train.
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from tau3mu.console.progress import Display

    record = read_record(folder)
    display = Display()
    last = 0.0

    def tick() -> None:
        nonlocal last
        if time.monotonic() - last < _PERIOD:
            return
        last = time.monotonic()
        done = progress_of(folder, record, read_status(folder))
        display.show(done.events, record.events)

    with display:
        display.begin(f"Train {int(folder.name)}")
        yield tick
