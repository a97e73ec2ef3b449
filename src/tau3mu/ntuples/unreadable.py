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
from typing import TYPE_CHECKING, Final, Literal

import cramjam
import uproot

from tau3mu.ntuples.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Severity", "advice", "decisive", "is_defect", "read_errors", "reason", "severity"]

Severity = Literal["retry", "file", "run"]
"""What an error means: try again, leave this file alone, or stop altogether."""

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
"""What damage makes uproot raise, but never this package, which says so by a ValueError."""

_RUN_ERRNO: Final = {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE}
_FILE_ERRNO: Final = {
    errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL,
    errno.ENXIO,
}  # fmt: skip

_XROOTD = re.compile(r"\[(?:ERROR|FATAL)\]")
"""How the messages of the XRootD client begin, the only thing that tells its errors apart."""
_BOUND = re.compile(r"<bound method (\S+) of <.*?>>")
_XROOTD_CODE = re.compile(r"\[(3\d{3})\]")
_XROOTD_RUN: Final = {"3010", "3028", "3030"}  # not authorised, TLS required, not authenticated
_XROOTD_FILE: Final = {
    "3000",
    "3011",
    "3013",
    "3015",
    "3016",
    "3019",
    "3029",
}  # no file; no such part
_UNAUTHENTICATED = ("auth failed", "permission denied", "not authorized", "tls error")

_HTTP_RUN: Final = {401, 403, 407}
_HTTP_RETRY: Final = {408, 425, 429}


def read_errors() -> tuple[type[Exception], ...]:
    """Returns the exceptions that a file may raise, for an `except` clause."""
    # HTTP 403 and 503, an answer that breaks off; who reads no URL does not wait for its import.
    http = sys.modules.get("aiohttp")
    return (*_ERRORS, http.ClientError) if http else _ERRORS


def is_defect(error: BaseException) -> bool:
    """Tells whether an error of `read_errors` is a mistake in this package rather than damage.

    Kinds that programs raise by mistake are one if they were raised in a module of this package.
    Handlers raise such an error again, so that no user is told that a good file is damaged.
    """
    place = error.__traceback__
    if place is None or not isinstance(error, _MISTAKES):
        return False
    while place.tb_next is not None:
        place = place.tb_next
    module = str(place.tb_frame.f_globals.get("__name__"))
    return module.partition(".")[0] == __name__.partition(".")[0]


def severity(error: BaseException) -> Severity:
    """Returns what an error of `read_errors` means for the file and for the run."""
    http = sys.modules.get("aiohttp")
    if http and isinstance(error, http.ClientError):
        return _severity_of_http(error)
    if isinstance(error, ImportError) or "Protocol not known" in str(error):
        return "run"
    if isinstance(error, TimeoutError | asyncio.TimeoutError | ConnectionError):
        return "retry"
    if isinstance(error, OSError):
        return _severity_of_os(error)
    if isinstance(error, RuntimeError) and "StopIteration" in str(error):
        return "retry"  # a vector read that gave less than was asked for
    return "file"


def _severity_of_os(error: OSError) -> Severity:
    text = str(error)
    if _XROOTD.search(text):
        codes = set(_XROOTD_CODE.findall(text))
        if codes & _XROOTD_RUN or any(word in text.lower() for word in _UNAUTHENTICATED):
            return "run"
        return "file" if codes & _XROOTD_FILE else "retry"
    if error.errno in _RUN_ERRNO:
        return "run"
    # Without a number it is uproot's own, about a file that ends too early.
    return "file" if error.errno is None or error.errno in _FILE_ERRNO else "retry"


def _severity_of_http(error: Exception) -> Severity:
    import aiohttp

    if isinstance(error, aiohttp.ClientResponseError):
        if error.status in _HTTP_RUN:
            return "run"
        return "retry" if error.status >= 500 or error.status in _HTTP_RETRY else "file"
    # A certificate that is not trusted, a URL that is none.
    never = (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError, aiohttp.InvalidURL)
    return "run" if isinstance(error, never) else "retry"


def decisive(severities: Iterable[Severity | None]) -> Severity | None:
    """Returns what the outcomes of all replicas of a file mean together, None for good ones.

    One that may be there the next time is worth another try, so `file` is only what every replica
    agrees on.
    """
    found = set(severities)
    if None in found:
        return None
    return "run" if "run" in found else "retry" if "retry" in found else "file"


def advice(error: BaseException) -> str:
    """Returns what to do about an error that no other file will be spared, to follow the reason."""
    if severity(error) != "run":
        return ""
    text = str(error).lower()
    if isinstance(error, ImportError):
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
    """Returns in one line why a file cannot be read, without the name of the file."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
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
