"""The errors that users see: what is wrong, where, what was expected, what to do.

The command lines print the message of a `Tau3muError` without a traceback and return 1; every
other exception is a defect of the package or of a user's processor.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from tau3mu.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["InputError", "RunError", "Tau3muError", "suggest"]


class Tau3muError(Exception):
    """An error that is meant for users; base of all errors of this package.

    Attributes:
        code: The kind of the error, such as `fit.unknown-key`: the package and some words in kebab
            case. It stays when the sentence is changed, so that programs and tests can rely on it.
        path: What the error is about: a file, an option, or keys such as `parts.mass.range`.
        details: The traceback of the code of a user that failed, empty for any other error.
    """

    code: str
    path: str
    details: str = ""

    def __init__(self, *texts: object, code: str = "", path: object = "") -> None:
        """Creates the error.

        Args:
            texts: The message, in which secrets of URLs are replaced.
            code: The kind of the error.
            path: What it is about.
        """
        super().__init__(*(redact(text) if isinstance(text, str) else text for text in texts))
        self.code = code
        self.path = redact(str(path))


class InputError(Tau3muError, ValueError):
    """Is raised for wrong usage and bad input, before anything has been written."""


class RunError(Tau3muError, RuntimeError):
    """Is raised when a run that had begun cannot go on."""


def suggest(name: str, known: Iterable[str]) -> str:
    """Returns " (did you mean 'x'?)" for the known name closest to `name`, or an empty string.

    Args:
        name: What was given.
        known: What could have been meant.
    """
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
