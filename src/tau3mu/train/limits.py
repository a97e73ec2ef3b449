"""The limits of a wagon, within which its test is OK."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import Field

from tau3mu.config.documents import Strict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["KILL_FACTOR", "Limits", "limits_of"]

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


def limits_of(given: Sequence[Mapping[str, float | None]]) -> Limits:
    """Returns the limits of a wagon, or of several that run together.

    The memory of a process, of which wagons share the most, may be that of the largest of them;
    CPU and output add up. What is not given has its default.

    Args:
        given: Of each wagon, as in a train file; None is not given.
    """
    each = [Limits(**{name: float(v) for name, v in one.items() if v is not None}) for one in given]
    return Limits(
        memory_mb=max(one.memory_mb for one in each),
        cpu_hours=sum(one.cpu_hours for one in each),
        output_mb=sum(one.output_mb for one in each),
        min_reduction=min(one.min_reduction for one in each),
    )
