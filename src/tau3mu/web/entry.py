"""The way in: the token, once in an address or a form, and a cookie from then on."""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

import anyio
from starlette.responses import RedirectResponse

from tau3mu.web.rendering import page, raw_path, relative

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.responses import Response

__all__ = ["Entry"]

_PAUSE: Final = 0.5  # seconds that a wrong token costs, one after the other
_MOST: Final = 10.0  # seconds that anybody waits for that


class Entry:
    """Exchanges the token for the cookie.

    The cookie has no path of its own: a browser takes the folder of the address at which it was
    set, with what a proxy puts before it. So it is set at the root only.
    """

    def __init__(self, token: str, value: str, cookie: str) -> None:
        """Creates the object.

        Args:
            token: The secret.
            value: Of the cookie.
            cookie: Its name.
        """
        self._token = token
        self._value = value
        self._cookie = cookie
        self._free = 0.0  # when the next wrong token may be answered

    def is_known(self, request: Request) -> bool:
        """Returns whether a request has the cookie.

        Args:
            request: What was asked.
        """
        given = request.cookies.get(self._cookie, "")
        return hmac.compare_digest(given.encode(), self._value.encode())

    def question(
        self, request: Request, following: str | None = None, status: int = 403, wrong: str = ""
    ) -> Response:
        """Returns the page that asks for the token.

        Args:
            request: What was asked.
            following: Where to go with the right token, the address that was asked by default.
            status: Of the answer.
            wrong: What is wrong with the token that was given.
        """
        if following is None:
            following = "" if request.method == "POST" else _asked(request)
        inside = _inside(following)
        return page(request, "web/token.html", status, following=inside, wrong=wrong)

    async def by_address(self, request: Request) -> Response:
        """Answers a request with the token in its address.

        Args:
            request: A GET.
        """
        given = request.query_params["token"]
        if raw_path(request) != "/":
            query = urlencode({"token": given, "next": _asked(request)})
            return RedirectResponse(f"{relative(request)}?{query}", 303)
        return await self._checked(request, given, request.query_params.get("next", ""))

    async def by_form(self, request: Request, fields: Mapping[str, list[str]]) -> Response:
        """Answers the form that has the token.

        Args:
            request: A POST.
            fields: Of the form.
        """
        given, following = (fields.get(name, [""])[0] for name in ("token", "next"))
        return await self._checked(request, given.strip(), following)

    async def _checked(self, request: Request, given: str, following: str) -> Response:
        if hmac.compare_digest(given.encode(), self._token.encode()):
            return self._entered(request, _inside(following))
        now = time.monotonic()
        self._free = max(now, self._free) + _PAUSE
        if self._free - now > _MOST:
            self._free -= _PAUSE
            return self.question(request, following, 429, "Too many wrong tokens: wait a moment.")
        await anyio.sleep(self._free - now)
        return self.question(request, following, wrong="This is not the token.")

    def _entered(self, request: Request, following: str) -> Response:
        """Returns the answer that sets the cookie and leads on.

        A browser that follows a link of another site sends no strict cookie, not even where it is
        led on to; from a page that leads on it does.
        """
        answer: Response
        if request.headers.get("sec-fetch-site") == "cross-site":
            answer = page(request, "web/entered.html", following=following)
        else:
            answer = RedirectResponse(following, 303)
        answer.set_cookie(
            self._cookie, self._value, httponly=True, samesite="strict", path=None,
            secure=request.url.scheme == "https",
        )  # fmt: skip
        return answer


def _asked(request: Request) -> str:
    """Returns the address that was asked, from the root on, without the token."""
    query = parse_qsl(request.url.query, keep_blank_values=True)
    words = urlencode([(name, value) for name, value in query if name != "token"])
    return f"{raw_path(request).lstrip('/')}{f'?{words}' if words else ''}"


def _inside(following: str) -> str:
    """Returns an address below the root, which is asked for from the root: that, or the root."""
    path = following.partition("?")[0]
    odd = "\\" in following or not following.isprintable() or path.startswith("/")
    return "./" if odd or ".." in path.split("/") else f"./{following}"
