"""Comparison of results: what differs between two runs, where, by how much, and why.

`compare(a, b)` returns a `Comparison` of two results folders, or of one with the list of events of
another group. It reads no events, unless it is asked for the steps at which events are lost.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
