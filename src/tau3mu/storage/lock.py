"""One run at a time in a results folder."""

from __future__ import annotations

import fcntl
import logging
import os
import platform
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from tau3mu.errors import InputError
from tau3mu.storage.files import disk_error
from tau3mu.storage.names import LOCK

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["locked"]

log = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder during the block; the lock of a killed run is void.

    Args:
        folder: A folder that is there.

    Raises:
        InputError: Another run is in the folder.
        RunError: The folder cannot be written.
    """
    path = folder / LOCK
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        _take(descriptor, folder, path)
        try:
            yield
        finally:
            with suppress(OSError):
                path.unlink()
    finally:
        os.close(descriptor)


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
