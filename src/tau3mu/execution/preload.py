"""What a worker of a cluster imports as it starts, so that its first chunk need not wait."""

from __future__ import annotations

import importlib
import logging

from tau3mu.console.cli import first_import

__all__: list[str] = []

with first_import("tau3mu.execution.chunk"):
    for _name in ("tau3mu.execution.chunk", "tau3mu.processors", "hist", "vector"):
        importlib.import_module(_name)


def _is_of_interest(record: logging.LogRecord) -> bool:
    """Leaves out the tracebacks of connections that the scheduler of this machine has closed.

    It ends with its run, such as by Ctrl-C, and a worker may be in the middle of a heartbeat then.
    If it ends without, the run says so.
    """
    from distributed.comm import CommClosedError

    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, CommClosedError)


logging.getLogger("distributed.worker").addFilter(_is_of_interest)
