"""The process of a job: `python -m tau3mu.train.page.job_process FOLDER WORD ...`.

It runs the command of the job as a process below it, and writes how that ends, whatever has become
of the server.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tau3mu.storage.files import write_text
from tau3mu.train.page.jobs import EXIT_CODE, PID
from tau3mu.train.states import State, alive, set_state

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_MEANINGS: Final = {2: "events are missing"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a job and returns the exit code of its command.

    Args:
        arguments: The folder of the job, and the words after `python -m tau3mu.train`.
    """
    place, *words = sys.argv[1:] if arguments is None else arguments
    folder = Path(place)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # the command gets them too
        signal.signal(number, _ignore)
    set_state(folder, State.RUNNING)
    command = [sys.executable, "-m", "tau3mu.train", *words]
    with alive(folder):
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        except OSError as error:
            set_state(folder, State.FAILED, f"it cannot be started: {error.strerror or error}")
            return 1
        write_text(folder / PID, f"{process.pid}\n")
        code = process.wait()
    write_text(folder / EXIT_CODE, f"{code}\n")
    set_state(folder, State.OK if code == 0 else State.FAILED, _reason(code))
    return code if code >= 0 else 128 - code


def _reason(code: int) -> str:
    """Returns in which way a command has ended, empty if it ended well."""
    if code == 0:
        return ""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        return f"ended by signal {name}"
    meaning = f": {_MEANINGS[code]}" if code in _MEANINGS else ""
    return f"exit code {code}{meaning}"


def _ignore(_number: int, _frame: object) -> None:
    """Does nothing; unlike SIG_IGN, a child process does not inherit it."""


if __name__ == "__main__":
    sys.exit(main())
