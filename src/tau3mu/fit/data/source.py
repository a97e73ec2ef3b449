"""What was read to be fitted, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from hist import Hist

__all__ = ["Source", "Values"]

Values = tuple["np.ndarray", "np.ndarray | None"]
"""The values of a variable and their weights, None if each counts one."""


@dataclass(frozen=True, eq=False)
class Source:
    """A histogram, or values with their weights, as they were read.

    Attributes:
        data: What was read, neither cut nor checked.
        name: Where it comes from: `FILE:KEY`.
        datasets: The datasets of a run that are in it.
        simulation: Whether it is simulation.
        lumi: The integrated luminosity in /fb, None if it is not known.
        energy: The center-of-mass energy in TeV, None if it is not known or not the same for all.
        warning: What a user should know of the choice.
        passed: Which of the entries that were read pass the cut, None without one.
    """

    data: Hist[Any] | Values
    name: str = ""
    datasets: tuple[str, ...] = ()
    simulation: bool = False
    lumi: float | None = None
    warning: str = ""
    energy: float | None = None
    passed: np.ndarray | None = None
