"""The sources of bytes: those of uproot, each changed in one thing.

Local files are read where the bytes are asked for: uproot's own way through its executors and
futures takes as long again as reading a basket.

URLs are read as uproot does by default, but the errors of servers get through. uproot asks fsspec
for many ranges of bytes at once, and fsspec returns the exceptions of single ranges in place of
their bytes; what comes out of that is a `TypeError` that no longer tells a busy server from a
damaged file. And a server without Range requests sends whole files, of which uproot would take the
beginning for whatever it has asked for.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uproot.source.chunk import Chunk
from uproot.source.coalesce import coalesce_requests
from uproot.source.file import FileResource, MultithreadedFileSource
from uproot.source.fsspec import FSSpecSource
from uproot.source.futures import ResourceTrivialExecutor, TrivialFuture

from tau3mu.config.input_files import kind_of_special

if TYPE_CHECKING:
    import queue

__all__ = ["LocalSource", "NoPartsError", "RemoteSource", "SpecialFileError"]


class SpecialFileError(OSError):
    """Is raised for a path that is not a regular file."""

    def __init__(self, kind: str) -> None:
        """Creates the error.

        Args:
            kind: Such as "a named pipe".
        """
        super().__init__(errno.EINVAL, f"it is {kind}, expected a regular file")


class LocalSource(MultithreadedFileSource):  # type: ignore[misc]
    """The source for local files, without threads."""

    def _open(self) -> None:
        # A named pipe would be waited for; that a folder cannot be opened, Python says itself.
        if kind := kind_of_special(self._file_path, folders=True):
            raise SpecialFileError(kind)
        self._resource = FileResource(self._file_path)
        self._executor = ResourceTrivialExecutor(self._resource)
        self._num_bytes = Path(self._file_path).stat().st_size

    def chunk(self, start: int, stop: int) -> Any:
        """Returns the bytes from `start` up to `stop`."""
        self._num_requests += 1
        self._num_requested_chunks += 1
        self._num_requested_bytes += stop - start
        return Chunk(self, start, stop, TrivialFuture(self._resource.get(start, stop)))


class NoPartsError(OSError):
    """Is raised when a server sends something else than the part of a file it was asked for."""


class RemoteSource(FSSpecSource):  # type: ignore[misc]
    """The source for all URLs."""

    def chunk(self, start: int, stop: int) -> Any:
        """Returns the bytes from `start` up to `stop`."""
        chunk = super().chunk(start, stop)
        _check_part(chunk.future.result(), start, stop)
        return chunk

    def chunks(self, ranges: list[tuple[int, int]], notifications: queue.Queue[Any]) -> list[Any]:
        """Returns the bytes of several ranges, as promises."""
        if not self.async_impl:
            return super().chunks(ranges, notifications)  # type: ignore[no-any-return]
        self._num_requests += 1
        self._num_requested_chunks += len(ranges)
        self._num_requested_bytes += sum(stop - start for start, stop in ranges)
        return coalesce_requests(  # type: ignore[no-any-return]
            ranges,
            lambda asked: self._executor.submit(self._parts(asked)),
            self,
            notifications,
            config=self._coalesce_config,
        )

    async def _parts(self, ranges: list[tuple[int, int]]) -> list[bytes]:
        starts, stops = [start for start, _ in ranges], [stop for _, stop in ranges]
        parts = await self._fs._cat_ranges(
            paths=[self._file_path] * len(ranges), starts=starts, ends=stops
        )
        for part, start, stop in zip(parts, starts, stops, strict=True):
            if isinstance(part, BaseException):
                raise part
            _check_part(part, start, stop)
        return parts  # type: ignore[no-any-return]


def _check_part(part: Any, start: int, stop: int) -> None:
    if len(part) == stop - start:
        return
    if bytes(part[:100]).lstrip().lower().startswith((b"<!doctype html", b"<html")):
        message = "the server sends a page of HTML instead of the file (to log in?)"
        raise NoPartsError(message)
    if len(part) > stop - start:
        message = "the server sends the whole file for a part of it (no Range requests)"
        raise NoPartsError(message)
