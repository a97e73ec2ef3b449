"""The results folder: everything that a run found, and how it was made.

`ResultsFolder` writes one, `tau3mu.open` reads it back.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
