"""Who may ask: hosts, the token and its cookie, and forms of this page only."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anyio
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request

from tau3mu.errors import InputError
from tau3mu.web.entry import Entry
from tau3mu.web.forms import FIELDS, LARGEST, form
from tau3mu.web.headers import protect
from tau3mu.web.hosts import comes_from_here, is_known_host, is_own_form
from tau3mu.web.rendering import page

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Access", "Guard"]

_PUBLIC: Final = ("/static/", "/style.css")  # of the package, for the page that asks for the token
_ENTER: Final = "/enter"
_FORM: Final = "application/x-www-form-urlencoded"
_LONGEST: Final = 30  # seconds for the body of a form


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        token: The secret of those who may; "" lets everybody in, for tests.
        hosts: The names of the server, in lower case; an empty set lets all in, for tests.
        proxies: Those of them under which proxies show the server.
        cookie: The name of the cookie, which differs between servers on one host.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    proxies: frozenset[str] = frozenset()
    cookie: str = "tau3mu"

    def derived(self, what: str) -> str:
        """Returns a secret that the token gives, and that does not give the token.

        Args:
            what: It is for.
        """
        return hmac.new(self.token.encode(), what.encode(), hashlib.sha256).hexdigest()


class Guard:
    """Lets a request through to the application, or answers in its place."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        """Wraps an application.

        Args:
            app: What is guarded.
            access: Who may ask.
        """
        self._app = app
        self._access = access
        self._csrf = access.derived("form")
        self._entry = Entry(access.token, access.derived("cookie"), access.cookie)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                protect(MutableHeaders(scope=message))
            await send(message)

        state = scope.setdefault("state", {})
        state["csrf"] = self._csrf
        answer = await self._answer(Request(scope, receive))
        await (self._app if answer is None else answer)(scope, receive, protected)

    async def _answer(self, request: Request) -> Response | None:
        """Returns what is answered in place of the application, None to let it through."""
        refused = self._refused(request)
        if refused is None and request.method == "POST":
            refused = await self._read(request)
        if refused is not None:
            return _refusal(request, refused)
        answer = await self._asked_for_token(request) if self._access.token else None
        if answer is None and request.method == "POST" and not self._has_csrf(request):
            return _refusal(request, "web.stale-form")
        return answer

    def _refused(self, request: Request) -> str | None:
        """Returns why nobody may ask this, None if some may."""
        if self._access.hosts and not is_known_host(request, self._access.hosts):
            return "web.unknown-host"
        if request.method not in {"GET", "HEAD", "POST"}:
            return "web.method"
        form_of_others = request.method == "POST" and not is_own_form(request, self._access.proxies)
        return "web.other-site" if form_of_others or not comes_from_here(request) else None

    async def _read(self, request: Request) -> str | None:
        """Reads a form, before anything else is done with it; returns why not, None if it has."""
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
            return "web.no-form"
        body = bytearray()
        with anyio.move_on_after(_LONGEST) as limit:
            try:
                async for part in request.stream():
                    body += part
                    if len(body) > LARGEST:
                        return "web.large-form"
            except ClientDisconnect:
                return "web.incomplete-form"
        request.state.body = bytes(body)
        try:
            form(request)
        except InputError as error:
            return error.code
        return "web.incomplete-form" if limit.cancelled_caught else None

    async def _asked_for_token(self, request: Request) -> Response | None:
        """Returns what those are answered who show the token or have to, None to the others."""
        path = request.url.path
        if request.method == "POST":
            if path == _ENTER:
                return await self._entry.by_form(request, form(request))
        elif "token" in request.query_params:
            return await self._entry.by_address(request)
        elif path.startswith(_PUBLIC):
            return None
        return None if self._entry.is_known(request) else self._entry.question(request)

    def _has_csrf(self, request: Request) -> bool:
        given = request.headers.get("x-csrf-token") or form(request).get("csrf", [""])[0]
        return hmac.compare_digest(given.encode(), self._csrf.encode())


_WORDS: Final = {
    "web.incomplete-form": (408, "The form did not arrive as a whole. Send it again."),
    "web.large-form": (
        413,
        f"The form has more than {LARGEST} bytes, or more than {FIELDS} fields.",
    ),
    "web.method": (405, "Pages can only be read, and forms be sent."),
    "web.no-form": (415, "This is not a form of a page."),
    "web.other-site": (403, "The request comes from another site. Open the page itself."),
    "web.stale-form": (
        403,
        "The form is of an earlier start of the server. Load its page again, and send it again.",
    ),
    "web.unknown-host": (
        400,
        "The server has another name. Behind a proxy, start it with --allow-host NAME.",
    ),
}


def _refusal(request: Request, code: str) -> Response:
    status, message = _WORDS[code]
    return page(request, "web/refusal.html", status, message=message, code=code)
