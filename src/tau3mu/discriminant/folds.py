"""The fold of an event, which depends on the event alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["fold_of"]


def fold_of(run: Any, lumi: Any, event: Any, folds: int) -> npt.NDArray[np.int64]:
    """Returns the fold of each event: a hash of its three numbers, the same everywhere.

    Args:
        run: Run numbers.
        lumi: Numbers of luminosity sections.
        event: Numbers of events.
        folds: How many there are.
    """
    mixed = np.zeros(len(run), np.uint64)
    for numbers in (run, lumi, event):
        mixed = _mixed(mixed ^ np.asarray(numbers).astype(np.uint64))
    return (mixed % np.uint64(folds)).astype(np.int64)


def _mixed(number: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Returns well mixed bits; source: SplitMix64 of Steele, Lea and Flood, OOPSLA 2014."""
    with np.errstate(over="ignore"):
        number = number + np.uint64(0x9E3779B97F4A7C15)
        number = (number ^ (number >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        number = (number ^ (number >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed: npt.NDArray[np.uint64] = number ^ (number >> np.uint64(31))
    return mixed
