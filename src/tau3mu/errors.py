"""The errors that users see: what is wrong, where, what was expected, what to do.

The command lines print the message of a `Tau3muError` without a traceback and return 1; every
other exception is a defect of the package or of a user's processor.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from tau3mu.storage.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["InputError", "RunError", "Tau3muError", "suggest"]


class Tau3muError(Exception):
    """Says in one message what went wrong; base of all errors that are meant for users."""

    def __init__(self, *texts: object) -> None:
        """Takes the message, in which secrets of URLs are replaced."""
        super().__init__(*(redact(text) if isinstance(text, str) else text for text in texts))


class InputError(Tau3muError, ValueError):
    """Is raised for wrong usage and bad input, before anything has been written."""


class RunError(Tau3muError, RuntimeError):
    """Is raised when a run that had begun cannot go on."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Returns " (did you mean 'x'?)" for the known name closest to `name`, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
