"""Standard output and error whose failure is no failure of the work.

Whoever reads the output may stop reading (`| head -1`), its disk may be full, and its encoding may
lack the letters of physics. What a command has done is done all the same, and its exit code says
how that went.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["lasting_streams", "make_streams_last"]

_NAMES: Final = ("stdout", "stderr")


class _LastingStream:
    """A text stream that writes escapes for what its encoding lacks, and goes silent at its end."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._stream)

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except (OSError, ValueError):  # nobody reads it, no room for it, or it is closed
            self._give_up()
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self._give_up()

    def _give_up(self) -> None:
        """Sends to nowhere what is kept in buffers and what is to come.

        Python would try once more at its end, and turn the error into an exit code of its own.
        """
        with suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)


def make_streams_last() -> None:
    """Makes standard output and error of this process last until its end."""
    _open_missing_descriptors()
    for name in _NAMES:
        stream = getattr(sys, name)
        if stream is None:  # closed by who started the process
            stream = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the end
        if not isinstance(stream, _LastingStream):
            setattr(sys, name, _LastingStream(stream))


@contextmanager
def lasting_streams() -> Iterator[None]:
    """Makes standard output and error last during a block, at whose end they are flushed."""
    before = [getattr(sys, name) for name in _NAMES]
    make_streams_last()
    lasting = [getattr(sys, name) for name in _NAMES]
    try:
        yield
    finally:
        for name, old, new in zip(_NAMES, before, lasting, strict=True):
            new.flush()
            if getattr(sys, name) is new:
                setattr(sys, name, old)


def _open_missing_descriptors() -> None:
    """Keeps files from being opened in the place of a closed stream, into which libraries print."""
    with suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(descriptor, True)
        os.close(descriptor)
