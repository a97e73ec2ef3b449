"""What is fitted: counts in bins, or values one by one.

Both hold only what the fit may see: what lies in a blinded window is not in them.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["TOLERANCE", "Binned", "Interval", "Unbinned", "covered", "split"]

Interval = tuple[float, float]
"""Lower and upper edge; the upper one belongs to the next interval, as with bins."""

TOLERANCE = 1e-3
"""Of the width of a bin: edges closer to each other than this are the same.

Edges in single precision, of bins of 10 MeV at the mass of the Z, are off by 4e-4 of it.
"""


@dataclass(frozen=True, eq=False)
class Binned:
    """The contents of bins.

    Attributes:
        edges: The edges of the bins, one more than there are bins.
        contents: The sum of the weights in each bin, zero in blinded bins.
        variances: The sum of the squared weights in each bin, zero in blinded bins.
        used: Which bins are fitted: those in the ranges of the fit and in no blinded window.
    """

    edges: np.ndarray
    contents: np.ndarray
    variances: np.ndarray
    used: np.ndarray

    @property
    def entries(self) -> float:
        """The sum of the contents of the bins that are used."""
        return float(self.contents[self.used].sum())

    @property
    def weighted(self) -> bool:
        """Whether the contents are sums of weights, so that they are not Poisson counts."""
        contents, variances = self.contents[self.used], self.variances[self.used]
        return not np.allclose(contents, variances, rtol=1e-6, atol=0)

    @property
    def fractional(self) -> bool:
        """Whether the contents are taken as counts although they are not whole numbers."""
        contents = self.contents[self.used]
        whole = np.allclose(contents, np.round(contents), rtol=1e-6, atol=0)
        return not (self.weighted or whole)

    @property
    def mean_weight(self) -> float:
        """The sum of the squared weights over that of the weights, NaN if this is not positive."""
        return _ratio(float(self.variances[self.used].sum()), self.entries)

    def residuals(self, expected: np.ndarray) -> np.ndarray:
        """Returns data less expectation per bin, NaN in bins that are not used."""
        return np.where(self.used, self.contents - expected, np.nan)

    def pulls(self, expected: np.ndarray) -> np.ndarray:
        """Returns data less expectation in standard deviations, per bin.

        The variance of an expectation is itself times the mean weight of an entry. If contents
        are negative, then something was subtracted from them, and the variances of the data are
        all that is known. A pull is NaN in bins that are not used or have no variance.
        """
        subtracted = bool((self.contents[self.used] < 0).any())
        variances = self.variances if subtracted else expected * self.mean_weight
        deviations = np.sqrt(np.where(variances > 0, variances, np.nan))
        return np.asarray(self.residuals(expected) / deviations)

    @property
    def hash(self) -> str:
        """SHA-256 of edges, contents, variances and of which bins are used."""
        return _hash(self.edges, self.contents, self.variances, self.used)


@dataclass(frozen=True, eq=False)
class Unbinned:
    """The values of a variable.

    Attributes:
        values: Those that lie in the intervals.
        weights: One per value, or None if every value counts one.
        intervals: The ranges of the fit without the blinded windows, in rising order.
        outside: How many values were given that lie in none of the intervals.
    """

    values: np.ndarray
    weights: np.ndarray | None
    intervals: tuple[Interval, ...]
    outside: int = 0

    @property
    def entries(self) -> float:
        """The sum of the weights."""
        return float(len(self.values) if self.weights is None else self.weights.sum())

    @property
    def weighted(self) -> bool:
        """Whether there are weights other than one."""
        return self.weights is not None and not np.allclose(self.weights, 1, rtol=1e-6)

    @property
    def mean_weight(self) -> float:
        """The sum of the squared weights over that of the weights, NaN if this is not positive."""
        if self.weights is None:
            return 1.0
        return _ratio(float((self.weights**2).sum()), self.entries)

    def binned(self, edges: np.ndarray) -> Binned:
        """Returns the counts in bins; those that are not whole in one interval are not used."""
        edges = np.asarray(edges, dtype=np.float64)
        # NumPy's last bin would also take the upper edge, which belongs to no bin here.
        inside = self.values < edges[-1]
        values = self.values[inside]
        if self.weights is None:
            contents = variances = np.histogram(values, edges)[0].astype(np.float64)
        else:
            weights = self.weights[inside]
            contents = np.histogram(values, edges, weights=weights)[0]
            variances = np.histogram(values, edges, weights=weights**2)[0]
        return Binned(edges, contents, variances, covered(edges, self.intervals))

    @property
    def hash(self) -> str:
        """SHA-256 of values, weights and intervals."""
        weights = np.array([]) if self.weights is None else self.weights
        return _hash(self.values, weights, np.array(self.intervals))


def covered(edges: np.ndarray, intervals: Sequence[Interval]) -> np.ndarray:
    """Returns which bins lie whole in one of the intervals."""
    tolerance = TOLERANCE * np.diff(edges)
    lows, highs = edges[:-1] + tolerance, edges[1:] - tolerance
    inside = [(lows > lower) & (highs < upper) for lower, upper in intervals]
    return np.asarray(np.any(inside, axis=0)) if inside else np.zeros(len(lows), dtype=bool)


def split(edges: np.ndarray, intervals: Sequence[Interval]) -> np.ndarray:
    """Returns the edges of bins, and in addition the ends of intervals that lie within a bin."""
    ends = np.unique([end for interval in intervals for end in interval])
    bins = np.clip(np.searchsorted(edges, ends), 1, len(edges) - 1)
    tolerance = TOLERANCE * np.diff(edges)[bins - 1]
    within = (ends > edges[bins - 1] + tolerance) & (ends < edges[bins] - tolerance)
    return np.sort(np.append(edges, ends[within]))


def _ratio(squares: float, total: float) -> float:
    return squares / total if total > 0 else math.nan


def _hash(*arrays: np.ndarray) -> str:
    """Returns the SHA-256 of arrays and their lengths, the same on every machine."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.size};".encode())
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()
