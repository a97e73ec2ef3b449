"""The discriminant of the search: what it reads, its trees, and the scores of candidates.

What trains it is `tau3mu.learning`; here is what a processor needs to use it.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
