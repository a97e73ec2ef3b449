"""Names from outside, for terminals and logs."""

from __future__ import annotations

from tau3mu.redaction import redact

__all__ = ["printable"]


def printable(text: str) -> str:
    """Returns a redacted text in one line, with an escape for each unprintable character.

    Args:
        text: From outside.
    """
    text = redact(text)
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape", "backslashreplace").decode()
        for each in text
    )
