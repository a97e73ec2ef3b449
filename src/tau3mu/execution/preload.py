"""What a worker of a cluster imports as it starts, so that its first chunk need not wait."""

from __future__ import annotations

import importlib
import sys

from tau3mu.clusters.versions import leave_out_pandas
from tau3mu.console.cli import first_import

__all__: list[str] = []

with first_import("tau3mu.execution.chunk"):
    for _name in ("tau3mu.execution.chunk", "tau3mu.processors", "hist", "vector"):
        importlib.import_module(_name)
if "distributed" in sys.modules:
    leave_out_pandas()
