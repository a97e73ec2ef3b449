"""Collects what the tests of faults measure, for the table of `docs/reliability.md`."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path

__all__ = ["record_figure"]


def record_figure(fault: str, **facts: object) -> None:
    """Appends a line of JSON to the file that TAU3MU_FIGURES names; does nothing without it.

    Args:
        fault: What was done, as the row of the table is called.
        facts: What came out, such as `events_in`, `events_out` and `seconds`.
    """
    if name := os.environ.get("TAU3MU_FIGURES"):
        line = json.dumps({"fault": fault, **facts, "python": platform.python_version()})
        # One write of a line to a file open for appending: tests may run side by side.
        with Path(name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
