"""What the worker has answered before, for as long as the files that it read are the same."""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence

__all__ = ["Cache"]

_ALL: Final = 8_000_000
"""Bytes of all answers."""
_ONE: Final = 2_000_000
_DEPTH: Final = 3  # of the folder of a train: its results, their processors, and the files of these
_ENTRIES: Final = 5000


class Cache:
    """Answers, those not asked for longest are forgotten first."""

    def __init__(self) -> None:
        """Creates an empty cache."""
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, bytes] = OrderedDict()
        self._size = 0

    def key(
        self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Hashable | None:
        """Returns what a call and the files that its paths name are now.

        Args:
            function: What is called.
            args: Its arguments.
            kwargs: Its other arguments.

        Returns:
            None if that cannot be said: the call is not remembered.
        """
        given = (*args, *kwargs.values())
        try:
            stamps = tuple(_stamp(path) for path in given if isinstance(path, Path))
            key = (function, tuple(args), tuple(sorted(kwargs.items())), stamps)
            hash(key)
        except (OSError, TypeError, _TooManyError):
            return None
        return key

    def get(self, key: Hashable | None) -> bytes | None:
        """Returns an answer, None if it is not known.

        Args:
            key: Of the call.
        """
        with self._lock:
            if key is None or key not in self._known:
                return None
            self._known.move_to_end(key)
            return self._known[key]

    def put(self, key: Hashable | None, answer: bytes) -> None:
        """Remembers an answer, unless it is large.

        Args:
            key: Of the call.
            answer: To it.
        """
        if key is None or len(answer) > _ONE:
            return
        with self._lock:
            self._size += len(answer) - len(self._known.pop(key, b""))
            self._known[key] = answer
            while self._size > _ALL:
                self._size -= len(self._known.popitem(last=False)[1])


class _TooManyError(Exception):
    pass


def _stamp(path: Path) -> tuple[object, ...]:
    """Returns what changes when a file, or one of those of a folder, does.

    Raises:
        OSError: It cannot be read.
        _TooManyError: The folder has too many files.
    """
    found: list[tuple[object, ...]] = []
    for one in _files(path, _DEPTH):
        if len(found) == _ENTRIES:
            raise _TooManyError
        state = one.stat()
        found.append((str(one), state.st_mtime_ns, state.st_size, state.st_ino))
    return tuple(sorted(found))


def _files(path: Path, depth: int) -> Iterator[Path]:
    yield path
    if depth and path.is_dir():
        with os.scandir(path) as entries:
            for entry in entries:
                yield from _files(Path(entry.path), depth - 1)
