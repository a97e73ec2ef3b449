"""Derived data: skims of the events that are left at a step, slim candidates, and links."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
