"""Models and limits in the forms of others: HS3, pyhf, cards of Combine, HEPData."""

from __future__ import annotations

from tau3mu.limits.exchange.exporting import export

__all__ = ["export"]
