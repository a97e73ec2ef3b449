"""What the fits of a run blind, which no page shows: the same bins that no picture has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tau3mu.plotting.blinding import blinded

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from hist import Hist

__all__ = ["hidden_bins", "is_blinded", "without_bins"]


def is_blinded(place: Path, name: str, axes: Iterable[str]) -> bool:
    """Returns whether the fit of a processor blinds a part of a histogram.

    Args:
        place: The folder of the processor.
        name: Of the histogram.
        axes: The names of its variables.
    """
    return any(blinded(place.parent, place.name, {name, axis}) for axis in axes)


def hidden_bins(place: Path, name: str, dataset: str, part: Hist[Any]) -> Any:
    """Returns which bins of a part of a histogram nobody may see, None if all may be seen.

    Args:
        place: The folder of the processor.
        name: Of the histogram.
        dataset: That of the part; of simulation, nothing is blinded.
        part: Of nothing but variables.
    """
    import numpy as np

    from tau3mu.plotting.content import outside
    from tau3mu.results.places import processor_in

    windows = [blinded(place.parent, place.name, {name, axis.name}) for axis in part.axes]
    if not any(windows):
        return None
    facts = processor_in(place.parent, place.name)[1].datasets
    if dataset in facts and facts[dataset].is_mc:
        return None
    shown: Any = np.ones([len(axis) for axis in part.axes], bool)
    for number, (axis, some) in enumerate(zip(part.axes, windows, strict=True)):
        if some:
            shape = [-1 if place == number else 1 for place in range(part.ndim)]
            shown &= np.reshape(outside(axis, some), shape)
    return ~shown


def without_bins(part: Hist[Any], bins: Any) -> Hist[Any]:
    """Returns a part of a histogram in which some bins are empty.

    Args:
        part: Of nothing but variables.
        bins: Which are to be empty, None for none.
    """
    import numpy as np

    if bins is None:
        return part
    left = part.copy()
    inside = left.view()
    inside[bins] = np.zeros_like(inside[bins])
    return left
