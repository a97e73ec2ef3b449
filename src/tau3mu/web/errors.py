"""Errors as pages: what is wrong, its code, and a status that says whose fault it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException

from tau3mu.errors import InputError, Tau3muError
from tau3mu.web.headers import protect
from tau3mu.web.rendering import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.web.site import Site

__all__ = ["handlers"]

_MISSING: Final = "web.not-found"
_BUSY: Final = 503  # something in the way of the server, such as a full disk
_STATUS: Final = {_MISSING: 404, "web.busy": 503, "web.large-form": 413}
_HTTP: Final = {
    404: ("There is no such page.", _MISSING),
    405: ("This address takes no such request.", "web.method"),
}


def _own(request: Request, error: Exception) -> Response:
    """Returns the page of an error of this package."""
    site: Site = request.app.state.site
    code = getattr(error, "code", "")
    status = 400 if isinstance(error, InputError) else _BUSY
    status = 404 if code in site.not_found else 409 if code in site.conflicts else status
    return _page(request, _STATUS.get(code, status), str(error), code)


def _gone(request: Request, error: Exception) -> Response:
    """Returns the page of a file that was there a moment ago, or cannot be read."""
    denied = isinstance(error, PermissionError)
    what = "cannot be read" if denied else "is not there any more: load the page again"
    name = getattr(error, "filename", None) or "a file of this page"
    return _page(request, 403 if denied else 404, f"{name} {what}", "web.unreadable")


def _http(request: Request, error: Exception) -> Response:
    """Returns the page of what Starlette refuses."""
    assert isinstance(error, HTTPException)
    text, code = _HTTP.get(error.status_code, (error.detail, "web.request"))
    answer = _page(request, error.status_code, text, code)
    answer.headers.update(error.headers or {})
    return answer


def _defect(request: Request, error: Exception) -> Response:
    """Returns the page of an error that nobody has foreseen; its traceback is in the terminal."""
    text = f"{type(error).__name__}: the server has a defect. Its terminal shows where."
    answer = _page(request, 500, text, "web.defect")
    protect(answer.headers)  # it is sent past the middleware
    return answer


def _page(request: Request, status: int, message: str, code: str) -> Response:
    return page(request, "web/error.html", status, message=message, code=code)


handlers: Final[dict[Any, Any]] = {
    Tau3muError: _own,
    FileNotFoundError: _gone,
    NotADirectoryError: _gone,
    PermissionError: _gone,
    HTTPException: _http,
    Exception: _defect,
}
