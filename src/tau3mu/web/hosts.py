"""The names of the server, and which other sites a request may come from: none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

__all__ = ["LOOPBACK", "comes_from_here", "is_known_host", "is_own_form"]

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OWN: Final = {"same-origin", "none"}
_DOCUMENTS: Final = {"document", "iframe"}


def is_known_host(request: Request, hosts: Collection[str]) -> bool:
    """Returns whether a request is for this server, whatever port it names.

    A page of a stranger whose name leads to this machine would ask for another host.

    Args:
        request: What was asked.
        hosts: The names of the server, in lower case.
    """
    name = _split(request.headers.get("host", ""))[0]
    reached = (request.scope.get("server") or ("", 0))[0]
    return name in hosts or (bool(name) and name == reached)


def comes_from_here(request: Request) -> bool:
    """Returns whether a request comes from a page of this server, or opens one.

    Args:
        request: What was asked. Browsers say where it comes from, programs do not.
    """
    site = request.headers.get("sec-fetch-site", "none")
    mode, kind = (request.headers.get(f"sec-fetch-{name}", "") for name in ("mode", "dest"))
    opens = request.method in {"GET", "HEAD"} and mode == "navigate" and kind in _DOCUMENTS
    return site in _OWN or opens


def is_own_form(request: Request, proxies: Collection[str]) -> bool:
    """Returns whether a form was sent from a page of this server.

    Args:
        request: A POST.
        proxies: Names under which proxies show this server.
    """
    if (site := request.headers.get("sec-fetch-site")) is not None:
        return site in _OWN
    origin = request.headers.get("origin")
    if origin is None:
        return True  # not a browser; the token of the form is checked in any case
    name, port = _split(origin.partition("://")[2])
    same = (name, port) == _split(request.headers.get("host", ""))
    return bool(name) and (same or name in proxies)


def _split(netloc: str) -> tuple[str, int | None]:
    """Returns name and port of a host; ("", None) of what is none."""
    try:
        parts = urlsplit(f"//{netloc}")
        if parts.username is not None or parts.path or parts.query or parts.fragment:
            return "", None
        return (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return "", None
