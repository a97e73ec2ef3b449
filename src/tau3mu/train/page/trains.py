"""All trains: a table with filters, the newest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.routing import Route

from tau3mu.errors import InputError, RunError, suggest
from tau3mu.train.page.paging import asked, paging
from tau3mu.train.page.search import index_of
from tau3mu.train.page.shown import shown
from tau3mu.train.states import State
from tau3mu.web.rendering import page

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["routes"]

_FILTERS: Final = ("text", "state", "name", "label", "dataset", "wagon")
_ROWS: Final = 50
_LAST: Final = 100
"""So many trains are named where no database can be asked."""


def trains(request: Request) -> Response:
    """Shows the trains that an address asks for."""
    filters: dict[str, Any] = dict(asked(request, *_FILTERS))
    where = paging(request, _ROWS)
    states = [state.value for state in State]
    if (state := filters.get("state")) is not None and state not in states:
        message = f"there is no state {state!r}{suggest(state, states)}; expected one of {states}"
        raise InputError(message, code="train.unknown-state", path="state")
    try:
        rows, total, choices = index_of(request).listing(
            limit=where.size, offset=where.offset, **filters
        )
    except (InputError, RunError) as error:
        return _without_index(request, error)
    return page(
        request, "page/trains.html",
        rows=rows, total=total, choices=choices, filters=filters, states=states,
        where=where, pages=where.pages(total), is_empty=not total and not filters,
        store=str(shown(request).store.root),
    )  # fmt: skip


def _without_index(request: Request, error: InputError | RunError) -> Response:
    """Shows what is wrong with the database, and the trains that can be shown without it."""
    numbers = [int(path.name) for path in shown(request).store.trains()]
    return page(
        request, "page/trains_without_index.html", 503,
        message=str(error), code=error.code, numbers=numbers[: -_LAST - 1 : -1],
        more=max(0, len(numbers) - _LAST),
    )  # fmt: skip


routes: Final = [Route("/trains", trains)]
