"""The events that are left at a step of a cutflow, for those who ask."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["CutReads", "Survivors"]


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
