"""What a command shows while it works: its stage, how far that is, how fast, how long still.

On a terminal these are bars. Elsewhere, as in the log of a batch job, they are plain lines: one
when a stage ends and, if it takes long, one soon after its begin and one every half minute.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, Progress, ProgressColumn
from rich.table import Column

from tau3mu.console.terminal import PlainConsole, description_column, plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.progress import Task, TaskID
    from rich.text import Text
    from typing_extensions import Self

__all__ = ["Display", "Stage"]

_SOON = 2.0  # seconds after which a line tells of a stage that goes on, where there is no terminal
_PERIOD = 30.0  # and between two such lines
_WINDOW = 60.0  # seconds over which a rate is measured, so that it follows the number of workers


class _Chunk(Protocol):
    """The result of a chunk of events."""

    @property
    def resumed(self) -> bool: ...

    @property
    def entries(self) -> int: ...

    @property
    def bytes(self) -> int: ...


@dataclass
class Stage:
    """A part of a run, and how far it is.

    Attributes:
        name: What is done.
        total: How much there is to do, None if nobody counts.
        unit: Of what is counted.
        clock: Returns seconds.
        done: How much is done.
        before: How much of it was done when the stage began, by an earlier run.
        n_bytes: How much was read.
        seconds: How long it took, None as long as it goes on.
    """

    name: str
    total: int | None = None
    unit: str = ""
    clock: Callable[[], float] = time.monotonic
    done: int = 0
    before: int = 0
    n_bytes: int = 0
    seconds: float | None = None
    _seen: deque[tuple[float, int, int]] = field(default_factory=deque)

    def __post_init__(self) -> None:
        """Begins now."""
        self.begin = self.clock()
        self._seen.append((self.begin, 0, 0))

    def advance(self, number: int, n_bytes: int = 0) -> None:
        """Counts what was done now."""
        now = self.clock()
        self.done += number
        self.n_bytes += n_bytes
        self._seen.append((now, self.done - self.before, self.n_bytes))
        while len(self._seen) > 2 and self._seen[1][0] < now - _WINDOW:
            self._seen.popleft()

    def skip(self, number: int) -> None:
        """Counts what had been done before."""
        self.done += number
        self.before += number

    def end(self) -> None:
        """Ends now."""
        self.seconds = self.clock() - self.begin

    def rates(self) -> tuple[float, float]:
        """Returns how much is done per second, and the bytes: lately, or of all once it is over."""
        first = self._seen[0] if self.seconds is None else (self.begin, 0, 0)
        now = self.clock() if self.seconds is None else self.begin + self.seconds
        seconds = max(now - first[0], 1e-3)
        return (self.done - self.before - first[1]) / seconds, (self.n_bytes - first[2]) / seconds

    @property
    def left(self) -> float | None:
        """Seconds to go at the rate of now, None if nobody can know."""
        rate, _ = self.rates()
        if self.total is None or self.seconds is not None or not rate:
            return None
        return max(self.total - self.done, 0) / rate

    @property
    def text(self) -> str:
        """How far it is, in words; how long it took, once it is over."""
        words = []
        if self.total is not None:
            share = f" of {self.total:,}" if self.done < self.total else ""
            words.append(f"{self.done:,}{share} {self.unit}")
        rate, n_bytes = self.rates()
        if self.done > self.before:
            words.append(f"{rate:,.{0 if rate >= 10 else 1}f} {self.unit}/s")
        if self.n_bytes:
            words.append(f"{n_bytes / 1e6:,.0f} MB/s")
        if left := self.left:
            words.append(f"{_duration(left)} left")
        else:
            words.append(
                _duration(self.clock() - self.begin if self.seconds is None else self.seconds)
            )
        return ", ".join(words)


class Display:
    """The stages of a run on standard error; a context manager, at whose end nothing moves."""

    def __init__(self, shown: bool | None = True) -> None:
        """Creates the display.

        Args:
            shown: Whether to show anything, None for a terminal only.
        """
        self._console = PlainConsole(stderr=True, soft_wrap=True, highlight=False)
        on_terminal = self._console.is_terminal and not self._console.is_dumb_terminal
        shown = sys.stderr.isatty() if shown is None else shown
        columns = (description_column(), BarColumn(bar_width=20), _Words())
        self._bars = Progress(*columns, console=self._console, disable=not (shown and on_terminal))
        self._lines = _Lines(self._console) if shown and not on_terminal else None
        self.entries = 0
        self._stage: Stage | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        """Begins to show."""
        self._bars.start()
        if self._lines is not None:
            self._lines.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Shows the end of what began last, unless an error ends it."""
        if kind is None:
            self.finish()
        self._bars.stop()
        if self._lines is not None:
            self._lines.stop()

    def begin(self, description: str, total: int | None = None, unit: str = "") -> None:
        """Shows what is done next.

        Args:
            description: In words.
            total: How much there is to do, None if nobody counts.
            unit: Of what is counted.
        """
        self.finish()
        self._stage = Stage(description, total, unit)
        self._task = self._bars.add_task(description, total=total, stage=self._stage)
        if self._lines is not None:
            self._lines.begin(self._stage)

    def check_files(self, number: int) -> None:
        """Shows that files are checked."""
        self.begin("Checking files", number, "files")

    def advance(self, number: int = 1) -> None:
        """Shows that one file more is checked, or that more is done of what is counted."""
        if self._stage is not None:
            self._stage.advance(number)
            self._update()

    def count(self, number: int, total: int) -> None:
        """Shows that more is done of a number that is known only now."""
        if self._stage is not None:
            self._stage.total = total
        self.advance(number)

    def read(self, result: _Chunk) -> None:
        """Shows that the events of a chunk were read, now or by an earlier run."""
        if self._stage is None:
            return
        self._stage.total, self._stage.unit = self.entries, "events"
        if result.resumed:
            self._stage.skip(result.entries)
        else:
            self._stage.advance(result.entries, result.bytes)
        self._update()

    def show(self, done: int, entries: int) -> None:
        """Shows how many events have been read by another process."""
        if self._stage is None:
            return
        if self._stage.total is None:
            self._stage.total, self._stage.unit = entries, "events"
            self._stage.skip(done)
        else:
            self._stage.advance(done - self._stage.done)
        self._update()

    def say(self, message: str) -> None:
        """Prints a line above the bars."""
        self._console.print(message)

    def finish(self) -> None:
        """Shows that what began last is done."""
        if self._stage is None or self._task is None:
            return
        self._stage.end()
        if self._lines is not None:
            self._lines.end()
        if self._stage.total is None:
            self._bars.update(self._task, total=1, completed=1)
        self._bars.stop_task(self._task)
        self._stage = self._task = None

    def _update(self) -> None:
        if self._task is not None and self._stage is not None:
            total = self._stage.total
            self._bars.update(self._task, total=total, completed=self._stage.done)


class _Words(ProgressColumn):
    """How far a stage is, in words that are cut rather than wrapped."""

    def get_table_column(self) -> Column:
        return Column(no_wrap=True, overflow="ellipsis")

    def render(self, task: Task) -> Text:
        return plain(task.fields["stage"].text, "progress.remaining")


class _Lines(threading.Thread):
    """Prints lines where no bar can be drawn."""

    def __init__(self, console: PlainConsole) -> None:
        super().__init__(daemon=True, name="tau3mu-progress")
        self._console = console
        self._changed = threading.Condition()
        self._stage: Stage | None = None
        self._due = self._over = False

    def begin(self, stage: Stage) -> None:
        with self._changed:
            self._stage, self._due = stage, False
            self._changed.notify()

    def end(self) -> None:
        with self._changed:
            if self._stage is not None:
                self._print(self._stage)
            self._stage = None
            self._changed.notify()

    def run(self) -> None:
        with self._changed:
            while not self._over:
                stage = self._stage
                period = None if stage is None else _PERIOD if self._due else _SOON
                if not self._changed.wait(period) and stage is not None:
                    self._print(stage)
                    self._due = True

    def stop(self) -> None:
        with self._changed:
            self._over = True
            self._changed.notify()
        self.join()

    def _print(self, stage: Stage) -> None:
        self._console.print(f"{stage.name}: {stage.text}")


def _duration(seconds: float) -> str:
    """Returns `3.2 s`, `45 s`, `2:05 min` or `1:02:05 h`."""
    if seconds < 59.5:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02} h" if hours else f"{minutes}:{rest:02} min"
