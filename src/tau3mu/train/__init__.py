"""Analysis trains: many configured analyses in one pass, tested before they run, and frozen.

A train file names wagons (processors with parameters and variants) and datasets. `Train` reads it,
`test` measures what it needs, and what is composed from it runs from a frozen copy. `compare` and
`reproduce` compare results, also those of `tau3mu.run`.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
