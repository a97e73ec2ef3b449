"""The events that are left at a step of a cutflow, for those who ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.processing.table import Table

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.outputs.selection import Selection
    from tau3mu.processing.recorder import Cutflow

__all__ = ["CutReads", "Survivors", "check_survivors"]


@dataclass(frozen=True)
class CutReads:
    """A cut and what its answers depend on.

    Attributes:
        name: The name of the cut.
        step: Its step.
        reads: The attributes of the processor that it and the quantities that it asks for read.
    """

    name: str
    step: str
    reads: frozenset[str]


@dataclass
class Survivors:
    """The events of a chunk that are left at a step.

    Attributes:
        step: The step; `all` is the first one.
        entries: The events, as their index in the chunk, ascending; None until the step is done.
        cuts: The cuts up to the step, where it is known what they read.
    """

    step: str
    entries: npt.NDArray[np.int64] | None = None
    cuts: tuple[CutReads, ...] | None = None


def check_survivors(
    name: str, survivors: Survivors, selected: Table | Selection, cutflow: Cutflow
) -> None:
    """Checks that it is known which events a step leaves, and that no candidate is in another.

    Args:
        name: The name of the processor.
        survivors: What was asked for.
        selected: What the processor returned.
        cutflow: What it recorded.

    Raises:
        InputError: There is no such step, or candidates are in events that it does not leave.
    """
    step = survivors.step
    if survivors.entries is None:
        steps = [one.name for one in (cutflow.steps if isinstance(selected, Table)
                                      else selected.cutflow)]  # fmt: skip
        if step in steps:
            problem = f"does not tell which events step {step!r} leaves: it records its own cutflow"
        else:
            problem = f"has no step {step!r}{suggest(step, steps)}; it has {', '.join(steps)}"
        message = f"{name} {problem}"
        raise InputError(message, code="derived.unknown-step", path=f"{name}.{step}")
    if not isinstance(selected, Table):
        return
    with_rows = cutflow.entries[selected.events_with_rows(len(cutflow.events))]
    if len(lost := np.setdiff1d(with_rows, survivors.entries)):
        message = (
            f"{name} has candidates in {len(lost)} events that step {step!r} does not leave: "
            "choose a step that all candidates pass, or cut the collection that they come from"
        )
        raise InputError(message, code="derived.lost-candidates", path=f"{name}.{step}")
