"""The bins of a histogram that make up those of the observable."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tau3mu.errors import InputError
from tau3mu.fit.data.sample import TOLERANCE

if TYPE_CHECKING:
    from tau3mu.fit.data.windows import Observable

__all__ = ["axis_edges", "check_edge", "cut"]

_ROUNDING = 1e-3  # of what edges may be off: less is rounding in double precision


def axis_edges(axis: Any, where: str) -> np.ndarray:
    """Returns the edges of the bins of an axis, without under- and overflow.

    Raises:
        InputError: The axis is one of categories.
    """
    traits = axis.traits
    # Whole numbers are discrete and yet ordered; only boost-histogram tells the two apart.
    if not getattr(traits, "ordered", not traits.discrete):
        message = (
            f"{where}: the axis {getattr(axis, 'name', '') or 'of the histogram'} has categories, "
            "but the fitted variable has bins with edges; choose another histogram"
        )
        raise InputError(message, code="fit.categories", path=where)
    edges = getattr(axis, "edges", None)
    if callable(edges):  # uproot
        edges = edges()
    if edges is None:
        edges = [axis[0][0], *(axis[i][1] for i in range(len(axis)))]
    return np.asarray(edges, dtype=np.float64)


def cut(edges: np.ndarray, observable: Observable, where: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns the edges of the fitted bins, and the positions of these edges among all edges.

    Args:
        edges: Those of the histogram.
        observable: Its range, and its bins if it has any: else those of the histogram are kept.
        where: What is fitted, for messages.

    Raises:
        InputError: The histogram does not reach over the range, or an edge of the observable is
            none of the histogram.
    """
    lower, upper = observable.range
    slacks = _slacks(edges)
    if lower < edges[0] - slacks[0] or upper > edges[-1] + slacks[-1]:
        message = (
            f"{where}: the histogram goes from {edges[0]:g} to {edges[-1]:g} and does not cover "
            f"the observable from {lower:g} to {upper:g}; narrow observable.range to it, or give "
            "a histogram that goes over all of the range, with empty bins where nothing is"
        )
        raise InputError(message, code="fit.too-narrow-histogram", path="observable.range")
    for value in observable.range:
        check_edge(value, edges, "observable.range", where)
    first, last = (int(np.abs(edges - value).argmin()) for value in observable.range)
    if observable.bins is None:
        inside = edges[first : last + 1].copy()
        # The bins span the range, also where their edges are in single precision.
        for end, position, value in ((0, first, lower), (-1, last, upper)):
            if abs(inside[end] - value) > _ROUNDING * slacks[position]:
                inside[end] = value
        return inside, np.arange(first, last + 1)
    wanted = np.asarray(observable.edges, dtype=np.float64)
    groups = first + np.abs(edges[first : last + 1, None] - wanted).argmin(axis=0)
    off = np.abs(edges[groups] - wanted) > slacks[groups]
    if off.any():
        raise _cannot_merge(edges[first : last + 1], wanted, float(wanted[off][0]), where)
    return wanted, groups


def check_edge(value: float, edges: np.ndarray, key: str, where: str) -> None:
    """Checks that a number is the edge of a bin.

    Raises:
        InputError: It is none; the message says which are near.
    """
    if (np.abs(edges - value) <= _slacks(edges)).any():
        return
    above = int(np.clip(np.searchsorted(edges, value), 1, len(edges) - 1))
    message = (
        f"{where}: {value:g} in {key} is not the edge of a bin; the nearest edges are "
        f"{edges[above - 1]:g} and {edges[above]:g}"
    )
    raise InputError(message, code="fit.no-edge", path=key)


def _slacks(edges: np.ndarray) -> np.ndarray:
    """Returns how far a number may be off each edge: a part of the narrower bin beside it."""
    widths = np.diff(edges)
    narrower = np.minimum(np.append(widths, np.inf), np.append(np.inf, widths))
    return np.asarray(TOLERANCE * narrower)


def _cannot_merge(edges: np.ndarray, wanted: np.ndarray, missing: float, where: str) -> InputError:
    above = int(np.searchsorted(edges, missing))
    number, widths = len(edges) - 1, np.diff(edges)
    hint = "leave observable.bins out to keep those of the histogram"
    if np.allclose(widths, widths[0], rtol=TOLERANCE):
        divisors = [str(n) for n in range(1, number + 1) if number % n == 0]
        hint = f"choose observable.bins from {', '.join(divisors)}, or leave it out"
    message = (
        f"{where}: the histogram has {number} bins from {edges[0]:g} to {edges[-1]:g}, which "
        f"cannot be merged into the {len(wanted) - 1} of the observable: {missing:g} is not the "
        f"edge of a bin, the nearest are {edges[above - 1]:g} and {edges[above]:g}; {hint}"
    )
    return InputError(message, code="fit.bins-do-not-merge", path="observable.bins")
