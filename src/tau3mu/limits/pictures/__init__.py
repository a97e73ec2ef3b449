"""Pictures of limits and of their diagnostics, as figures."""

from __future__ import annotations
