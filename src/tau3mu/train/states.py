"""The states of tests and trains: what happened when, and whether the process is still there."""

from __future__ import annotations

import os
import platform
import threading
import time
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import AfterValidator, Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.storage.files import json_text, write_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "HEARTBEAT",
    "STATUS",
    "State",
    "StateChange",
    "Status",
    "alive",
    "read_status",
    "set_state",
]

STATUS: Final = "status.json"
HEARTBEAT: Final = ".heartbeat"
_BEAT: Final = 5.0
_SILENT: Final = 45.0
"""After so many seconds without a sign of life, a process on another machine is lost."""


class State(str, Enum):
    """How far a test or a train has come."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    OK = "OK"
    WARN = "WARN"
    FAILED = "FAILED"
    KILLED = "KILLED"
    LOST = "LOST"

    @property
    def ended(self) -> bool:
        """Whether nothing more is going to happen by itself."""
        return self not in {State.QUEUED, State.RUNNING}


def _time(text: str) -> str:
    if datetime.fromisoformat(text).tzinfo is None:
        message = f"expected a time with its zone, such as 2026-11-28T12:00:00+00:00, got {text!r}"
        raise ValueError(message)
    return text


class StateChange(Strict):
    """A state, since when (UTC, ISO 8601), and why."""

    state: State
    time: Annotated[str, AfterValidator(_time)]
    reason: str = ""


class Status(Strict):
    """The content of `status.json`: all states so far, and which process does the work."""

    version: Annotated[int, Field(ge=1, le=1)] = 1
    changes: tuple[StateChange, ...] = ()
    host: str = ""
    pid: int = 0

    @property
    def state(self) -> State:
        """The last state."""
        return self.changes[-1].state if self.changes else State.QUEUED

    @property
    def reason(self) -> str:
        """Why it is in this state."""
        return self.changes[-1].reason if self.changes else ""


def read_status(folder: Path) -> Status:
    """Returns the status of a test or a train; LOST if its process is not there any more.

    Args:
        folder: Of the test or the train.

    Raises:
        InputError: There is no status, or it cannot be read.
    """
    status = _read(folder)
    if status.state is not State.RUNNING or (reason := _lost(folder, status)) is None:
        return status
    lost = StateChange(state=State.LOST, time=_now(), reason=reason)
    return status.model_copy(update={"changes": (*status.changes, lost)})


def set_state(folder: Path, state: State, reason: str = "") -> Status:
    """Writes that a test or a train has come into a state, and returns its status.

    Args:
        folder: Of the test or the train.
        state: The new state. Who says that it is running does the work.
        reason: Why, in one line.

    Raises:
        RunError: The status cannot be written.
    """
    status = _read(folder) if (folder / STATUS).is_file() else Status()
    change = StateChange(state=state, time=_now(), reason=reason)
    update: dict[str, object] = {"changes": (*status.changes, change)}
    if state is State.RUNNING:
        update |= {"host": platform.node(), "pid": os.getpid()}
    status = status.model_copy(update=update)
    write_text(folder / STATUS, json_text(status.model_dump(mode="json")))
    return status


@contextmanager
def alive(folder: Path) -> Iterator[None]:
    """Shows during the block that this process works on a test or a train.

    Args:
        folder: Of the test or the train.
    """
    done = threading.Event()

    def beat() -> None:
        while True:
            with suppress(OSError):  # a full disk shows where it matters
                (folder / HEARTBEAT).touch()
            if done.wait(_BEAT):
                return

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with suppress(OSError):
            (folder / HEARTBEAT).unlink()


def _read(folder: Path) -> Status:
    return read_document(folder / STATUS, "status", language="train").validate(Status)


def _lost(folder: Path, status: Status) -> str | None:
    """Returns why the process of a status is lost, None if it is there."""
    if status.host == platform.node():
        try:
            os.kill(status.pid, 0)
        except ProcessLookupError:
            return f"process {status.pid} on {status.host} is not there any more"
        except PermissionError:
            return None
    try:
        silent = time.time() - (folder / HEARTBEAT).stat().st_mtime
    except OSError:
        begin = datetime.fromisoformat(status.changes[-1].time)
        silent = (datetime.now(timezone.utc) - begin).total_seconds()
    if silent <= _SILENT:
        return None
    return f"process {status.pid} on {status.host} has given no sign of life for {silent:.0f} s"


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
