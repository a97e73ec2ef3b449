"""The headers of all answers: what a browser may do with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from starlette.datastructures import MutableHeaders

__all__ = ["FILE_POLICY", "protect"]

FILE_POLICY: Final = "sandbox; default-src 'none'"
"""Of files that somebody else may have written: nothing in them is executed or loaded."""

_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    # With no-referrer, browsers send the Origin of a form as null: it could not be checked.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def protect(headers: MutableHeaders) -> None:
    """Adds what an answer has not said itself.

    Args:
        headers: Of an answer.
    """
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
