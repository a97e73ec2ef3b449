"""Whether a discriminant is what it seems: overtraining, and what it does to the mass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.learning.sample import Sample

    Array = npt.NDArray[np.float64]

__all__ = ["MASS_BINS", "area_under_curve", "checks_of", "mass_dependence"]

MASS_BINS: Final = 8
"""In how many intervals of the mass the efficiency is looked at, if there are enough candidates."""
_EFFICIENCIES: Final = (0.3, 0.5, 0.7)
_FEWEST: Final = 20  # candidates of an interval of the mass


def area_under_curve(scores: Array, signal: npt.NDArray[np.bool_], weight: Array) -> float:
    """Returns the chance that a signal scores higher than a background, of equal ones a half.

    Args:
        scores: One per candidate.
        signal: Which are signal.
        weight: Of each; a negative one counts as it is.
    """
    values, group = np.unique(scores, return_inverse=True)
    above, below = (np.bincount(group, weight * here, len(values)) for here in (signal, ~signal))
    before = np.cumsum(below) - below
    return float((above * (before + below / 2)).sum() / (above.sum() * below.sum()))


def checks_of(sample: Sample, tested: Array, trained: Array) -> dict[str, Any]:
    """Returns what tells whether a discriminant is overtrained or knows the mass.

    Args:
        sample: The candidates.
        tested: The score of each by the trees that have not seen its event.
        trained: The mean score of each by the trees that have.

    Returns:
        `auc` of tested and trained scores and their difference in standard errors of the former,
        and `efficiency_against_mass`.
    """
    signal, weight = sample.signal, sample.weight
    area, of_training = (area_under_curve(s, signal, weight) for s in (tested, trained))
    error = _error_of_area(area, int(signal.sum()), int((~signal).sum()))
    return {
        "auc": {
            "tested": area,
            "trained": of_training,
            "error": error,
            "difference_over_error": (of_training - area) / error,
        },
        "efficiency_against_mass": mass_dependence(
            sample.mass[signal], tested[signal], sample.category[signal], sample.windows
        ),
    }


def mass_dependence(
    mass: Array, scores: Array, category: npt.NDArray[np.int64], windows: Array
) -> dict[str, Any]:
    """Returns how the efficiency of signal depends on the mass within the signal windows.

    Args:
        mass: Of simulated signal in GeV.
        scores: The score of each candidate.
        category: 0, 1 and 2 for A, B and C.
        windows: The signal window of each category in GeV.

    Returns:
        For the cuts that keep 30, 50 and 70 % of each category: the efficiency in intervals of the
        place in the window, from -1 at its lower end to 1, with equal numbers of candidates; the
        largest deviation from their mean, and the trend of a straight line from end to end, both
        relative to the mean and with errors; χ² for no dependence; the candidates of each interval,
        and how many are outside the windows. There are eight intervals, or as many as have 20
        candidates each; with fewer than 20 in all, nothing is returned.
    """
    low, high = windows[category].T
    inside = (mass >= low) & (mass <= high)
    place = (2 * (mass - low) / (high - low) - 1)[inside]
    scores, category = scores[inside], category[inside]
    intervals = min(MASS_BINS, len(place) // _FEWEST)
    if not intervals:
        return {}
    edges = np.quantile(place, np.linspace(0, 1, intervals + 1))
    which = np.clip(np.searchsorted(edges, place, side="right") - 1, 0, intervals - 1)
    numbers = np.bincount(which, minlength=intervals)
    from_mean = place - place.mean()
    found = {}
    for wanted in _EFFICIENCIES:
        # Bins are chosen in each category. One cut for all would keep another share of each.
        passed = np.zeros(len(scores), np.bool_)
        for number in np.unique(category):
            here = category == number
            passed[here] = scores[here] > np.quantile(scores[here], 1 - wanted)
        efficiency = np.bincount(which, passed, intervals) / numbers
        spread = np.sqrt((1 - wanted) / wanted)  # of one candidate, relative
        slope = (from_mean * passed).sum() / (from_mean**2).sum() / wanted
        chi2 = (numbers * (efficiency / wanted - 1) ** 2).sum() / spread**2
        found[f"{wanted:g}"] = {
            "place": (np.bincount(which, place, intervals) / numbers).tolist(),
            "efficiency": efficiency.tolist(),
            "largest_deviation": float(np.abs(efficiency / wanted - 1).max()),
            "deviation_error": float(spread / np.sqrt(numbers.min())),
            "trend_across_window": float(2 * slope),
            "trend_error": float(2 * spread / np.sqrt((from_mean**2).sum())),
            "chi2": float(chi2),
            "ndof": intervals - 1,
            "candidates": numbers.tolist(),
            "outside": int((~inside).sum()),
        }
    return found


def _error_of_area(area: float, positive: int, negative: int) -> float:
    """Returns the standard error; source: Hanley and McNeil, Radiology 143 (1982) 29."""
    one, other = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (one - area**2)
    variance += (negative - 1) * (other - area**2)
    return float(np.sqrt(variance / (positive * negative)))
