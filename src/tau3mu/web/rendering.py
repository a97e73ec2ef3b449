"""Pages from templates, with links that are relative to the address of the request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from markupsafe import Markup
from starlette.responses import HTMLResponse, RedirectResponse

if TYPE_CHECKING:
    from jinja2 import Environment
    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["fragment", "page", "raw_path", "redirect", "relative"]


def page(request: Request, template: str, status: int = 200, **context: Any) -> HTMLResponse:
    """Returns a page.

    Args:
        request: What was asked.
        template: Such as `web/result.html`; it extends `web/page.html`.
        status: Of the answer.
        **context: The names of the template. Those of all pages are `link(path, **query)`,
            `site`, `csrf` (a token), `csrf_field` (the hidden field of forms with it) and `here`
            (the path of the request).
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

    def link(path: str = "", **query: Any) -> str:
        return relative(request, path, **query)

    csrf = getattr(request.state, "csrf", "")
    common = {
        "link": link,
        "site": request.app.state.site,
        "csrf": csrf,
        "csrf_field": Markup('<input type="hidden" name="csrf" value="{}">').format(csrf),
        "here": request.url.path.lstrip("/"),
    }
    text = templates.get_template(template).render(**common, **context)
    # Halves of characters, of JSON and of names of files that are not UTF-8, cannot be sent.
    return text.encode("utf-8", "replace").decode()


def redirect(request: Request, path: str, **query: Any) -> Response:
    """Returns the answer to a form: go and look there.

    Args:
        request: What was asked.
        path: From the root of the site.
        **query: Of the address.
    """
    return RedirectResponse(relative(request, path, **query), 303)


def relative(request: Request, path: str = "", **query: Any) -> str:
    """Returns an address relative to that of a request, so that proxies may put a prefix before.

    Args:
        request: What was asked.
        path: From the root of the site, as text.
        **query: Of the address; None and "" are left out.
    """
    up = "../" * (raw_path(request).count("/") - 1)
    given = {name: value for name, value in query.items() if value is not None and value != ""}
    words = f"?{urlencode(given, doseq=True, errors='replace')}" if given else ""
    return f"{up or './'}{quote(path, errors='replace')}{words}"


def raw_path(request: Request) -> str:
    """Returns the path as it was asked for: a slash within a name is still `%2F`.

    Args:
        request: What was asked.
    """
    raw: bytes = request.scope.get("raw_path") or quote(request.scope["path"]).encode()
    return raw.partition(b"?")[0].decode("ascii", "replace")
