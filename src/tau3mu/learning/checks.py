"""Whether a discriminant is what it seems: overtraining, and what it does to the mass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.learning.sample import Sample

    Array = npt.NDArray[np.float64]

__all__ = ["area_under_curve", "checks_of"]

_EFFICIENCIES: Final = (0.3, 0.5, 0.7)
_MASS_BINS: Final = 8
_HALF_WINDOW: Final = 0.03  # GeV around the mass of the τ, in which the signal is


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
        `auc` of tested and trained scores and their difference in standard errors of the former;
        `efficiency_against_mass`: for each of some efficiencies, the largest deviation from their
        mean of those in bins of the signal's mass, and its significance.
    """
    signal, weight = sample.signal, sample.weight
    area, of_training = (area_under_curve(s, signal, weight) for s in (tested, trained))
    error = _error_of_area(area, int(signal.sum()), int((~signal).sum()))
    near = signal & (np.abs(sample.mass - 1.777) < _HALF_WINDOW)
    mass, scores, category = sample.mass[near], tested[near], sample.category[near]
    edges = np.quantile(mass, np.linspace(0, 1, _MASS_BINS + 1))
    place = np.clip(np.searchsorted(edges, mass, side="right") - 1, 0, _MASS_BINS - 1)
    numbers = np.bincount(place, minlength=_MASS_BINS)
    found = {}
    for wanted in _EFFICIENCIES:
        # Bins are chosen in each category. One cut for all would keep another share of each, and
        # so depend on the mass: where it is far from that of the τ, most are of the worst.
        passed = np.zeros(len(scores), np.bool_)
        for number in np.unique(category):
            here = category == number
            passed[here] = scores[here] > np.quantile(scores[here], 1 - wanted)
        efficiency = np.bincount(place, passed, _MASS_BINS) / numbers
        deviation = efficiency / wanted - 1
        chi2 = (numbers * (efficiency - wanted) ** 2 / (wanted * (1 - wanted))).sum()
        center = (edges[:-1] + edges[1:]) / 2
        slope, _ = np.polyfit(center, deviation, 1)
        span = slope * (center[-1] - center[0])
        found[f"{wanted:g}"] = {
            "mass": center.tolist(),
            "efficiency": efficiency.tolist(),
            "largest_deviation": float(np.abs(deviation).max()),
            "trend_across_window": float(span),
            "trend_error": float(
                np.sqrt((1 - wanted) / wanted / len(mass)) * np.ptp(center) / center.std()
            ),
            "chi2": float(chi2),
            "ndof": _MASS_BINS - 1,
        }
    return {
        "auc": {
            "tested": area,
            "trained": of_training,
            "error": error,
            "difference_over_error": (of_training - area) / error,
        },
        "efficiency_against_mass": found,
    }


def _error_of_area(area: float, positive: int, negative: int) -> float:
    """Returns the standard error; source: Hanley and McNeil, Radiology 143 (1982) 29."""
    one, other = area / (2 - area), 2 * area**2 / (1 + area)
    variance = area * (1 - area) + (positive - 1) * (one - area**2)
    variance += (negative - 1) * (other - area**2)
    return float(np.sqrt(variance / (positive * negative)))
