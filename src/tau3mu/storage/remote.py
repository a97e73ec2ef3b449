"""Settings of the clients of remote files, and the servers that have failed.

The XRootD client waits in windows (two minutes for a connection, half an hour for an answer) and
looks at its clock every fifteen seconds; a server that was away for five seconds is lost then until
the time-out. With short windows it is found again, and one that stays away is an error in time.
What a user has set (`XRD_...`, or fsspec's configuration: `FSSPEC_ROOT='{"timeout": 300}'`) holds.
"""

from __future__ import annotations

import os
import re
import sys
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "client_options",
    "failed_recently",
    "forget_connections",
    "in_order",
    "is_xrootd",
    "note_failure",
    "request_timeout",
]

TIMEOUT: Final = 60
"""Seconds without an answer after which a request has failed."""

_XROOTD_SETTINGS: Final = {
    "ConnectionWindow": 15,
    "ConnectionRetry": 4,
    "TimeoutResolution": 1,
    "RequestTimeout": 120,
    "RunForkHandler": 1,
}
_FAILED_SECONDS: Final = 300

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/]*)")

_importing = threading.Lock()

_failed: dict[str, float] = {}
"""When a server last failed, by protocol and host; of this process."""


def client_options(path: str) -> dict[str, Any]:
    """Returns how uproot is to open a path, and prepares the client that it needs.

    Time-outs and windows are set unless they are set already, before the first URL is opened, in
    every process that opens one.

    Args:
        path: A local path, for which nothing is needed, or a URL.

    Raises:
        InputError: The XRootD client cannot be loaded any more.
    """
    url = _URL.match(path)
    if url is None:
        return {}
    import fsspec.config

    from tau3mu.storage.source import RemoteSource

    protocol = url[1].lower()
    settings: dict[str, Any] = fsspec.config.conf.setdefault(protocol, {})
    if protocol in {"http", "https"}:
        import aiohttp

        whole, silence = 10 * TIMEOUT, TIMEOUT
        timeout = aiohttp.ClientTimeout(total=whole, sock_connect=silence, sock_read=silence)
        settings.setdefault("timeout", timeout)
    elif is_xrootd(path):
        settings.setdefault("timeout", TIMEOUT)  # an integer, or the client refuses it
        _prepare_xrootd()
    return {"handler": RemoteSource}


def is_xrootd(path: str) -> bool:
    """Returns whether a path is the URL of a file on an XRootD server.

    Args:
        path: A path or a URL.
    """
    url = _URL.match(path)
    return url is not None and url[1].lower() in {"root", "roots", "xroot", "xroots"}


def _prepare_xrootd() -> None:
    for name, value in _XROOTD_SETTINGS.items():
        os.environ.setdefault(f"XRD_{name.upper()}", str(value))
    if "XRootD.client" not in sys.modules and "tensorflow" in sys.modules:
        # It would end the process without a message (XRootD 6.2.1, TensorFlow 2.21).
        message = (
            "XRootD's client cannot be loaded into a process that has TensorFlow (for zfit) "
            "already: start again with `import XRootD.client` first, or read the files before the "
            "first fit"
        )
        raise InputError(message, code="storage.tensorflow-before-xrootd", path="XRootD.client")
    with _importing:  # threads that import it at a time get parts of it
        try:
            from XRootD import client
        except ImportError:  # fsspec says what to install
            return
    for name in _XROOTD_SETTINGS:  # it may have read the environment before
        client.EnvPutInt(name, int(os.environ[f"XRD_{name.upper()}"]))


def request_timeout() -> int:
    """Returns after how many seconds without an answer a request to an XRootD server has failed."""
    import fsspec.config

    return int(fsspec.config.conf.get("root", {}).get("timeout", TIMEOUT))


def in_order(paths: Iterable[str], *, first: str | None = None) -> list[str]:
    """Returns replicas in the order in which to try them.

    That is the order given, but for the one to be `first`, and those on servers that failed in the
    last minutes: they come last.

    Args:
        paths: Paths or URLs.
        first: One of them, such as the one that is open.
    """
    return sorted(paths, key=lambda path: 0 if path == first else 2 if failed_recently(path) else 1)


def failed_recently(path: str) -> bool:
    """Returns whether the server of a URL failed in the last five minutes.

    Args:
        path: A path, which has no server, or a URL.
    """
    failed = _failed.get(_server(path))
    return failed is not None and time.monotonic() - failed < _FAILED_SECONDS


def note_failure(path: str) -> None:
    """Remembers that the server of a URL has failed.

    Args:
        path: A path, which has no server, or a URL.
    """
    if server := _server(path):
        _failed[server] = time.monotonic()


def forget_connections(path: str) -> None:
    """Makes the next opening of a URL start from nothing.

    fsspec keeps clients, and that of XRootD open files, which never recover from an error.

    Args:
        path: A path or a URL.
    """
    if url := _URL.match(path):
        import fsspec

        with suppress(ImportError, ValueError):
            fsspec.get_filesystem_class(url[1].lower()).clear_instance_cache()


def _server(path: str) -> str:
    url = _URL.match(path)
    return f"{url[1]}://{url[2]}".lower() if url else ""
