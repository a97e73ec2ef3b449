"""Files that users give: found by name, opened only if they are files, and parsed in bounds.

A named pipe or a device would be waited for without end. Numbers of thousands of digits and nesting
of thousands of levels are no file of anybody, and end in errors of Python that name no place.
"""

from __future__ import annotations

import json
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "check_depth",
    "kind_of_special",
    "parse_json",
    "parse_toml",
    "read_bytes",
    "read_text",
    "refuse_special",
    "user_path",
    "without_file_scheme",
    "working_directory",
]

_DEPTH: Final = 100
_KINDS: Final = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
)
_LONG_NUMBER: Final = re.compile(r"\d{1000,}")
_LOCAL_URL: Final = re.compile(r"(?:file|local)://(?:localhost(?=/))?", re.IGNORECASE)


def user_path(text: str | Path) -> Path:
    """Returns the path that a user wrote, with `~` and `~USER` as their homes.

    As in a shell, what begins with the name of no user is left as it is, such as a file called
    `~backup.root`. `file://` in front is dropped.
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
    """Returns a path without the `file://` in front that some write before local ones."""
    return path[found.end() :] if (found := _LOCAL_URL.match(path)) else path


def kind_of_special(path: str | Path, *, folders: bool = False) -> str | None:
    """Returns what a path is if it is there and no regular file, such as "a named pipe".

    Args:
        path: Of this machine.
        folders: Whether a folder will do as well.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - of texts too
    except (OSError, ValueError):  # whoever opens it says what is wrong
        return None
    if stat.S_ISREG(mode) or (folders and stat.S_ISDIR(mode)):
        return None
    return next((kind for is_kind, kind in _KINDS if is_kind(mode)), "something special")


def refuse_special(path: str | Path, *, folders: bool = False) -> None:
    """Checks that nobody would wait for a file without end.

    Raises:
        InputError: It is a named pipe, a device, a socket or a folder.
    """
    if kind := kind_of_special(path, folders=folders):
        expected = "a file or a folder" if folders else "a regular file"
        message = f"{path} is {kind}, expected {expected}"
        raise InputError(message)


def read_bytes(path: Path, what: str) -> bytes:
    """Returns the content of a file.

    Args:
        path: Where it is.
        what: What it is to the user, such as "fit file".

    Raises:
        InputError: It cannot be read, or is no regular file.
    """
    if kind := kind_of_special(path):
        message = f"cannot read the {what} {path}: it is {kind}, expected a regular file"
        raise InputError(message)
    try:
        return path.read_bytes()
    except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or error
        message = f"cannot read the {what} {path}: {reason}"
        raise InputError(message) from error


def read_text(path: Path, what: str) -> str:
    """Returns the text of a file in UTF-8, with or without a byte order mark.

    Raises:
        InputError: It cannot be read, is no regular file, or is not UTF-8.
    """
    try:
        return read_bytes(path, what).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"cannot read the {what} {path}: it is not UTF-8 text"
        raise InputError(message) from error


def parse_json(
    text: str | bytes,
    *,
    object_pairs_hook: Callable[[list[tuple[str, Any]]], Any] | None = None,
    object_hook: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """Returns what a JSON text holds.

    Raises:
        InputError: It is not JSON, has a number of thousands of digits, or nests too deeply; the
            message is the end of a sentence about the file.
    """
    try:
        found = json.loads(text, object_pairs_hook=object_pairs_hook, object_hook=object_hook)
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error}"
        raise InputError(message) from error
    except InputError:  # of a hook
        raise
    except RecursionError as error:
        raise InputError(_TOO_DEEP) from error
    except ValueError as error:
        message = f"is not JSON: {_without_digits(error, text)}"
        raise InputError(message) from error
    check_depth(found)
    return found


def parse_toml(text: str) -> dict[str, Any]:
    """Returns what a TOML text holds.

    Raises:
        InputError: As `parse_json`.
    """
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib

    try:
        found = tomllib.loads(text)
    except RecursionError as error:
        raise InputError(_TOO_DEEP) from error
    except ValueError as error:
        message = f"is not TOML: {_without_digits(error, text)}"
        raise InputError(message) from error
    check_depth(found)
    return found


_TOO_DEEP: Final = f"nests too deeply: expected at most {_DEPTH} levels of brackets"


def check_depth(document: Any) -> None:
    """Checks that a document can be walked through by functions that call themselves.

    Raises:
        InputError: It nests too deeply.
    """
    level = [document]
    for _ in range(_DEPTH + 1):
        below = (
            item
            for part in level
            if isinstance(part, dict | list)
            for item in (part.values() if isinstance(part, dict) else part)
            if isinstance(item, dict | list)
        )
        level = list({id(item): item for item in below}.values())  # YAML may repeat parts
        if not level:
            return
    raise InputError(_TOO_DEEP)


def _without_digits(error: ValueError, text: str | bytes) -> str:
    """Returns what is wrong with a text; of integers that are too long, Python names no place."""
    given = text if isinstance(text, str) else text.decode("utf-8", "replace")
    if "digits" not in str(error) or (number := _LONG_NUMBER.search(given)) is None:
        return str(error)
    line = given.count("\n", 0, number.start()) + 1
    return f"line {line}: an integer of {len(number[0])} digits, which is no number of anything"
