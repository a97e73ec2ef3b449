"""Maps the chunk function: in this process, in several, or on a Dask cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from tau3mu.execution.chunk import ProcessorError, process_chunk, rehearse
    from tau3mu.execution.cluster import connect
    from tau3mu.execution.merge import FileRead, ProcessorResult, RunResult
    from tau3mu.execution.run import execute

__all__ = [
    "FileRead",
    "ProcessorError",
    "ProcessorResult",
    "RunResult",
    "connect",
    "execute",
    "process_chunk",
    "rehearse",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "chunk": ["ProcessorError", "process_chunk", "rehearse"],
        "cluster": ["connect"],
        "merge": ["FileRead", "ProcessorResult", "RunResult"],
        "run": ["execute"],
    },
)
