"""Starts a command, waits for it, and writes what it took to a file.

usage: launcher.py FILE COMMAND...

The kernel counts a process as large as the one that started it was, so this program is small: it
is run by file name, without site packages, and imports nothing of the package. What the system
counts for children that were waited for includes their children.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

__all__ = ["KILOBYTE", "main"]

KILOBYTE = 1 if sys.platform == "darwin" else 1024
"""The unit of `ru_maxrss` in bytes."""

_NOT_STARTED = 127  # as shells have it


def main() -> int:
    """Runs the command and returns its exit code."""
    target, *command = sys.argv[1:]
    read = _bytes_read()
    started, begin = time.time(), time.perf_counter()
    try:
        process = subprocess.Popen(command)
    except OSError as error:
        sys.stderr.write(f"cannot start {command[0]}: {error.strerror}\n")
        return _NOT_STARTED
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begin
    code = os.waitstatus_to_exitcode(status)
    result = {
        "code": code,
        "started": started,
        "wall": wall,
        "cpu": usage.ru_utime + usage.ru_stime,
        "peak": usage.ru_maxrss * KILOBYTE,
        "read": None if read is None else (_bytes_read() or read) - read,
    }
    Path(target).write_text(json.dumps(result))
    process.returncode = code
    return code if code >= 0 else 128 - code


def _bytes_read() -> int | None:
    """Returns what this process and its children have read so far, None where nobody counts it."""
    try:
        lines = Path("/proc/self/io").read_text().splitlines()
    except OSError:
        return None
    return next(int(line.split()[1]) for line in lines if line.startswith("rchar"))


if __name__ == "__main__":
    sys.exit(main())
