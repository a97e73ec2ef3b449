"""Maps functions over chunks and other tasks: here, in several processes, or on Dask.

`execute` runs processors over chunks, and `run_tasks` any function over any tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.execution.chunk import ChunkResult, ProcessorError, process_chunk
    from tau3mu.execution.dry_run import dry_run
    from tau3mu.execution.loop import RetryPolicy
    from tau3mu.execution.merge import FileRead, ProcessorResult, RunResult
    from tau3mu.execution.run import execute
    from tau3mu.execution.tasks import run_tasks

__all__ = [
    "ChunkResult",
    "FileRead",
    "ProcessorError",
    "ProcessorResult",
    "RetryPolicy",
    "RunResult",
    "dry_run",
    "execute",
    "process_chunk",
    "run_tasks",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chunk": ["ChunkResult", "ProcessorError", "process_chunk"],
        "dry_run": ["dry_run"],
        "loop": ["RetryPolicy"],
        "merge": ["FileRead", "ProcessorResult", "RunResult"],
        "run": ["execute"],
        "tasks": ["run_tasks"],
    },
)
