"""The exceptions that mean "this file cannot be read", in one place.

uproot has no exception of its own for damaged files. The list is what it raised on files that
were cut, overwritten byte by byte or replaced by something else, TTree and RNTuple, with every
compression, and on servers that refuse, break off or do not answer. Catch them around the calls
that read and around nothing else, and let through what `is_defect`: half of them are what a mistake
in one's own code raises too.
"""

from __future__ import annotations

import asyncio
import errno
import lzma
import re
import struct
import sys
import zlib
from math import prod
from traceback import walk_tb
from typing import TYPE_CHECKING, Final, Literal

import cramjam
import uproot

from tau3mu.config.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "FailureKind",
    "advice",
    "decisive",
    "failure_kind",
    "is_defect",
    "read_errors",
    "reason",
]

FailureKind = Literal["transient", "bad_file", "resources", "fatal"]
"""The kinds: try again, this file is bad, this process lacks something, or stop now.

What a process lacks (memory, room on a disk) says nothing about the file. It is worth another try,
and then ends the run: to skip the file would lose good events.
"""

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
    MemoryError,  # too little of it, or a length that is not one
    RuntimeError,  # endless nesting; fewer parts than were asked of a server
    StopIteration,
)

_MISTAKES: Final = (
    NameError,
    TypeError,
    AttributeError,
    AssertionError,
    NotImplementedError,
)
"""Errors of uproot for damaged files; this package itself raises a ValueError for them."""

_PROCESS_ERRNO: Final = {errno.ENOMEM, errno.ENOSPC, errno.EDQUOT}
_PROCESS_TEXTS: Final = ("can't start new thread", "cannot schedule new futures")
"""How a `RuntimeError` begins that concerns the process: too many threads, or its end."""
_RUN_ERRNO: Final = {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE}
_FILE_ERRNO: Final = {
    errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL,
    errno.ENXIO,
}  # fmt: skip

_NO_LENGTH: Final = 1 << 40
"""Bytes that no array of a chunk has: who asks for more has read a damaged length."""

_READERS: Final = {
    "aiohttp", "asyncio", "cramjam", "fsspec", "fsspec_xrootd", "uproot", "xrootd",
}  # fmt: skip
"""The libraries in which damage of a file may look like a mistake of a program."""

_XROOTD = re.compile(r"\[(?:ERROR|FATAL)\]")
"""How the messages of the XRootD client begin, the only thing that tells its errors apart."""
_BOUND = re.compile(r"<bound method (\S+) of <.*?>>")
_XROOTD_CODE = re.compile(r"\[(3\d{3})\]")
_XROOTD_RUN: Final = {"3010", "3028", "3030"}  # not authorized, TLS required, not authenticated
_XROOTD_FILE: Final = {  # no file; no such part
    "3000", "3011", "3013", "3015", "3016", "3019", "3029",
}  # fmt: skip
_UNAUTHENTICATED = ("auth failed", "permission denied", "not authorized", "tls error")

_HTTP_RUN: Final = {401, 403, 407}
_HTTP_RETRY: Final = {408, 425, 429}


def read_errors() -> tuple[type[Exception], ...]:
    """Returns the exceptions that a file may raise, for an `except` clause."""
    # HTTP 403 and 503, an answer that breaks off; without URLs, it need not be imported.
    http = sys.modules.get("aiohttp")
    return (*_ERRORS, http.ClientError) if http else _ERRORS


def is_defect(error: BaseException) -> bool:
    """Returns whether an error of `read_errors` is a mistake in this package rather than damage.

    Kinds that programs raise by mistake are one if they were raised in a module of this package,
    or in what it has called without a library that reads between them. Handlers raise such an
    error again, so that no user is told that a good file is damaged.

    Args:
        error: The error, with its traceback.
    """
    if error.__traceback__ is None or not isinstance(error, (*_MISTAKES, RecursionError)):
        return False
    modules = [str(frame.f_globals.get("__name__")) for frame, _ in walk_tb(error.__traceback__)]
    packages = [module.partition(".")[0].lower() for module in modules]
    ours = __name__.partition(".")[0]
    if packages[-1] == ours and not isinstance(error, RecursionError):  # which ends anywhere
        return True
    return ours in packages and _READERS.isdisjoint(packages)


def failure_kind(error: BaseException) -> FailureKind:
    """Returns what an error of `read_errors` means for the file and for the run.

    Args:
        error: The error.
    """
    http = sys.modules.get("aiohttp")
    if http and isinstance(error, http.ClientError):
        return _kind_of_http(error)
    if isinstance(error, MemoryError | RuntimeError):
        return _kind_of_limits(error)
    if isinstance(error, ImportError) or "Protocol not known" in str(error):
        return "fatal"
    if isinstance(error, TimeoutError | asyncio.TimeoutError | ConnectionError):
        return "transient"
    return _kind_of_os(error) if isinstance(error, OSError) else "bad_file"


def _kind_of_limits(error: MemoryError | RuntimeError) -> FailureKind:
    if isinstance(error, MemoryError):
        return "bad_file" if _asks_for_the_impossible(error) else "resources"
    if isinstance(error, RecursionError):
        return "bad_file" if _nests_endlessly(error) else "resources"
    if "StopIteration" in str(error):
        return "transient"  # a vector read that gave less than was asked for
    return "resources" if str(error).startswith(_PROCESS_TEXTS) else "bad_file"


def _asks_for_the_impossible(error: MemoryError) -> bool:
    """Returns whether the memory was for an array as long as none can be (NumPy says how long)."""
    shape, dtype = getattr(error, "shape", None), getattr(error, "dtype", None)
    return shape is not None and dtype is not None and prod(shape) * dtype.itemsize > _NO_LENGTH


def _nests_endlessly(error: RecursionError) -> bool:
    """Returns whether reading has used up the stack, rather than its caller."""
    if error.__traceback__ is None:
        return True
    return sum(1 for _ in walk_tb(error.__traceback__)) > sys.getrecursionlimit() // 2


def _kind_of_os(error: OSError) -> FailureKind:
    text = str(error)
    if _XROOTD.search(text):
        codes = set(_XROOTD_CODE.findall(text))
        if codes & _XROOTD_RUN or any(word in text.lower() for word in _UNAUTHENTICATED):
            return "fatal"
        return "bad_file" if codes & _XROOTD_FILE else "transient"
    if error.errno in _RUN_ERRNO:
        return "fatal"
    if error.errno in _PROCESS_ERRNO:
        return "resources"
    # Without a number it is uproot's own, about a file that ends too early.
    return "bad_file" if error.errno is None or error.errno in _FILE_ERRNO else "transient"


def _kind_of_http(error: Exception) -> FailureKind:
    import aiohttp

    if isinstance(error, aiohttp.ClientResponseError):
        if error.status in _HTTP_RUN:
            return "fatal"
        return "transient" if error.status >= 500 or error.status in _HTTP_RETRY else "bad_file"
    # A certificate that is not trusted, a URL that is not valid.
    never = (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL)
    return "fatal" if isinstance(error, never) else "transient"


def decisive(kinds: Iterable[FailureKind | None]) -> FailureKind | None:
    """Returns what the outcomes of all replicas of a file mean together, None for good ones.

    One that may be there the next time is worth another try, so `bad_file` is only what
    every replica agrees on.

    Args:
        kinds: One for each replica.
    """
    found = set(kinds)
    if None in found:
        return None
    worst: tuple[FailureKind, ...] = ("fatal", "resources", "transient")
    return next((each for each in worst if each in found), "bad_file")


def advice(error: BaseException) -> str:
    """Returns what to do about an error that concerns all files, to follow the reason.

    Args:
        error: Of `read_errors`; for one of a single file, the text is empty.
    """
    kind = failure_kind(error)
    if kind not in {"fatal", "resources"}:
        return ""
    text = str(error).lower()
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        what = "choose a smaller --chunk-size, fewer --workers, or give the workers more memory"
    elif getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        what = "make room on the disk that the temporary files of this process are on"
    elif kind == "resources":
        what = "this says nothing about the file: raise the limits of the process (ulimit -a)"
    elif isinstance(error, ImportError):
        what = "install what is missing, on the workers too: pip install 'tau3mu[xrootd]'"
    elif "protocol not known" in text:
        what = "expected a local path, root:// or https://"
    elif "certificate" in text or "tls" in text or "ssl" in text:
        what = "name the authorities to trust in SSL_CERT_FILE (https) or X509_CERT_DIR (root)"
    elif getattr(error, "errno", None) in {errno.EMFILE, errno.ENFILE}:
        what = "raise the limit of open files (ulimit -n)"
    elif _XROOTD.search(text.upper()):
        what = "check the grid proxy (voms-proxy-info) and the rights of your account"
    else:
        what = "check that you may read it"
    return f"; {what}"


def reason(error: BaseException, limit: int = 200) -> str:
    """Returns in one line why a file cannot be read, without the name of the file.

    Args:
        error: Of `read_errors`.
        limit: The largest number of characters.
    """
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, MemoryError):
        damaged = _asks_for_the_impossible(error)
        what = "it has a length that none can have" if damaged else "not enough memory"
        return printable(f"{what}: {error}".removesuffix(": "))
    if isinstance(error, OSError) and error.strerror:
        return printable(error.strerror)
    if isinstance(error, TimeoutError | asyncio.TimeoutError):
        return "no answer in time"
    http = sys.modules.get("aiohttp")
    if http and isinstance(error, http.ClientResponseError):
        # The whole text has the URL, which may hold a token.
        return printable(f"the server answers {error.status} {error.message}".strip())
    lines = [line.strip() for line in str(error).splitlines()]
    text = " ".join(line for line in lines if not line.startswith(("in file ", "for file path ")))
    text = _BOUND.sub(r"\1", text)
    name = type(error).__name__
    text = printable(f"{name}: {text}" if text else name)
    return text if len(text) <= limit else text[: limit - 3] + "..."
