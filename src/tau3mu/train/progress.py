"""How far a train has come, by the ledger that its driver writes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tau3mu.train.ledger import read_ledger
from tau3mu.train.states import State

if TYPE_CHECKING:
    from pathlib import Path

    from tau3mu.train.ledger import LedgerTotals
    from tau3mu.train.record import TrainRecord
    from tau3mu.train.states import Status

__all__ = ["Progress", "progress_of"]


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


def progress_of(folder: Path, record: TrainRecord, status: Status) -> Progress:
    """Returns how far a train has come.

    Args:
        folder: Of the train.
        record: What it is.
        status: Its states.
    """
    ledger = read_ledger(folder)
    seconds = _seconds(status, ledger)
    rate = ledger.new / seconds if seconds and ledger.new else None
    left = None
    if rate and status.state is State.RUNNING:
        left = max(record.events - ledger.events, 0) / rate
    return Progress(ledger.events, record.events, ledger.chunks, rate, left, ledger.failed)


def _seconds(status: Status, ledger: LedgerTotals) -> float | None:
    """Returns how long the last start has read events, or read them before it did other things."""
    starts = [change.time for change in status.changes if change.state is State.RUNNING]
    if not starts or ledger.written is None:
        return None
    return max(ledger.written - datetime.fromisoformat(starts[-1]).timestamp(), 1.0)
