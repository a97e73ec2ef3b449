"""The output of a fit: JSON, a ROOT file, plots, and printed tables.

`save_fit` writes all of it into a folder; the others are for notebooks.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
