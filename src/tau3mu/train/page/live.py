"""The progress of a train while one watches, by server-sent events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tau3mu.errors import Tau3muError
from tau3mu.train.page.details import folder_of, job_of, train_now
from tau3mu.web.rendering import fragment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["routes"]

_PERIOD: Final = 1.0
_QUIET: Final = 15
"""After so many looks without news, a comment keeps proxies from closing the connection."""


async def live(request: Request) -> Response:
    """Sends the progress of a train when it has changed.

    An `end` says that the whole page has changed and is to be loaded again: the state is another
    than that which the browser has `seen`, chunks have failed in a new way, or nothing more is to
    come.
    """
    folder = await run_in_threadpool(folder_of, request)
    if request.method == "HEAD":
        return Response(media_type="text/event-stream")
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(
        _events(request, folder), media_type="text/event-stream", headers=headers
    )


async def _events(request: Request, folder: Path) -> AsyncIterator[str]:
    yield "retry: 1000\n\n"
    before, quiet = "", 0
    while True:
        html, is_over = await run_in_threadpool(_look, request, folder)
        if html != before:
            before, quiet = html, 0
            yield _event("progress", html)
        elif (quiet := quiet + 1) % _QUIET == 0:
            yield ": nothing new\n\n"
        if is_over:
            yield _event("end", "load the page again")
            return
        await asyncio.sleep(_PERIOD)


def _look(request: Request, folder: Path) -> tuple[str, bool]:
    """Returns the progress as HTML, and whether the page is to be loaded again."""
    try:
        now = train_now(folder)
    except Tau3muError as error:  # it was removed or damaged while one watches
        return fragment(request, "page/gone.html", message=str(error), code=error.code), True
    job = job_of(request)
    is_over = not now.is_live and (job is None or job.status.state.ended)
    seen = request.query_params.get("seen", now.seen)
    return fragment(request, "page/progress.html", now=now, job=job), is_over or seen != now.seen


def _event(name: str, text: str) -> str:
    data = "".join(f"data: {line}\n" for line in text.splitlines() or [""])
    return f"event: {name}\n{data}\n"


routes: Final = [Route("/trains/{number}/live", live)]
