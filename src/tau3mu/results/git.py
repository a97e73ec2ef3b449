"""The state of the repository around a run, asked for without running any of its programs.

A repository names programs in its own configuration, which git starts even to tell what has
changed: a monitor of the file system, hooks, filters of contents, transports of objects that are
missing. Whoever gives away a folder could run anything by them.
"""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["git_state"]

_SAFE: Final = {
    "core.fsmonitor": "false",
    "core.hooksPath": os.devnull,
    "core.attributesFile": os.devnull,
    "core.untrackedCache": "false",
    "core.sshCommand": "false",
    "core.askPass": "false",
    "credential.helper": "",
    "diff.external": "",
    "protocol.allow": "never",
    "safe.bareRepository": "explicit",
    "status.submoduleSummary": "false",
    "submodule.recurse": "false",
}
_KEPT: Final = {"GIT_CEILING_DIRECTORIES", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM"}


def git_state(directory: Path) -> dict[str, Any] | None:
    """Returns the commit of the repository around a folder, and whether tracked files differ.

    Contents that a filter would change (such as those of Git LFS) are compared as they are, if
    they have been touched; what has changed within submodules is not looked for.

    Returns:
        `commit` and `dirty`, or None without a repository, git or the right to look.
    """
    filters = _filters(directory)
    commit = _git(directory, ["rev-parse", "--verify", "HEAD"])
    if filters is None or commit is None:
        return None
    status = ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=dirty"]
    changes = _git(directory, status, filters)
    return None if changes is None else {"commit": commit.strip(), "dirty": bool(changes)}


def _filters(directory: Path) -> dict[str, str] | None:
    """Returns settings that switch off all filters of contents, whoever has configured them.

    A git too old to take settings from the environment (before 2.31) gives None.
    """
    listed = _git(directory, ["config", "--list", "-z"])
    settings = dict(item.split("\n", 1) for item in (listed or "").split("\0") if "\n" in item)
    if settings.get("core.hookspath") != os.devnull:
        return None
    names = [name for name in settings if name.startswith("filter.")]
    return {name: "false" if name.endswith(".required") else "" for name in names}


def _git(
    directory: Path, arguments: list[str], settings: Mapping[str, str] | None = None
) -> str | None:
    command = ["git", "--no-optional-locks", "--no-pager", "-C", str(directory), *arguments]
    how: dict[str, Any] = {"capture_output": True, "stdin": subprocess.DEVNULL, "timeout": 10}
    environment = _environment({**_SAFE, **(settings or {})})
    try:
        done = subprocess.run(command, env=environment, check=False, **how)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "surrogateescape") if done.returncode == 0 else None


def _environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment without what points git elsewhere, and with settings that win.

    Names of filters may hold anything, which `git -c` would take apart.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GIT_") or k in _KEPT}
    kept |= {"GIT_ALLOW_PROTOCOL": "", "GIT_NO_LAZY_FETCH": "1", "GIT_TERMINAL_PROMPT": "0"}
    kept["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (name, value) in enumerate(settings.items()):
        kept[f"GIT_CONFIG_KEY_{number}"] = name
        kept[f"GIT_CONFIG_VALUE_{number}"] = value
    return kept
