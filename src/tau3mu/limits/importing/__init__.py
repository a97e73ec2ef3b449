"""Models of others as model files: channel tables, and cards of Combine without workspaces."""

from __future__ import annotations

from tau3mu.limits.importing.cards import from_card
from tau3mu.limits.importing.table import from_table

__all__ = ["from_card", "from_table"]
