"""The limits of a wagon, within which its test is OK."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import Field

from tau3mu.config.documents import Strict

__all__ = ["KILL_FACTOR", "Limits"]

KILL_FACTOR: Final = 1.25
"""A test with so many times more memory than its limit is ended."""

_Positive = Annotated[float, Field(gt=0)]


class Limits(Strict):
    """Limits of what a wagon needs on the whole dataset; above them its test is a warning.

    Attributes:
        memory_mb: Memory of a process (PSS), in units of 10⁶ bytes; a test that needs 1.25 times
            more is ended, and has failed.
        cpu_hours: CPU time of the whole dataset; above it, a train has to be approved.
        output_mb: Histograms, candidates and skim of the whole dataset.
        min_reduction: How many times fewer events a skim has to have than what it reads.
    """

    memory_mb: _Positive = 2000.0
    cpu_hours: _Positive = 100.0
    output_mb: _Positive = 4000.0
    min_reduction: _Positive = 2.0
