"""Ntuples: layouts, the canonical view of their events, and the reading of them."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
