"""Starts the process of a test, watches its memory, and ends it when it takes too much."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import RunError
from tau3mu.train.limits import KILL_FACTOR, Limits
from tau3mu.train.measured import Job, run_job
from tau3mu.train.memory import memory_of, process_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tau3mu.datasets import Certification, Chunk
    from tau3mu.derived.requests import SkimJob
    from tau3mu.outputs.contract import Returned
    from tau3mu.processing import Processor

__all__ = ["Watched", "measure"]

_INTERVAL: Final = 0.1
_TREE_INTERVAL: Final = 1.0
_GRACE: Final = 5.0
_LARGEST_LOG: Final = 100_000_000
_LINES: Final = ".lines.jsonl"
_JOB: Final = ".job"
LOGS: Final = "stdout.log", "stderr.log"


@dataclass(frozen=True)
class Watched:
    """What is known of the process of a test.

    Attributes:
        lines: What it wrote about itself.
        samples: Time (monotonic), PSS and private memory.
        code: Its exit code; negative for a signal.
        killed: Why it was ended, empty if it was not.
        begin: When it was started (monotonic).
        log_bytes: What it printed.
    """

    lines: list[dict[str, Any]]
    samples: list[tuple[float, int, int]]
    code: int
    killed: str
    begin: float
    log_bytes: int

    def of(self, line: str) -> list[dict[str, Any]]:
        """Returns the lines of a kind.

        Args:
            line: The kind.
        """
        return [one for one in self.lines if one["line"] == line]


def measure(
    folder: Path,
    chunks: Sequence[Chunk],
    large: Chunk,
    processors: Sequence[Processor],
    expected: dict[str, Returned],
    skims: Sequence[SkimJob] = (),
    *,
    seconds: float,
    limits: Limits,
    candidates: str = "root",
    certifications: Mapping[str, Certification] | None = None,
    on_sample: Callable[[], object] = lambda: None,
) -> Watched:
    """Returns what is known of a process that ran processors on chunks for a limited time.

    Its results are then in `results`, what it printed in `stdout.log` and `stderr.log`.

    Args:
        folder: Of the test.
        chunks: In the order in which they are to be run.
        large: A chunk as large as those of a run; of the time, a part is kept for it.
        processors: What is to be run.
        expected: What they return without events, from `dry_run`.
        skims: What is derived of each chunk; only its size is kept.
        seconds: After which no further chunk is begun.
        limits: A process with more than 1.25 times its memory is ended.
        candidates: The format of the candidates.
        certifications: Those of the datasets, by hash.
        on_sample: Is called after each look at the process.

    Raises:
        InputError: Something in the processors cannot be sent to another process.
        RunError: The process cannot be started.
    """
    from tau3mu.execution.chunk import shared_by_tasks
    from tau3mu.execution.pool import pack

    lines = folder / _LINES
    lines.write_text("")
    job = Job(tuple(chunks), large, expected, seconds, lines, folder / "results", candidates)
    packed = pack(
        run_job, shared_by_tasks(processors, skims, isolate=True, certifications=certifications)
    )
    file = folder / _JOB
    file.write_bytes(pickle.dumps((job, packed)))
    command = [sys.executable, "-m", "tau3mu.train.measured", str(file), str(os.getpid())]
    begin = time.monotonic()
    try:
        with (folder / LOGS[0]).open("wb") as output, (folder / LOGS[1]).open("wb") as errors:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors,
                start_new_session=True,
            )  # fmt: skip
    except OSError as error:
        message = f"cannot start the process of a test: {error.strerror or error}"
        raise RunError(message, code="train.no-process", path=sys.executable) from error
    watch = _Watch(process, folder, lines, limits)
    try:
        while process.poll() is None:
            watch.look()
            on_sample()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_INTERVAL)
    finally:
        _end(process)
        file.unlink(missing_ok=True)
    found = Watched(
        lines=_read(lines),
        samples=watch.samples,
        code=process.returncode,
        killed=watch.killed,
        begin=begin,
        log_bytes=watch.log_bytes(),
    )
    lines.unlink()
    return found


class _Watch:
    """Looks at a process, and ends it above the limits."""

    def __init__(
        self, process: subprocess.Popen[bytes], folder: Path, lines: Path, limits: Limits
    ) -> None:
        self.samples: list[tuple[float, int, int]] = []
        self.killed = ""
        self._pids, self._last_tree = [process.pid], 0.0
        self._process, self._folder, self._lines = process, folder, lines
        self._most = KILL_FACTOR * limits.memory_mb * 1e6
        self._limits = limits

    def look(self) -> None:
        now = time.monotonic()
        if now - self._last_tree > _TREE_INTERVAL:
            self._pids, self._last_tree = process_tree(self._process.pid), now
        memory = memory_of(self._pids)
        if memory is not None:
            self.samples.append((time.monotonic(), memory.pss, memory.private))
            if memory.pss > self._most and memory.pss > self._most_now():
                self.killed = (
                    f"ended with {memory.pss / 1e6:.0f} MB of memory, more than {KILL_FACTOR} "
                    f"times the limit of {self._limits.memory_mb:g} MB"
                )
        if (size := self.log_bytes()) > _LARGEST_LOG:
            self.killed = f"ended after it had printed {size / 1e6:.0f} MB"
        if self.killed:
            _end(self._process)

    def log_bytes(self) -> int:
        return sum((self._folder / name).stat().st_size for name in LOGS)

    def _most_now(self) -> float:
        """Returns the limit; in the merge test, results are in memory twice, as in no run."""
        phases = [one["phase"] for one in _read(self._lines) if one["line"] == "phase"]
        return 2 * self._most if "merge test" in phases else self._most


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends a process and all that it has started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_GRACE)


def _read(lines: Path) -> list[dict[str, Any]]:
    """Returns the lines; the last one is only a part if the process was killed."""
    found = []
    for text in lines.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            found.append(json.loads(text))
    return found
