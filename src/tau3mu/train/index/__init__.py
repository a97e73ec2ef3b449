"""The database of a store: an index of its folders, which can always be made from them again.

`update` says that something in a folder has changed, and does nothing where SQLAlchemy is not
installed. `Index` asks: it looks for what has changed since, also without `update` or on another
machine, so that its answers are those of the folders.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
