"""The comparison of results, among the functions of trains: see `tau3mu.compare`."""

from __future__ import annotations

from tau3mu.compare import Comparison, compare

__all__ = ["Comparison", "compare"]
