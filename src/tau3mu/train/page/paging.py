"""Long lists in pages, and what an address asks of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Paging", "asked", "paging"]

_LARGEST = 10**9


class Paging(NamedTuple):
    """Where in a long list a page is.

    Attributes:
        page: Its number, from 1.
        size: Rows of each page.
    """

    page: int
    size: int

    @property
    def offset(self) -> int:
        """The rows before this page."""
        return (self.page - 1) * self.size

    def pages(self, total: int) -> int:
        """Returns how many pages there are, at least one.

        Args:
            total: The number of all rows.
        """
        return max(1, -(-total // self.size))


def paging(request: Request, size: int) -> Paging:
    """Returns which page of a list an address asks for: `page`, the first by default.

    Args:
        request: What was asked.
        size: Rows of each page.

    Raises:
        InputError: It is not a number from 1.
    """
    text = request.query_params.get("page", "") or "1"
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
    if not 1 <= number <= _LARGEST:
        message = f"page={text}: expected the number of a page, from 1"
        raise InputError(message, code="web.bad-query", path="page")
    return Paging(number, size)


def asked(request: Request, *names: str) -> dict[str, str]:
    """Returns what an address asks for by some names, without what is empty.

    Args:
        request: What was asked.
        *names: Of the words of a form.
    """
    given = {name: request.query_params.get(name, "").strip() for name in names}
    return {name: value for name, value in given.items() if value}
