"""Names that are meant to do harm, or that spoil what is beside them."""

from __future__ import annotations

__all__ = ["HOSTILE", "LONG", "RIGHT_TO_LEFT"]

HOSTILE = "<img src=x onerror=alert(1)>"
LONG = "l" * 200
RIGHT_TO_LEFT = "\u202eאבג & <b>"
