"""How a result was made: versions, command, host, time and the state of the code."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tau3mu.redaction import redact
from tau3mu.results.git import git_state

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["provenance"]

_PACKAGES = (
    "tau3mu",
    "awkward",
    "boost-histogram",
    "coffea",
    "correctionlib",
    "dask",
    "dask-awkward",
    "dask-histogram",
    "distributed",
    "hist",
    "numpy",
    "pyarrow",
    "uproot",
    "vector",
    "zfit",
)


def provenance(
    *,
    started: datetime,
    finished: datetime | None = None,
    command: Sequence[str] | None = None,
) -> dict[str, Any]:
    """Returns how and where the present process makes its result, ready for JSON.

    Nothing of the environment is kept but what is listed here.

    Args:
        started: When the run began.
        finished: When it ended; now by default.
        command: The command line; that of the process by default. Passwords and tokens in it
            are replaced.

    Returns:
        `command`, `directory`, `started`, `finished` (UTC, ISO 8601), `host`, `python`,
        `versions` of the packages that are installed, and `git`: the commit of the repository
        around the working directory and whether tracked files differ from it, or None.
        `directory` is None if it has been removed.
    """
    command = sys.orig_argv if command is None else command
    directory = _working_directory()
    return {
        "command": [redact(word) for word in command],
        "directory": None if directory is None else redact(str(directory)),
        "started": _utc(started),
        "finished": _utc(finished or datetime.now(timezone.utc)),
        "host": {"name": platform.node(), "platform": platform.platform(), "cpus": os.cpu_count()},
        "python": platform.python_version(),
        "versions": _versions(),
        "git": None if directory is None else git_state(directory),
    }


def _utc(time: datetime) -> str:
    return time.astimezone(timezone.utc).isoformat(timespec="seconds")


@cache
def _versions() -> dict[str, str]:
    found = {package: _version(package) for package in _PACKAGES}
    return {package: number for package, number in found.items() if number}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _working_directory() -> Path | None:
    try:
        return Path.cwd()
    except FileNotFoundError:  # removed while the run was going
        return None
