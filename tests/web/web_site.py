"""A site for tests: what it takes to be let in, and pages that answer in all ways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Route

from tau3mu.errors import InputError, RunError
from tau3mu.web.forms import form
from tau3mu.web.rendering import page, redirect
from tau3mu.web.security import Access

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["ACCESS", "ROUTES", "TOKEN"]

TOKEN = "a token of some length"
ACCESS = Access(TOKEN, hosts=frozenset({"localhost", "127.0.0.1", "::1"}), cookie="tau3mu_1")


def asked(request: Request) -> Response:
    """Returns what was asked, and an address of another page."""
    return PlainTextResponse(f"{request.url.path} {redirect(request, 'x').headers['location']}")


def changed(request: Request) -> Response:
    """Returns the fields of a form."""
    return PlainTextResponse(repr(sorted(form(request).items())))


def failing(request: Request) -> Response:
    """Raises the error that is asked for."""
    errors: dict[str, Exception] = {
        "input": InputError("what is wrong", code="here.wrong"),
        "missing": InputError("there is none", code="here.missing"),
        "conflict": InputError("it runs already", code="here.runs"),
        "run": RunError("it went wrong", code="here.failed"),
        "busy": RunError("too much", code="web.busy"),
        "gone": FileNotFoundError(2, "No such file", "/root/trains/0001"),
        "denied": PermissionError(13, "Permission denied", "/root/trains/0001"),
        "defect": ZeroDivisionError("a secret of the code"),
    }
    raise errors[request.path_params["kind"]]


async def events(_: Request) -> Response:
    """Returns events without an end."""

    async def told() -> Any:
        while True:
            yield "data: one\n\n"
            await asyncio.sleep(0.05)

    return StreamingResponse(told(), media_type="text/event-stream")


def shown(request: Request) -> Response:
    """Returns a page."""
    return page(request, "web/error.html", message="a page", code="")


ROUTES = [
    Route("/asked/{name:path}", asked),
    Route("/changed", changed, methods=["POST"]),
    Route("/failing/{kind}", failing),
    Route("/events", events),
    Route("/shown/{name:path}", shown),
]
