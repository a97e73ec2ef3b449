"""The exceptions that mean "this file cannot be read", in one place.

uproot has no exception of its own for damaged files. The list is what it raised on files that
were cut, overwritten byte by byte or replaced by something else, TTree and RNTuple, with every
compression, and on servers that refuse, break off or do not answer. Catch them around the calls
that read and around nothing else: half of them are what a defect in one's own code raises too.
"""

from __future__ import annotations

import asyncio
import lzma
import struct
import sys
import zlib

import cramjam
import uproot

__all__ = ["read_errors", "reason"]

_ERRORS: tuple[type[Exception], ...] = (
    OSError,  # missing, cut, a folder, no permission, no connection
    EOFError,
    asyncio.TimeoutError,  # fsspec's time-out; an OSError from Python 3.11 on
    ImportError,  # no library for the protocol or the compression
    uproot.DeserializationError,
    cramjam.DecompressionError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    ValueError,  # not a ROOT file, checksums, broken text
    LookupError,  # missing keys, baskets that lead nowhere
    TypeError,
    AttributeError,
    AssertionError,  # checksums of RNTuple
    NameError,
    NotImplementedError,
    MemoryError,  # a length that is none
    RecursionError,
    StopIteration,
)


def read_errors() -> tuple[type[Exception], ...]:
    """Returns the exceptions that a file may raise, for an `except` clause."""
    # HTTP 403 and 503, an answer that breaks off; who reads no URL does not wait for its import.
    http = sys.modules.get("aiohttp")
    return (*_ERRORS, http.ClientError) if http else _ERRORS


def reason(error: BaseException, limit: int = 200) -> str:
    """Returns in one line why a file cannot be read, without the name of the file."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "no answer in time"
    lines = [line.strip() for line in str(error).splitlines()]
    text = " ".join(line for line in lines if not line.startswith(("in file ", "for file path ")))
    name = type(error).__name__
    text = f"{name}: {text}" if text else name
    return text if len(text) <= limit else text[: limit - 3] + "..."
