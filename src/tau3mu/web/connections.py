"""Connections to the server: only so many, and none that never asks for anything."""

from __future__ import annotations

import resource
from typing import TYPE_CHECKING, Any, Final

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio

__all__ = ["Connection"]

_MOST: Final = 400
_PATIENCE: Final = 30.0  # seconds for the head of a request


class Connection(H11Protocol):
    """A connection that is closed if there are too many, or if its request does not come.

    A server without files to open could accept none, and would say so without an end.
    """

    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """Begins to wait for a request, unless too many do."""
        super().connection_made(transport)
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        if len(self.connections) > min(_MOST, files // 2):
            transport.abort()
        else:
            self._wait()

    def on_response_complete(self) -> None:
        """Begins to wait for the next request."""
        super().on_response_complete()
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the waiting."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(_PATIENCE, self._give_up)

    def _give_up(self) -> None:
        cycle: Any = self.cycle
        if cycle is None or cycle.response_complete:
            self.transport.close()
