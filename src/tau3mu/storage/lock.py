"""One run at a time in a results folder, one change at a time of what processes share."""

from __future__ import annotations

import fcntl
import logging
import os
import platform
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from tau3mu.errors import InputError
from tau3mu.storage.files import disk_error
from tau3mu.storage.names import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locked"]

log = logging.getLogger(__name__)

_PAUSE: Final = 0.02


@contextmanager
def locked(folder: Path, *, wait: float = 0.0) -> Iterator[None]:
    """Keeps other runs out of a folder during the block; the lock of a killed run is void.

    Args:
        folder: A folder that is there.
        wait: For how many seconds to wait for another one to leave it.

    Raises:
        InputError: Another run is in the folder.
        RunError: The folder cannot be written.
    """
    path = folder / LOCK
    descriptor = _taken(path, time.monotonic() + wait)
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _taken(path: Path, end: float) -> int:
    """Returns the descriptor of the lock, which is ours."""
    while True:
        try:  # others of the group may be the next, if the umask lets them
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        except OSError as error:
            raise disk_error(path, error) from error
        try:
            _take(descriptor, path.parent, path)
        except BaseException as error:
            os.close(descriptor)
            if not isinstance(error, InputError) or time.monotonic() > end:
                raise
        else:
            return descriptor
        time.sleep(_PAUSE)


def _take(descriptor: int, folder: Path, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A run that ended just now may have taken the file away.
        free = path.exists() and os.path.samestat(os.fstat(descriptor), path.stat())
    except BlockingIOError:
        free = False
    except OSError as error:  # a file system without locks
        log.warning("nothing keeps a second run out of %s: %s", folder, error.strerror or error)
        return
    if not free:
        owner = os.pread(descriptor, 100, 0).decode("utf-8", "replace").strip()
        who = f" ({owner})" if owner.isprintable() and owner else ""
        message = f"another run{who} is writing into {folder}: wait for it, or choose another name"
        raise InputError(message, code="storage.locked", path=folder)
    with suppress(OSError):  # a full disk shows where it matters
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {platform.node()}\n".encode(), 0)
