"""Which parts of the observable's range are fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tau3mu.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from tau3mu.fit.data.sample import Interval

__all__ = ["Observable", "Windows", "kept", "without"]

_KEYS = {"range": "ranges", "blinded window": "blind"}


class Observable(Protocol):
    """The variable that is fitted, as the model says it."""

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def range(self) -> Interval: ...  # noqa: D102
    @property
    def bins(self) -> int | None: ...  # noqa: D102
    @property
    def edges(self) -> np.ndarray | None: ...  # noqa: D102


class Windows(Protocol):
    """The ranges that are fitted, everything if there are none, and the windows that are not."""

    @property
    def ranges(self) -> tuple[Interval, ...]: ...  # noqa: D102
    @property
    def blind(self) -> tuple[Interval, ...]: ...  # noqa: D102


def kept(limits: Interval, windows: Windows, where: str) -> tuple[Interval, ...]:
    """Returns what is fitted of the range of the observable, in rising order.

    Ranges that overlap or touch become one. What reaches beyond the observable is cut off.

    Raises:
        InputError: A range or a blinded window lies outside of the observable, or nothing is
            left to fit.
    """
    for kind, intervals in (("range", windows.ranges), ("blinded window", windows.blind)):
        for interval in intervals:
            _check(interval, kind, limits, where)
    parts: list[Interval] = []
    for lower, upper in sorted(windows.ranges or (limits,)):
        start, stop = max(lower, limits[0]), min(upper, limits[1])
        if parts and start <= parts[-1][1]:
            parts[-1] = (parts[-1][0], max(parts[-1][1], stop))
        else:
            parts.append((start, stop))
    left = without(parts, windows.blind)
    if not left:
        message = f"{where}: the blinded windows leave nothing of the ranges to fit"
        raise InputError(message, code="fit.all-blinded", path="blind")
    return left


def without(parts: Sequence[Interval], blind: Sequence[Interval]) -> tuple[Interval, ...]:
    """Returns what blinded windows leave of intervals."""
    left = list(parts)
    for lower, upper in blind:
        left = [
            (start, stop)
            for first, last in left
            for start, stop in ((first, min(last, lower)), (max(first, upper), last))
            if start < stop
        ]
    return tuple(left)


def _check(interval: Interval, kind: str, limits: Interval, where: str) -> None:
    lower, upper = interval
    if lower >= upper:
        message = f"{where}: the {kind} from {lower:g} to {upper:g} does not rise"
        raise InputError(message, code="fit.falling-range", path=_KEYS[kind])
    if upper <= limits[0] or lower >= limits[1]:
        message = (
            f"{where}: the {kind} from {lower:g} to {upper:g} lies outside of the observable, "
            f"which goes from {limits[0]:g} to {limits[1]:g}; are the units the same?"
        )
        raise InputError(message, code="fit.outside-range", path=_KEYS[kind])
