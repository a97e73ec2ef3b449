"""Who reads data in signal windows: in the result, and in a record beside the model file."""

from __future__ import annotations

import getpass
import json
import os
import platform
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError
from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["record_of", "unblinding"]

_SUFFIX: Final = ".unblinded.jsonl"


def record_of(file: Path) -> Path:
    """Returns the file in which the unblindings of a model are recorded, one JSON object a line.

    Args:
        file: Of the model.
    """
    return file.with_name(file.stem + _SUFFIX)


def unblinding(
    windows: Mapping[str, list[list[float]]], file: Path | None = None
) -> dict[str, Any]:
    """Returns who reads the signal windows of which channels, and when.

    With a model file, the same is appended to its record, before anything is read.

    Args:
        windows: Of each channel.
        file: Of the model.

    Raises:
        InputError: The record cannot be written; then nothing must be read.
    """
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no entry of this user, as in some containers
        user = "unknown"
    entry = {
        "by": user,
        "host": platform.node(),
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "channels": dict(windows),
    }
    if file is None or not windows:
        return entry
    record = record_of(file)
    line = {"model": file.name, **entry, "command": [redact(word) for word in sys.orig_argv]}
    try:
        # One write, so that lines of two who unblind at once do not mix.
        handle = os.open(record, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(handle, (json.dumps(line, ensure_ascii=False) + "\n").encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        message = (
            f"cannot write the record of unblinding {record}: {error.strerror}; data in the signal "
            "windows are not read: copy the model to a folder of yours"
        )
        raise InputError(message, code="limits.cannot-record", path=record) from error
    return {**entry, "record": str(record)}
