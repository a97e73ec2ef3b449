"""Ntuples: layouts, the canonical view of their events, and the reading of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.ntuples.detection import detect_layout
    from tau3mu.ntuples.events import empty_events
    from tau3mu.ntuples.layout import Layout, layouts
    from tau3mu.ntuples.reader import ReadError, Reading, read_events
    from tau3mu.ntuples.schema import NtupleSchema
    from tau3mu.ntuples.triggers import fired

__all__ = [
    "Layout",
    "NtupleSchema",
    "ReadError",
    "Reading",
    "detect_layout",
    "empty_events",
    "fired",
    "layouts",
    "read_events",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "events": ["empty_events"],
        "detection": ["detect_layout"],
        "layout": ["Layout", "layouts"],
        "reader": ["ReadError", "Reading", "read_events"],
        "schema": ["NtupleSchema"],
        "triggers": ["fired"],
    },
)
