"""The ledger of a run: one line of JSON per attempt at a chunk, on disk as soon as it is known."""

from __future__ import annotations

import errno
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from tau3mu.redaction import redacted
from tau3mu.storage.files import disk_error

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

__all__ = ["Attempt", "Ledger"]


@dataclass(frozen=True)
class Attempt:
    """One attempt at one chunk.

    Attributes:
        dataset: The name of the dataset.
        file: The file, an absolute path or a URL.
        tree: The name of the tree.
        uuid: The UUID of the file.
        start: The first entry.
        stop: The entry after the last.
        entries: How many entries were read.
        attempt: 1 for the first try; 0 if a checkpoint of an earlier run was taken.
        worker: Who worked on it, if that is known.
        seconds: How long that took.
        bytes: How much was read of the file.
        replica: The place that was read, if the file has several.
        outcome: `done`, `resumed`, or `split` if its files are then done one by one; or the kind
            of its failure, see `FailureKind`.
        reason: The error, if there is one.
        timing: The fields of `Timing`: what reading and each processor took.
        more_files: Further files, whole, that were processed together with it, and are counted in
            `entries`, `seconds` and `bytes`.
    """

    dataset: str
    file: str
    tree: str
    uuid: str
    start: int
    stop: int
    attempt: int
    outcome: str
    entries: int = 0
    worker: str = ""
    seconds: float = 0.0
    bytes: int = 0
    replica: str = ""
    reason: str = ""
    timing: dict[str, Any] = field(default_factory=dict)
    more_files: list[str] = field(default_factory=list)


class Ledger:
    """Appends attempts to a file, each flushed, so that a killed driver loses none.

    Nothing in this package reads a ledger: what is resumed is decided by the checkpoints.
    """

    def __init__(self, path: Path) -> None:
        """Creates the ledger of a file, which may hold the attempts of an earlier run."""
        self._path = path

    def __enter__(self) -> Self:
        """Opens the file.

        Raises:
            RunError: It cannot be written.
        """
        try:
            self._file = self._path.open("a+b", buffering=0)
            # A driver that was killed while it wrote leaves half a line.
            if self._file.tell() and self._ends_within_a_line():
                self._file.write(b"\n")
        except OSError as error:
            raise disk_error(self._path, error) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes the file."""
        self._file.close()

    def write(self, attempt: Attempt) -> None:
        """Appends one line.

        Raises:
            RunError: It cannot be written, for instance because the disk is full.
        """
        line = json.dumps(redacted(asdict(attempt)), ensure_ascii=True).encode() + b"\n"
        try:
            written = self._file.write(line)
        except OSError as error:
            raise disk_error(self._path, error) from error
        if written != len(line):  # the last bytes of a disk take a part of the line
            raise disk_error(self._path, OSError(errno.ENOSPC, ""))

    def _ends_within_a_line(self) -> bool:
        self._file.seek(-1, 2)
        return self._file.read(1) != b"\n"
