"""Training of the discriminant of the search, its checks, and the bins of its scores."""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
