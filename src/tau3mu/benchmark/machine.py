"""The machine that a study was made on."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil

from tau3mu.results import provenance

__all__ = ["describe_machine"]


def describe_machine() -> dict[str, Any]:
    """Returns processor, cores, memory, versions, command and time, ready for JSON."""
    return {
        "processor": _processor(),
        "cores": psutil.cpu_count(),
        "memory": psutil.virtual_memory().total,
        "load": psutil.getloadavg()[0],
        **provenance(started=datetime.now(timezone.utc)),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
