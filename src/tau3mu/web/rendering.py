"""Pages from templates, with links that are relative to the address of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from starlette.responses import HTMLResponse, RedirectResponse

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["fragment", "page", "redirect"]


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Returns a page.

    Args:
        request: What was asked.
        template: Such as `web/result.html`; it extends `web/page.html`.
        status: Of the answer.
        **context: The names of the template. Those of all pages are `link(path, **query)`,
            `site`, `csrf` (a token) and `here` (the path of the request).
    """
    return HTMLResponse(fragment(request, template, **context), status)


def fragment(request: Request, template: str, **context: Any) -> str:
    """Returns a part of a page, as `page` does.

    Args:
        request: What was asked.
        template: Its name.
        **context: The names of the template.
    """
    templates: Environment = request.app.state.templates
    here = request.url.path

    def link(path: str = "", **query: Any) -> str:
        return _link(here, path, query)

    common = {
        "link": link,
        "site": request.app.state.site,
        "csrf": getattr(request.state, "csrf", ""),
        "here": here.lstrip("/"),
    }
    return templates.get_template(template).render(**common, **context)


def redirect(request: Request, path: str, **query: Any) -> Response:
    """Returns the answer to a form: go and look there.

    Args:
        request: What was asked.
        path: From the root of the site.
        **query: Of the address.
    """
    return RedirectResponse(_link(request.url.path, path, query), 303)


def _link(here: str, path: str, query: dict[str, Any]) -> str:
    """Returns an address relative to that of a request, so that proxies may put a prefix before."""
    up = "../" * (here.count("/") - 1)
    given = {name: value for name, value in query.items() if value is not None and value != ""}
    words = f"?{urlencode(given, doseq=True)}" if given else ""
    return f"{up or './'}{quote(path)}{words}"
