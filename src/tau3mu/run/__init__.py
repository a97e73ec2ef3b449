"""A whole run: options, preparation, analysis and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.run.__main__ import main
    from tau3mu.run.analysis import Outcome, analyse
    from tau3mu.run.preparation import CHUNK_SIZE, Plan, Settings, prepare

__all__ = [
    "CHUNK_SIZE",
    "Outcome",
    "Plan",
    "Settings",
    "analyse",
    "main",
    "prepare",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "__main__": ["main"],
        "analysis": ["Outcome", "analyse"],
        "preparation": ["CHUNK_SIZE", "Plan", "Settings", "prepare"],
    },
)
