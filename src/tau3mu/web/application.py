"""The application: a site with its pages, errors as pages, and what all of them share."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tau3mu.errors import InputError, Tau3muError
from tau3mu.report.rendering import environment
from tau3mu.web.files import routes as file_routes
from tau3mu.web.rendering import page
from tau3mu.web.security import Guard
from tau3mu.web.worker import Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from starlette.requests import Request

__all__ = ["Site", "application"]

_MISSING: Final = "web.not-found"


@dataclass(frozen=True)
class Site:
    """What a server shows.

    Attributes:
        root: Nothing outside of this folder is shown.
        title: Above all pages.
        routes: The pages, but for those that all sites have.
        templates: Packages with templates, besides `tau3mu.web`.
        navigation: Texts and paths of the pages that each page links to.
        search: The path of the page that the search box of all pages asks, "" for no box.
        data: What the pages need to know, such as the store: `request.app.state.page`.
        not_found: Codes of errors that mean that there is no such page.
    """

    root: Path
    title: str
    routes: Sequence[BaseRoute] = ()
    templates: Sequence[str] = ()
    navigation: Sequence[tuple[str, str]] = ()
    search: str = ""
    data: Any = None
    not_found: frozenset[str] = field(default=frozenset())


def application(
    site: Site, token: str = "", *, hosts: frozenset[str] = frozenset(), cookie: str = "tau3mu"
) -> Starlette:
    """Returns the application of a site.

    Args:
        site: What is shown.
        token: The secret of those who may ask; "" lets everybody in, for tests.
        hosts: The names of the server; an empty set lets all names in, for tests.
        cookie: The name of the cookie, which differs between servers on one host.
    """

    @asynccontextmanager
    async def life(app: Starlette) -> AsyncIterator[None]:
        yield
        app.state.worker.close()

    static = Mount("/static", StaticFiles(packages=[("tau3mu.web", "static")]))
    app = Starlette(
        routes=[*site.routes, *file_routes, Route("/style.css", _style), static],
        middleware=[Middleware(Guard, token=token, hosts=hosts, cookie=cookie)],
        exception_handlers={Tau3muError: _error, 404: _not_found},
        lifespan=life,
    )
    app.state.site = site
    app.state.page = site.data
    app.state.worker = Worker()
    app.state.templates = environment("tau3mu.web", *site.templates)
    return app


def _style(_: Request) -> Response:
    """Returns the styles that pages and reports share."""
    return Response((files("tau3mu.report") / "style.css").read_bytes(), media_type="text/css")


def _error(request: Request, error: Exception) -> Response:
    """Returns the page of an error with a code."""
    site: Site = request.app.state.site
    code = getattr(error, "code", "")
    status = 404 if code in {_MISSING, *site.not_found} else 400
    if not isinstance(error, InputError):
        status = 500
    return page(request, "web/error.html", status, message=str(error), code=code)


def _not_found(request: Request, _: Exception) -> Response:
    return page(request, "web/error.html", 404, message="There is no such page.", code=_MISSING)
