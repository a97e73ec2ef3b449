"""How far a train has come, by the ledger that its driver writes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tau3mu.storage.names import LEDGER
from tau3mu.train.record import RESULTS
from tau3mu.train.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tau3mu.train.record import TrainRecord
    from tau3mu.train.states import Status

__all__ = ["Progress", "attempts", "progress_of"]

_DONE = ("done", "resumed")


@dataclass(frozen=True)
class Progress:
    """How much of a train is done.

    Attributes:
        events: That were read.
        of: How many there are.
        chunks: That are done.
        rate: Events per second since the last start, None if nobody can know it.
        left: Seconds to go at this rate.
        failed: Attempts at chunks that failed.
    """

    events: int
    of: int
    chunks: int
    rate: float | None = None
    left: float | None = None
    failed: int = 0

    @property
    def text(self) -> str:
        """The progress in words."""
        fraction = f"{self.events / self.of:.0%}" if self.of else "0%"
        words = [f"{self.events:,} of {self.of:,} events ({fraction})"]
        words += [f"{self.rate:,.0f} events/s"] if self.rate else []
        words += [f"{self.left:.0f} s left"] if self.left is not None else []
        return ", ".join(words)


def attempts(folder: Path) -> Iterator[dict[str, Any]]:
    """Yields the lines of the ledger of a train; a line that is being written is left out.

    Args:
        folder: Of the train.
    """
    try:
        lines = (folder / RESULTS / LEDGER).read_bytes().splitlines()
    except FileNotFoundError:
        return
    for line in lines:
        try:
            attempt = json.loads(line)
        except ValueError:
            continue
        if isinstance(attempt, dict) and "outcome" in attempt:
            yield attempt


def progress_of(folder: Path, record: TrainRecord, status: Status) -> Progress:
    """Returns how far a train has come.

    Args:
        folder: Of the train.
        record: What it is.
        status: Its states.
    """
    done: dict[tuple[Any, ...], int] = {}
    before: set[tuple[Any, ...]] = set()
    failed = 0
    for attempt in attempts(folder):
        chunk = tuple(attempt.get(key) for key in ("dataset", "file", "start", "stop"))
        if attempt["outcome"] not in _DONE:
            failed += 1
            continue
        if attempt["outcome"] == "resumed" or chunk in done:
            before.add(chunk)
        done[chunk] = int(attempt.get("stop", 0)) - int(attempt.get("start", 0))
    events = sum(done.values())
    new = sum(entries for chunk, entries in done.items() if chunk not in before)
    seconds = _seconds(status, folder / RESULTS / LEDGER)
    rate = new / seconds if seconds and new else None
    left = None
    if rate and status.state is State.RUNNING:
        left = max(record.events - events, 0) / rate
    return Progress(events, record.events, len(done), rate, left, failed)


def _seconds(status: Status, ledger: Path) -> float | None:
    """Returns how long the last start has read events, or read them before it did other things."""
    starts = [change.time for change in status.changes if change.state is State.RUNNING]
    if not starts or not ledger.is_file():
        return None
    begin = datetime.fromisoformat(starts[-1]).timestamp()
    return max(ledger.stat().st_mtime - begin, 1.0)
