"""The files that are open: the one that a thread reads, and some that have just been checked.

To open a file takes as long as to read thousands of events. So it stays open from one range of
entries to the next, and, where one process checks and reads, from the check to the first range.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uproot

from tau3mu.ntuples.fast import branch_classes
from tau3mu.ntuples.offsets import counters
from tau3mu.storage.failures import read_errors
from tau3mu.storage.remote import client_options
from tau3mu.storage.source import LocalSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "ChangedError",
    "close_files",
    "current_path",
    "keep_open",
    "open_again",
    "open_file",
    "refuse_changed",
]

Key = tuple[str, str, frozenset[str]]

_HEAD: Final = 100
_MOST_KEPT: Final = 32
"""So few that neither memory nor the limit of open files is felt."""


class ChangedError(Exception):
    """Is raised when a file is another one than that which was checked."""

    def __init__(self) -> None:
        """Says what to do."""
        super().__init__(
            "the file has changed since it was checked (its UUID is another one, or it was written "
            "to); start again with the file as it is, or put back the one that was checked"
        )


@dataclass(frozen=True)
class _Opened:
    key: Key
    file: Any
    identity: object

    def close(self) -> None:
        with suppress(*read_errors()):  # a server that is gone needs no farewell
            self.file.close()


class _Current(threading.local):
    opened: _Opened | None = None


_current = _Current()
_kept: dict[Key, _Opened] = {}


def open_file(path: str, wanted: Callable[[str], bool], **remote: Any) -> Any:
    """Returns an open `uproot.ReadOnlyFile` in whose trees only some branches can be read.

    The others may have a name and nothing else.

    Args:
        path: A local file or a URL.
        wanted: Returns of the name of a branch at the top of a tree whether it is to be read; with
            a branch of lists, its counter is.
        **remote: Options of uproot for URLs.
    """
    source = remote if "://" in path else {"handler": LocalSource}
    # The cache is of this file alone: another one of the same name may have other branches.
    return uproot.ReadOnlyFile(
        path,
        object_cache=10,
        array_cache=None,
        custom_classes=branch_classes(wanted),
        use_threads=False,
        **source,
    )


def current_path() -> str | None:
    """Returns the file that this thread has open."""
    return _current.opened.key[0] if _current.opened else None


def keep_open(path: str, branches: Iterable[str], file: Any) -> bool:
    """Keeps a file that has been checked for `open_again`; returns whether there was room for it.

    Args:
        path: The file.
        branches: Those that can be read.
        file: What `open_file` returned, which must not be closed if there was room.
    """
    if len(_kept) >= _MOST_KEPT:
        return False
    key = (path, str(file.uuid), frozenset(branches))
    _kept[key] = _Opened(key, file, _identity(path, file))
    return True


def open_again(path: str, uuid: str, branches: frozenset[str]) -> tuple[Any, int]:
    """Returns the open file, and how many bytes of it have been asked for before.

    It is the only one that this thread has open: the one before is closed.

    Args:
        path: The file.
        uuid: The UUID that it had when it was checked.
        branches: What is going to be read.

    Raises:
        ChangedError: It is another file now.
    """
    key = (path, uuid, branches)
    if (now := _current.opened) is not None and now.key == key:
        return now.file, int(now.file.source.num_requested_bytes)
    close_files(kept=False)
    if (opened := _kept.pop(key, None)) is not None:
        _current.opened = opened
        return opened.file, int(opened.file.source.num_requested_bytes)
    wanted = branches | counters(branches)
    file = open_file(path, wanted.__contains__, **client_options(path))
    if str(file.uuid) != uuid:
        file.close()
        raise ChangedError
    _current.opened = _Opened(key, file, _identity(path, file))
    return file, 0


def refuse_changed() -> None:
    """Looks whether the file that this thread has open is still what it was when it was opened.

    Raises:
        ChangedError: It is not.
    """
    now = _current.opened
    if now is not None and _identity(now.key[0], now.file) != now.identity:
        raise ChangedError


def close_files(*, kept: bool = True) -> None:
    """Closes the file that this thread has open.

    Args:
        kept: Whether also to close those that have not been read since they were checked.
    """
    opened, _current.opened = _current.opened, None
    if opened is not None:
        opened.close()
    for key in tuple(_kept) if kept else ():
        if (one := _kept.pop(key, None)) is not None:  # another thread may have taken it
            one.close()


def _identity(path: str, file: Any) -> object:
    """Returns what tells whether a file is still the one that was opened.

    Servers of files on the web open them again for every part; so their first bytes, in which the
    UUID is, are looked at again. The XRootD client has opened one file and gets no other.
    """
    if "://" in path:
        return bytes(file.source.chunk(0, _HEAD).raw_data)
    facts = Path(path).stat()
    return (facts.st_ino, facts.st_size, facts.st_mtime_ns)
