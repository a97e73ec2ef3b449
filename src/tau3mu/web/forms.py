"""Forms that are sent to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["FIELDS", "LARGEST", "form"]

LARGEST: Final = 100_000
"""Bytes of a form."""
FIELDS: Final = 1000
"""Of a form, at most."""


def form(request: Request) -> dict[str, list[str]]:
    """Returns the fields of a form; the middleware has read its body and checked its token.

    Args:
        request: A POST.

    Raises:
        InputError: The form has too many fields.
    """
    body: bytes = request.state.body
    text = body.decode("utf-8", "replace")
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=FIELDS)
    except ValueError as error:
        message = f"the form has more than {FIELDS} fields"
        raise InputError(message, code="web.large-form") from error
