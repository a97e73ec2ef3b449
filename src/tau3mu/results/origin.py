"""How a result was made: versions, command, host, time and the state of the code."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
from datetime import datetime, timezone
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["provenance", "redact"]

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

_SECRETS = re.compile(
    r"(?P<url>://[^/@\s\"':]+):[^/@\s\"']+(?=@)"
    r"|(?P<key>(?:authz|password|secret|token)=)(?:Bearer(?:%20|\s))?[^&\s\"']+",
    re.IGNORECASE,
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
    """
    command = sys.orig_argv if command is None else command
    return {
        "command": [redact(word) for word in command],
        "directory": str(Path.cwd()),
        "started": _utc(started),
        "finished": _utc(finished or datetime.now(timezone.utc)),
        "host": {"name": platform.node(), "platform": platform.platform(), "cpus": os.cpu_count()},
        "python": platform.python_version(),
        "versions": _versions(),
        "git": _git_state(Path.cwd()),
    }


def redact(text: str) -> str:
    """Returns the text with passwords in URLs and values of tokens replaced by three stars."""
    return _SECRETS.sub(lambda m: f"{m['url']}:***" if m["url"] else f"{m['key']}***", text)


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


def _git_state(directory: Path) -> dict[str, Any] | None:
    commit = _git(directory, "rev-parse", "HEAD")
    changes = _git(directory, "status", "--porcelain", "--untracked-files=no")
    if commit is None or changes is None:
        return None
    return {"commit": commit.strip(), "dirty": bool(changes)}


def _git(directory: Path, *arguments: str) -> str | None:
    command = ["git", "--no-optional-locks", "-C", str(directory), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
