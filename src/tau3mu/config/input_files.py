"""Files of users: found by name, and read only if they are regular files.

Opening a named pipe or a device could block forever.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Final

from tau3mu.errors import InputError

__all__ = [
    "file_hash",
    "kind_of_special",
    "read_bytes",
    "read_text",
    "refuse_special",
    "user_path",
    "without_file_scheme",
    "working_directory",
]

_KINDS: Final = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)
_LOCAL_URL: Final = re.compile(r"(?:file|local)://(?:localhost(?=/))?", re.IGNORECASE)


def user_path(text: str | Path) -> Path:
    """Returns the path that a user wrote, with `~` and `~USER` as their homes.

    As in a shell, what begins with the name of no user is left as it is, such as a file called
    `~backup.root`. `file://` in front is dropped.

    Args:
        text: As the user wrote it.
    """
    # That of Path raises an error if there is no such user.
    return Path(os.path.expanduser(without_file_scheme(str(text))))  # noqa: PTH111


def working_directory() -> Path:
    """Returns the working directory, or, if it has been removed, a place in which nothing lies."""
    try:
        return Path.cwd()
    except FileNotFoundError:
        return Path(os.devnull)


def without_file_scheme(path: str) -> str:
    """Returns a path without the `file://` in front that some write before local ones.

    Args:
        path: A path or URL.
    """
    return path[found.end() :] if (found := _LOCAL_URL.match(path)) else path


def kind_of_special(path: str | Path, *, folders: bool = False) -> str | None:
    """Returns what a path is if it is there and no regular file, such as "a named pipe".

    Args:
        path: Of this machine.
        folders: Whether a folder is accepted as well.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - of texts too
    except (OSError, ValueError):  # whoever opens it reports what is wrong
        return None
    if stat.S_ISREG(mode) or (folders and stat.S_ISDIR(mode)):
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something special")


def refuse_special(path: str | Path, *, folders: bool = False) -> None:
    """Checks that opening a path cannot block forever.

    Args:
        path: Of this machine.
        folders: Whether a folder is accepted as well.

    Raises:
        InputError: It is a named pipe, a device, a socket or a folder.
    """
    if kind := kind_of_special(path, folders=folders):
        expected = "a file or a folder" if folders else "a regular file"
        message = f"{path} is {kind}, expected {expected}"
        raise InputError(message, code="config.special-file", path=path)


def file_hash(path: Path, what: str) -> str:
    """Returns the SHA-256 hash of the content of a file.

    Args:
        path: Where it is.
        what: What it is to the user, such as "fit file".

    Raises:
        InputError: It cannot be read, or is not a regular file.
    """
    return hashlib.sha256(read_bytes(path, what)).hexdigest()


def read_bytes(path: Path, what: str) -> bytes:
    """Returns the content of a file.

    Args:
        path: Where it is.
        what: What it is to the user, such as "fit file".

    Raises:
        InputError: It cannot be read, or is not a regular file.
    """
    if kind := kind_of_special(path):
        message = f"cannot read the {what} {path}: it is {kind}, expected a regular file"
        raise InputError(message, code="config.special-file", path=path)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        message = f"cannot read the {what} {path}: {reason}"
        raise InputError(message, code="config.cannot-read", path=path) from error


def read_text(path: Path, what: str) -> str:
    """Returns the text of a file in UTF-8, with or without a byte order mark.

    Args:
        path: Where it is.
        what: What it is to the user, such as "fit file".

    Raises:
        InputError: It cannot be read, is not a regular file, or is not UTF-8.
    """
    try:
        return read_bytes(path, what).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"cannot read the {what} {path}: it is not UTF-8 text"
        raise InputError(message, code="config.not-utf8", path=path) from error
