"""The search for τ→3μ from ntuples to an expected limit, step by step."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
