"""A whole run: its options, plan, work and results.

`tau3mu.run(...)` and `python -m tau3mu.run` do the same. `Settings` are their options, `prepare`
checks everything and returns a `RunPlan`, `analyse` does the work and returns a `Run`, which
`open_run` reads back later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

from tau3mu.callables import make_callable

if TYPE_CHECKING:
    from tau3mu.run.__main__ import main
    from tau3mu.run.analysis import analyse
    from tau3mu.run.plan import RunPlan
    from tau3mu.run.preparation import prepare
    from tau3mu.run.settings import CHUNK_SIZE, Settings
    from tau3mu.run.stored import ProcessorResults, Run, open_run

__all__ = [
    "CHUNK_SIZE",
    "ProcessorResults",
    "Run",
    "RunPlan",
    "Settings",
    "analyse",
    "main",
    "open_run",
    "prepare",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "__main__": ["main"],
        "analysis": ["analyse"],
        "plan": ["RunPlan"],
        "preparation": ["prepare"],
        "settings": ["CHUNK_SIZE", "Settings"],
        "stored": ["ProcessorResults", "Run", "open_run"],
    },
)

make_callable(__name__, "tau3mu.run.front:run")
