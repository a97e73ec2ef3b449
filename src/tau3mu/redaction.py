"""Texts that leave the process: without secrets, and such that every file can hold them.

Whoever may read a file by its URL often has the right in the URL itself: a password, a token, a
signature. A path becomes a label through `redact` before it is put into a message, a column or a
document, since a text that is part of JSON cannot be replaced in it any more.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

__all__ = ["redact", "redacted"]

_STARS: Final = "***"
_KEYS: Final = (
    r"[\w.%-]*(?:token|authz|authori[sz]ation|passw(?:or)?d|passphrase|pwd|secret|signature"
    r"|credential|api_?-?key|access_?-?key(?:_?id)?|jwt|macaroon|session_?(?:id|key))"
)
_SECRETS: Final = re.compile(
    r"(?P<user>://[^/@\s\"':?#]*):(?!\*\*\*@)[^/\s]+(?=@)"  # up to the last @ before the path
    r"|(?P<alone>https?://)(?!\*\*\*@)[^/@\s\"':?#]+(?=@)"
    rf"|(?P<key>(?:(?<![\w.%-]){_KEYS}|(?<=[?&;])(?:auth|code|key|sig|pass|ticket))=)"
    r"(?!\*\*\*)(?:Bearer(?:%20|[+\s]))?[^&\s#]+"
    r"|(?P<scheme>\b(?:Authorization:\s*\w+|Bearer)(?:%20|[+\s]+))(?=[^\s,;&]*[\d._=])[^\s,;&\"']+"
    r"|\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?",  # a JSON Web Token, wherever it stands
    re.IGNORECASE,
)


def redact(text: str) -> str:
    """Returns a text with passwords, tokens and signatures replaced by three stars.

    Half characters, by which Python stands in for bytes that are not UTF-8, are written out, since
    no file can hold them. To redact twice changes nothing.
    """
    if "=" in text or "@" in text or "earer" in text or "eyJ" in text or "uthorization" in text:
        text = _SECRETS.sub(_without_secret, text)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def redacted(value: Any) -> Any:
    """Returns what JSON can hold with each of its texts redacted, keys too."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, PurePath):
        return redact(str(value))
    if isinstance(value, Mapping):
        return {redacted(key): redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redacted(item) for item in value]
    return value


def _without_secret(found: re.Match[str]) -> str:
    if found["user"] is not None:
        return f"{found['user']}:{_STARS}"
    return f"{found['alone'] or found['key'] or found['scheme'] or ''}{_STARS}"
