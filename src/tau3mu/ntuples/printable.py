"""Names from outside, for terminals and logs."""

from __future__ import annotations

__all__ = ["printable"]


def printable(text: str) -> str:
    """Returns a text in one line, with an escape for each character that cannot be printed."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode()
        for each in text
    )
