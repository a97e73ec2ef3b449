"""A whole run: its options, plan, work and results.

`tau3mu.run(...)` and `python -m tau3mu.run` do the same. `Settings` are their options, `prepare`
checks everything and returns a `RunPlan`, `analyse` does the work and returns a `Run`, which
`open_run` reads back later.
"""

from __future__ import annotations

import lazy_loader

from tau3mu.callables import make_callable

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

make_callable(__name__, "tau3mu.run.front:run")
