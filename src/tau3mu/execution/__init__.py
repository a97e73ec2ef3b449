"""Maps the chunk function: in this process, in several, or on a Dask cluster.

`execute` runs processors over chunks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.execution.chunk import ProcessorError, process_chunk
    from tau3mu.execution.dry_run import dry_run
    from tau3mu.execution.loop import RetryPolicy
    from tau3mu.execution.merge import FileRead, ProcessorResult, RunResult
    from tau3mu.execution.run import execute

__all__ = [
    "FileRead",
    "ProcessorError",
    "ProcessorResult",
    "RetryPolicy",
    "RunResult",
    "dry_run",
    "execute",
    "process_chunk",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chunk": ["ProcessorError", "process_chunk"],
        "dry_run": ["dry_run"],
        "loop": ["RetryPolicy"],
        "merge": ["FileRead", "ProcessorResult", "RunResult"],
        "run": ["execute"],
    },
)
