"""Who may ask: hosts, the token and its cookie, tokens of forms, and headers of all answers."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["Guard"]

_LARGEST: Final = 100_000
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; connect-src 'self'; font-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'self'"
)


class Guard:
    """Lets a request through to the application, or answers in its place."""

    def __init__(self, app: ASGIApp, *, token: str, hosts: frozenset[str], cookie: str) -> None:
        """Wraps an application.

        Args:
            app: What is guarded.
            token: The secret; "" lets everybody in, for tests.
            hosts: The names under which the server may be asked, in lower case, without ports.
            cookie: The name of the cookie.
        """
        self._app = app
        self._token = token
        self._hosts = hosts
        self._cookie = cookie
        self._pass = _derived(token, "cookie")
        self._csrf = _derived(token, "form")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Content-Security-Policy", _POLICY)
                headers.setdefault("X-Content-Type-Options", "nosniff")
                headers.setdefault("Referrer-Policy", "no-referrer")
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        answer = await self._answer(scope, receive)
        if answer is None:
            scope.setdefault("state", {})["csrf"] = self._csrf
            await self._app(scope, receive, guarded)
        else:
            await answer(scope, receive, guarded)

    async def _answer(self, scope: Scope, receive: Receive) -> ASGIApp | None:
        """Returns what is answered in place of the application, None to let it through."""
        headers = Headers(scope=scope)
        host = headers.get("host", "").lower().rpartition("@")[2]
        name = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
        if self._hosts and name not in self._hosts:
            return PlainTextResponse("unknown host", 400)
        request = Request(scope, receive)
        if self._token:
            given = request.query_params.get("token")
            if given is not None:
                if not hmac.compare_digest(given.encode(), self._token.encode()):
                    return PlainTextResponse("wrong token", 403)
                answer = RedirectResponse("./", 303)
                answer.set_cookie(
                    self._cookie, self._pass, httponly=True, samesite="strict", path=None,
                    secure=scope["scheme"] == "https",
                )  # fmt: skip
                return answer
            cookie = request.cookies.get(self._cookie, "")
            if not hmac.compare_digest(cookie.encode(), self._pass.encode()):
                return PlainTextResponse("no token: open the address that the command printed", 403)
        if request.method in {"GET", "HEAD"}:
            return None
        return await self._checked_form(scope, request)

    async def _checked_form(self, scope: Scope, request: Request) -> ASGIApp | None:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _LARGEST:
                return PlainTextResponse("too much", 413)
        fields = parse_qs(body.decode("utf-8", "replace"))
        given = request.headers.get("x-csrf-token") or fields.get("csrf", [""])[0]
        if not hmac.compare_digest(given.encode(), self._csrf.encode()):
            return PlainTextResponse("not a form of this page: load it again", 403)
        scope.setdefault("state", {})["body"] = body
        return None


def _derived(token: str, what: str) -> str:
    return hmac.new(token.encode(), what.encode(), hashlib.sha256).hexdigest()
