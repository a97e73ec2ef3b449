"""The application: a site with its pages, errors as pages, and what all of them share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route

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
    from collections.abc import AsyncIterator, Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Site", "application"]


@dataclass(frozen=True)
class Site:
    """What a server shows.

    Attributes:
        root: Nothing outside of this folder is shown; or of several, by the names that addresses
            begin with.
        title: Above all pages.
        home: The page that is shown first, with the words of its query, where no route is "/".
        routes: The pages, but for those that all sites have.
        templates: Packages with templates, besides `tau3mu.web`.
        navigation: Texts and paths of the pages that each page links to.
        search: The path of the page that the search box of all pages asks, "" for no box.
        data: What the pages need to know, such as the store: `request.app.state.page`.
        not_found: Codes of errors that mean that there is no such page.
        conflicts: Codes of errors that mean that something else stands in the way.
    """

    root: Path | Mapping[str, Path]
    title: str
    home: tuple[str, Mapping[str, str]] = ("result", {})
    routes: Sequence[BaseRoute] = ()
    templates: Sequence[str] = ()
    navigation: Sequence[tuple[str, str]] = ()
    search: str = ""
    data: Any = None
    not_found: frozenset[str] = frozenset()
    conflicts: frozenset[str] = frozenset()


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


def _home(request: Request) -> Response:
    path, query = request.app.state.site.home
    return redirect(request, path, **query)
