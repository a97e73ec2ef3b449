"""The index of the store as pages ask it, and the search box that all pages have."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from tau3mu.train.page.shown import shown
from tau3mu.web.rendering import redirect

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.train.index import Index

__all__ = ["index_of", "routes"]

_LOCK: Final = threading.Lock()


def index_of(request: Request) -> Index:
    """Returns the index of the store that is shown: one for all requests.

    Args:
        request: What was asked.

    Raises:
        InputError: SQLAlchemy is not installed, or the URL of the database is wrong.
    """
    state: Any = request.app.state
    with _LOCK:
        if getattr(state, "index", None) is None:
            from tau3mu.train.index import Index

            known = shown(request)
            state.index = Index(known.store, known.database)
    index: Index = state.index
    return index


def search(request: Request) -> Response:
    """Goes to the trains that hold the words of the search box, or to the one of a number."""
    words = request.query_params.get("q", "").strip()
    number = words.removeprefix("#").lstrip("0")
    if number.isascii() and number.isdigit():
        numbers = {path.name.lstrip("0") for path in shown(request).store.trains()}
        if number in numbers:
            return redirect(request, f"trains/{number}")
    return redirect(request, "trains", text=words)


routes: Final = [Route("/search", search)]
