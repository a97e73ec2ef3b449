"""Forms that are sent to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["form"]


def form(request: Request) -> dict[str, list[str]]:
    """Returns the fields of a form; the middleware has read its body and checked its token.

    Args:
        request: A POST.
    """
    body: bytes = request.state.body
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
