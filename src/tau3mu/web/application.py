"""The application of a site: its pages, errors as pages, and what all of them share."""

from __future__ import annotations

import gc
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from tau3mu.errors import Tau3muError
from tau3mu.report.rendering import environment
from tau3mu.web.errors import handlers
from tau3mu.web.files import routes as file_routes
from tau3mu.web.live import Live
from tau3mu.web.pages import routes as page_routes
from tau3mu.web.rendering import redirect
from tau3mu.web.security import Access, Guard
from tau3mu.web.waiting import Waiting, being_made
from tau3mu.web.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request
    from starlette.responses import Response

    from tau3mu.web.site import Site

__all__ = ["application", "prepared"]


def application(site: Site, access: Access = Access()) -> Starlette:  # noqa: B008 - it is frozen
    """Returns the application of a site.

    Args:
        site: What is shown.
        access: Who may ask; by default everybody, for tests.
    """

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        app.state.worker.close()

    live = Live()
    app = Starlette(
        routes=[*site.routes, *page_routes, *file_routes, Route("/", _home)],
        middleware=[Middleware(Guard, access), Middleware(live.within)],
        exception_handlers={**handlers, Waiting: being_made},
        lifespan=life,
    )
    app.router.redirect_slashes = False  # it would lead to an absolute address
    app.state.site = site
    app.state.page = site.data
    app.state.worker = Worker()
    app.state.live = live
    app.state.templates = environment("tau3mu.web", *site.templates)
    return app


def prepared(app: Starlette) -> None:
    """Does what the first pages need, so that nobody waits for it; errors are shown by the pages.

    Args:
        app: Of a site.
    """
    site: Site = app.state.site
    if site.prepare is not None:
        with suppress(Tau3muError):
            site.prepare(app)
    # Modules stay: without them a collection of what a large page leaves has little to look at.
    gc.collect()
    gc.freeze()


def _home(request: Request) -> Response:
    path, query = request.app.state.site.home
    return redirect(request, path, **query)
