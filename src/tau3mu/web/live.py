"""Answers that go on, such as the progress of a train: they end when the server does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Live"]

_STREAM = "text/event-stream"


class Live:
    """Knows the streams of events that are open, each of which would hold up the server's end."""

    def __init__(self) -> None:
        """Creates the object."""
        self._running: set[asyncio.Task[object]] = set()
        self._ended = False

    def within(self, app: ASGIApp) -> ASGIApp:
        """Returns an application whose streams end when `end` is called.

        Args:
            app: What answers.
        """

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            task = asyncio.current_task()

            async def noted(message: Message) -> None:
                if message["type"] == "http.response.start" and task is not None:
                    kind = Headers(raw=message["headers"]).get("content-type", "")
                    if kind.startswith(_STREAM):
                        self._running.add(task)
                await send(message)

            try:
                await app(scope, receive, noted)
            except asyncio.CancelledError:
                if not self._ended or task not in self._running:
                    raise
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            finally:
                if task is not None:
                    self._running.discard(task)

        return answer

    def end(self) -> None:
        """Ends all streams, from the thread of the event loop."""
        self._ended = True
        for task in tuple(self._running):
            task.cancel()
