"""The index of the store as pages ask it, and the search box that all pages have."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from tau3mu.train.page.shown import shown
from tau3mu.web.rendering import redirect

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.train.index import Index

__all__ = ["bring_up_to_date", "index_of", "refreshed", "routes"]

_LOCK: Final = threading.Lock()


def index_of(request: Request) -> Index:
    """Returns the index of the store that is shown: one for all requests.

    Args:
        request: What was asked.

    Raises:
        InputError: SQLAlchemy is not installed, or the URL of the database is wrong.
    """
    return _index(request.app)


def bring_up_to_date(app: Starlette) -> None:
    """Brings the index of the store that is shown up to date, and imports what asks it.

    The worker reads what has changed: that may be a thousand trains, which would leave the server
    larger by 30 MB.

    Args:
        app: Of the site of the store.

    Raises:
        InputError: As `index_of`, or the database is broken, newer, or of another store.
        RunError: The database does not answer.
    """
    known = app.state.page
    app.state.worker.run(refreshed, str(known.store.root), known.database)
    _index(app).refresh()


def refreshed(root: str, database: str | None) -> int:
    """Returns how much of the index of a store had to be made again; the worker runs this.

    Args:
        root: Of the store.
        database: Its URL, None for that of the store.
    """
    from pathlib import Path

    from tau3mu.train.index import Index
    from tau3mu.train.store import Store

    return Index(Store(Path(root)), database).refresh()


def _index(app: Starlette) -> Index:
    state: Any = app.state
    with _LOCK:
        if getattr(state, "index", None) is None:
            from tau3mu.train.index import Index

            state.index = Index(state.page.store, state.page.database)
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
