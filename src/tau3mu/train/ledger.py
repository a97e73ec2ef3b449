"""The ledger of a train, read on while its driver writes it: only what is new, each time."""

from __future__ import annotations

import os
import re
import threading
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json

from tau3mu.config.input_files import refuse_special
from tau3mu.errors import InputError
from tau3mu.storage.names import LEDGER
from tau3mu.train.record import RESULTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["FailedAttempts", "LedgerReader", "LedgerTotals", "read_ledger", "similar"]

_DONE: Final = ("done", "resumed")
_BLOCK: Final = 1 << 20
_PROOF: Final = 256
"""So many bytes at both ends of what was read tell that a file was only written on."""
_KEPT: Final = 8
_NUMBERS: Final = re.compile(r"\d[\d.]*")


@dataclass(frozen=True)
class FailedAttempts:
    """Attempts at chunks that have failed in the same way.

    Attributes:
        kind: Of the failure, see `FailureKind`.
        count: How many there are.
        example: Place and reason of the first.
    """

    kind: str
    count: int
    example: str


@dataclass(frozen=True)
class LedgerTotals:
    """What a ledger says.

    Attributes:
        events: That were read, each chunk once.
        chunks: That are done.
        new: Events that were read since the last start, not taken from checkpoints.
        failed: Attempts at chunks that failed.
        datasets: By name: the files of which events were read, and the number of these.
        failures: In groups.
        written: When it was last written (seconds since 1970), None if there is no ledger.
    """

    events: int = 0
    chunks: int = 0
    new: int = 0
    failed: int = 0
    datasets: dict[str, tuple[int, int]] = field(default_factory=dict)
    failures: tuple[FailedAttempts, ...] = ()
    written: float | None = None


class LedgerReader:
    """Reads a ledger again and again, each line once; of another file in its place, all.

    A line counts as soon as it is complete.
    """

    def __init__(self, path: Path) -> None:
        """Creates the reader of a file, which need not be there."""
        self._path = path
        self._lock = threading.Lock()
        self._begin()

    def totals(self) -> LedgerTotals:
        """Returns what the ledger says now.

        Raises:
            InputError: It is there and cannot be read.
        """
        with self._lock:
            try:
                refuse_special(self._path)  # a named pipe would be read forever
                with self._path.open("rb") as file:
                    self._read(file)
            except (FileNotFoundError, NotADirectoryError):
                self._begin()
            except OSError as error:
                self._begin()
                message = f"cannot read {self._path}: {error.strerror or error}"
                raise InputError(
                    message, code="train.unreadable-ledger", path=self._path
                ) from error
            return self._totals

    def _begin(self) -> None:
        self._stamp: tuple[int, ...] = ()
        self._offset = 0
        self._ends = b"", b""
        self._files: dict[tuple[str, str], int] = {}
        self._done: set[int] = set()
        self._before: set[int] = set()
        self._events: Counter[str] = Counter()
        self._n_files: Counter[str] = Counter()
        self._new = self._failed = 0
        self._groups: dict[tuple[str, str], list[Any]] = {}
        self._totals = LedgerTotals()

    def _read(self, file: BinaryIO) -> None:
        status = os.fstat(file.fileno())
        stamp = status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
        if stamp == self._stamp:
            return
        if self._stamp[:2] != stamp[:2] or self._ends != _ends(file, self._offset):
            self._begin()
        file.seek(self._offset)
        rest = b""
        while block := file.read(_BLOCK):
            complete, line_end, rest = (rest + block).rpartition(b"\n")
            self._offset += len(complete) + len(line_end)
            self._add(complete.split(b"\n"))
        self._ends = _ends(file, self._offset)
        self._stamp = stamp
        self._totals = self._sums(status.st_mtime)

    def _add(self, lines: Iterable[bytes]) -> None:
        for line in lines:
            try:
                attempt = from_json(line)  # in a third of the time of the json module
            except ValueError:  # a killed driver leaves half a line
                continue
            if not isinstance(attempt, dict) or "outcome" not in attempt:
                continue
            dataset, file = str(attempt.get("dataset", "")), str(attempt.get("file", ""))
            start, stop = _entry(attempt, "start"), _entry(attempt, "stop")
            kind = str(attempt["outcome"])
            if kind in _DONE:
                self._add_done(dataset, file, start, stop, resumed=kind == "resumed")
            else:
                reason = str(attempt.get("reason", ""))
                self._add_failed(kind, file, f"{file} [{start}, {stop})", reason)

    def _add_done(self, dataset: str, file: str, start: int, stop: int, *, resumed: bool) -> None:
        number = self._files.get((dataset, file))
        if number is None:
            number = self._files[dataset, file] = len(self._files)
            self._n_files[dataset] += 1
        # One number instead of a tuple: a long train has many chunks, and a server little memory.
        chunk = (number << 128) | (start << 64) | stop
        is_known = chunk in self._done
        if not is_known:
            self._done.add(chunk)
            self._events[dataset] += stop - start
            self._new += stop - start
        if (resumed or is_known) and chunk not in self._before:
            self._before.add(chunk)
            self._new -= stop - start

    def _add_failed(self, kind: str, file: str, place: str, reason: str) -> None:
        self._failed += 1
        group = self._groups.setdefault((kind, similar(reason, file)), [0, f"{place}: {reason}"])
        group[0] += 1

    def _sums(self, written: float) -> LedgerTotals:
        return LedgerTotals(
            events=self._events.total(),
            chunks=len(self._done),
            new=self._new,
            failed=self._failed,
            datasets={name: (self._n_files[name], self._events[name]) for name in self._events},
            failures=tuple(
                FailedAttempts(kind, count, example)
                for (kind, _), (count, example) in self._groups.items()
            ),
            written=written,
        )


def read_ledger(folder: Path) -> LedgerTotals:
    """Returns what the ledger of a train says; what was read of it before is not read again.

    Args:
        folder: Of the train.

    Raises:
        InputError: It is there and cannot be read.
    """
    return _reader(folder.absolute() / RESULTS / LEDGER).totals()


@lru_cache(maxsize=_KEPT)
def _reader(path: Path) -> LedgerReader:
    return LedgerReader(path)


def similar(reason: str, file: str) -> str:
    """Returns the first line of a reason without what differs between files and chunks.

    Args:
        reason: Of a failure.
        file: In which it was.
    """
    line = reason.partition("\n")[0]
    return _NUMBERS.sub("#", line.replace(file, "FILE") if file else line)


def _ends(file: BinaryIO, offset: int) -> tuple[bytes, bytes]:
    """Returns the first and the last bytes before an offset."""
    file.seek(0)
    first = file.read(min(_PROOF, offset))
    file.seek(max(offset - _PROOF, 0))
    return first, file.read(min(_PROOF, offset))


def _entry(attempt: dict[str, Any], key: str) -> int:
    value = attempt.get(key, 0)
    return value if isinstance(value, int) and 0 <= value < 1 << 64 else 0
