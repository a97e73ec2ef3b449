"""The numbers of histograms that are drawn over each other; static/histograms.js has the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hist import Hist

__all__ = ["Lower", "compared_part", "normalized", "same_axes"]

Lower = Literal["", "ratio", "pull"]
"""What stands below histograms: nothing, their ratio, or their difference in σ."""


def _sums(part: Hist[Any]) -> tuple[Any, Any]:
    import numpy as np

    values = np.asarray(part.values(), np.float64)
    variances = part.variances()
    return values, np.abs(values) if variances is None else np.asarray(variances, np.float64)


def _made(part: Hist[Any], values: Any, variances: Any) -> Hist[Any]:
    import numpy as np
    from hist import Hist
    from hist.storage import Weight

    made: Hist[Any] = Hist(*part.axes, storage=Weight(), label=part.label)
    made.view()[...] = np.stack([values, variances], axis=-1)
    return made


def normalized(part: Hist[Any]) -> Hist[Any]:
    """Returns a histogram with an area of one within its axes; as it is if it is empty.

    Args:
        part: Of one or more variables.
    """
    import numpy as np

    values, variances = _sums(part)
    sizes: Any = 1.0
    for number, axis in enumerate(part.axes):
        shape = [-1 if place == number else 1 for place in range(part.ndim)]
        sizes = sizes * np.reshape(axis.widths, shape)
    total = values.sum()
    scale = 1 / (total * sizes) if total else np.ones_like(values)
    return _made(part, values * scale, variances * scale**2)


def same_axes(one: Hist[Any], other: Hist[Any]) -> bool:
    """Returns whether two histograms divide their axes in the same way.

    Args:
        one: The one.
        other: The other one.
    """
    return [list(axis) for axis in one.axes] == [list(axis) for axis in other.axes]


def compared_part(a: Hist[Any], b: Hist[Any], lower: Lower) -> Hist[Any]:
    """Returns the ratio b / a, or (b − a) / √(variance of a + variance of b).

    A ratio has a variance; both are NaN where they are not defined.

    Args:
        a: The one.
        b: The other one, with the same axes.
        lower: Which of both.
    """
    import numpy as np

    (values, variances), (others, other_variances) = _sums(a), _sums(b)
    with np.errstate(divide="ignore", invalid="ignore"):
        if lower == "pull":
            found = (others - values) / np.sqrt(variances + other_variances)
            return _made(b, found, np.zeros_like(found))
        found = np.where(values == 0, np.nan, others / values)
        return _made(b, found, (other_variances + found**2 * variances) / values**2)
