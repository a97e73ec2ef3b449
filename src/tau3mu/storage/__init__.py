"""Files: whole or not at all, here and on servers."""

from __future__ import annotations
