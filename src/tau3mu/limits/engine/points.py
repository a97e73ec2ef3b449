"""Points at which spectra are compared with data: single masses, or bins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    Array = npt.NDArray[np.float64]
    Indices = npt.NDArray[np.intp]

__all__ = ["Points", "bin_points", "grid", "mass_points", "side_by_side"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)
_WIDE: Final = 0.25
"""Bins above this part of the width of the narrowest peak are integrated over, not taken at their
centers."""


@dataclass(frozen=True)
class Points:
    """The points of C channels, in the order of the channels.

    A bin is one point at its center, or several whose densities are added with their weights.

    Attributes:
        x: Masses in GeV.
        channel: The channel of each.
        weight: What its density is multiplied by: a width in GeV, or 1 for single masses.
        counts: The number of entries of each bin.
        bins: The first point of each bin; None if each point is one.
        partial: Whether the bins are a part of the range only, such as sidebands; the expected
            number of entries is then that of the bins.
    """

    x: Array
    channel: Indices
    weight: Array
    counts: Array
    bins: Indices | None = None
    partial: bool = False

    @property
    def bin_channel(self) -> Indices:
        """The channel of each bin."""
        return self.channel if self.bins is None else self.channel[self.bins]

    def starts(self, channels: int) -> Indices:
        """Returns the first bin of each channel, each of which has at least one.

        Args:
            channels: C.
        """
        return np.searchsorted(self.bin_channel, np.arange(channels))

    def binned(self, values: Array) -> Array:
        """Returns sums over the points of each bin.

        Args:
            values: … × N, multiplied by the weights of the points.
        """
        weighted = values * self.weight
        return weighted if self.bins is None else np.add.reduceat(weighted, self.bins, axis=-1)


def mass_points(masses: Array, middle: float) -> Points:
    """Returns the points of one channel without bins.

    Args:
        masses: In GeV.
        middle: A mass in the range: a point without entries, so that no channel is without points.
    """
    x = np.append(np.sort(masses), middle)
    counts = np.append(np.ones(len(masses)), 0.0)
    return Points(x, np.zeros(len(x), np.intp), np.ones(len(x)), counts)


def bin_points(edges: Array, counts: Array, narrowest: float) -> Points:
    """Returns the points of the bins of one channel.

    Args:
        edges: In GeV, ascending.
        counts: Of the bins.
        narrowest: The width of the narrowest peak in GeV.
    """
    widths, centers = np.diff(edges), (edges[1:] + edges[:-1]) / 2
    if widths.max() <= _WIDE * narrowest:
        return Points(centers, np.zeros(len(centers), np.intp), widths, np.asarray(counts, float))
    x = (centers[:, None] + widths[:, None] / 2 * _NODES).ravel()
    weight = (widths[:, None] / 2 * _WEIGHTS).ravel()
    bins = np.arange(len(centers)) * len(_NODES)
    return Points(x, np.zeros(len(x), np.intp), weight, np.asarray(counts, float), bins)


def grid(low: float, high: float, width: float) -> Array:
    """Returns the edges of equal bins.

    Args:
        low: The lower edge of the range in GeV.
        high: The upper edge.
        width: Of a bin in GeV, about.
    """
    return np.linspace(low, high, max(1, round((high - low) / width)) + 1)


def side_by_side(parts: Sequence[Points]) -> Points:
    """Returns the points of all channels.

    Args:
        parts: Of one channel each.
    """
    channel = np.repeat(np.arange(len(parts)), [len(one.x) for one in parts])
    x = np.concatenate([one.x for one in parts])
    weight = np.concatenate([one.weight for one in parts])
    counts = np.concatenate([one.counts for one in parts])
    if all(one.bins is None for one in parts):
        return Points(x, channel, weight, counts)
    begins = np.cumsum([0, *(len(one.x) for one in parts[:-1])])
    bins = [
        begin + (np.arange(len(one.x)) if one.bins is None else one.bins)
        for begin, one in zip(begins, parts, strict=True)
    ]
    return Points(x, channel, weight, counts, np.concatenate(bins))
