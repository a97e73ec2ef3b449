"""Maps functions over chunks and other tasks: here, in several processes, or on Dask.

`execute` runs processors over chunks, and `run_tasks` any function over any tasks.
"""

from __future__ import annotations

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
