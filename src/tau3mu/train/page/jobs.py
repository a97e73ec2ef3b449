"""Jobs: commands of `python -m tau3mu.train` that a page has started as processes of their own.

A job has a session of its own, so that it outlives the server that has started it, and a folder
`STORE/.jobs/ID` with what it runs, what it prints, its states and its exit code.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from tau3mu.config.documents import Strict, read_document
from tau3mu.errors import InputError, RunError, Tau3muError
from tau3mu.redaction import redact
from tau3mu.storage.files import disk_error, json_text, make_folder, write_text
from tau3mu.train.record import now, person, words
from tau3mu.train.states import STATUS, State, StateChange, Status, read_status, set_state
from tau3mu.train.store import VARIABLE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tau3mu.train.store import Store

__all__ = [
    "EXIT_CODE", "JOB", "PID", "STREAMS", "Job", "JobRecord", "is_own_file", "job", "jobs",
    "start_job", "stop_job", "tail",
]  # fmt: skip

JOB: Final = "job.json"
PID: Final = "pid"
EXIT_CODE: Final = "exit_code"
STREAMS: Final = ("stdout.log", "stderr.log")
_FOLDER: Final = ".jobs"
_NAME: Final = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9]{6}")
_KEPT: Final = 50
"""So many jobs that have ended are kept."""
_STARTS: Final = 60.0
"""After so many seconds a job that has not begun is lost."""
_CONTROLS: Final = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Colors of terminals, and characters that no page can show."""


class JobRecord(Strict):
    """The content of `job.json`.

    Attributes:
        version: Of this form.
        title: For people, such as "Test of dsphipi".
        arguments: The words after `python -m tau3mu.train`, without secrets.
        started: When, in UTC.
        by: Who has started the server.
    """

    version: Annotated[int, Field(ge=1, le=1)] = 1
    title: str
    arguments: tuple[str, ...]
    started: str
    by: str = ""


@dataclass(frozen=True)
class Job:
    """A job as it is now.

    Attributes:
        id: Its name in addresses.
        folder: Of the job.
        record: What was started.
        status: RUNNING, OK, FAILED or LOST, with all states before and the reason.
        pid: Of the command, 0 before it has begun.
    """

    id: str
    folder: Path
    record: JobRecord
    status: Status
    pid: int = 0

    @property
    def command(self) -> str:
        """The command line, without secrets."""
        return words(["python", "-m", "tau3mu.train", *self.record.arguments])


def start_job(
    store: Store, arguments: Sequence[str], title: str, *, database: str | None = None
) -> str:
    """Starts `python -m tau3mu.train` with some arguments, and returns the name of the job.

    Args:
        store: In which the command works; it need not be named by the arguments.
        arguments: The command of `tau3mu.train` and its words, with absolute paths.
        title: What people call it.
        database: The URL of the index of the store, if it is not the usual one.

    Raises:
        RunError: The folder of the job cannot be written, or the process cannot be started.
    """
    _remove_old(store)
    folder = _new_folder(store)
    record = JobRecord(title=title, arguments=tuple(arguments), started=now(), by=person())
    write_text(folder / JOB, json_text(record.model_dump(mode="json")))
    set_state(folder, State.QUEUED)
    environment = {**os.environ, VARIABLE: str(store.root), "PYTHONUNBUFFERED": "1"}
    environment |= {"TAU3MU_DATABASE": database} if database else {}
    command = [sys.executable, "-m", "tau3mu.train.page.job_process", str(folder), *arguments]
    try:
        with (folder / STREAMS[0]).open("wb") as out, (folder / STREAMS[1]).open("wb") as err:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
    except OSError as error:
        set_state(folder, State.FAILED, f"it cannot be started: {error.strerror or error}")
        message = f"cannot start {sys.executable}: {error.strerror or error}"
        raise RunError(message, code="train.cannot-start", path=folder) from error
    # A process that has ended and that nobody waits for would seem to be there.
    threading.Thread(target=process.wait, name=f"job {folder.name}", daemon=True).start()
    return folder.name


def jobs(store: Store) -> list[Job]:
    """Returns the jobs that are kept, the newest first; damaged ones are left out.

    Args:
        store: The store.
    """
    found = []
    for name in _names(store):
        try:
            found.append(job(store, name))
        except Tau3muError:  # noqa: PERF203 - removed just now, or half written
            continue
    return found


def job(store: Store, name: str) -> Job:
    """Returns a job.

    Args:
        store: The store.
        name: Of the job.

    Raises:
        InputError: There is no such job, or its files are damaged.
    """
    folder = store.root / _FOLDER / name
    if not _NAME.fullmatch(name) or not (folder / JOB).is_file():
        message = (
            f"there is no job {name!r} (any more): of those that have ended, the last {_KEPT} are "
            "kept"
        )
        raise InputError(message, code="train.unknown-job", path=name)
    try:
        pid = int((folder / PID).read_text())
    except (OSError, ValueError):
        pid = 0
    return Job(name, folder, _record(folder), _status(folder), pid)


def stop_job(one: Job) -> None:
    """Tells the command of a job to end, as Ctrl-C in a terminal does; what was done is kept.

    Args:
        one: The job.

    Raises:
        InputError: It does not run, or it runs on another machine.
    """
    if one.status.state is not State.RUNNING or not one.pid:
        message = f"job {one.id} is {one.status.state.value}: it does not run"
        raise InputError(message, code="train.not-running", path=one.id)
    if one.status.host != platform.node():
        message = f"job {one.id} runs on {one.status.host}: end it there"
        raise InputError(message, code="train.other-host", path=one.id)
    if one.status.pid <= 1:  # damaged: the process group of the server, or all processes
        message = f"job {one.id} has no process of its own: its {STATUS} is damaged"
        raise InputError(message, code="train.not-running", path=one.id)
    with suppress(ProcessLookupError):
        os.killpg(one.status.pid, signal.SIGINT)  # a session, with all that it has started


def tail(file: Path, most: int = 64_000) -> str:
    """Returns the end of what a process has printed, as plain text without secrets.

    Args:
        file: Of its output; nothing is in one that is not there, or that is no file of its own.
        most: At most so many bytes.
    """
    if not is_own_file(file):
        return ""
    try:
        with file.open("rb") as stream:
            size = stream.seek(0, os.SEEK_END)
            stream.seek(max(0, size - most))
            content = stream.read(most)
    except OSError:
        return ""
    if size > most:  # begin with a whole line
        content = content.partition(b"\n")[2] or content
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return redact(_CONTROLS.sub("", text))


def is_own_file(path: Path) -> bool:
    """Returns whether a file can be read here: a link may lead anywhere, and a pipe has no end.

    Args:
        path: Of the file.
    """
    return path.is_file() and not path.is_symlink()


def _record(folder: Path) -> JobRecord:
    return read_document(folder / JOB, "job", language="train").validate(JobRecord)


def _status(folder: Path) -> Status:
    """Returns the states of a job; LOST if it has not begun for a long time."""
    status = read_status(folder)
    if status.state is not State.QUEUED:
        return status
    begin = datetime.fromisoformat(status.changes[-1].time)
    if (datetime.now(timezone.utc) - begin).total_seconds() <= _STARTS:
        return status.model_copy(update={"changes": (_running(status),)})
    lost = StateChange(state=State.LOST, time=now(), reason="its process has not begun")
    return status.model_copy(update={"changes": (*status.changes, lost)})


def _running(status: Status) -> StateChange:
    return status.changes[-1].model_copy(update={"state": State.RUNNING})


def _names(store: Store) -> list[str]:
    folder = store.root / _FOLDER
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(filter(_NAME.fullmatch, names), reverse=True)


def _new_folder(store: Store) -> Path:
    parent = store.root / _FOLDER
    make_folder(parent)
    while True:
        name = datetime.now(timezone.utc).strftime("%Y%m%d-%H%M%S-%f")
        try:
            (parent / name).mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise disk_error(parent / name, error) from error
        return parent / name


def _remove_old(store: Store) -> None:
    """Removes jobs that have ended but the last ones."""
    for name in _names(store)[_KEPT:]:
        folder = store.root / _FOLDER / name
        try:
            ended = _status(folder).state.ended
        except Tau3muError:
            ended = True
        if ended:
            shutil.rmtree(folder, ignore_errors=True)
