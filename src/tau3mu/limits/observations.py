"""What was observed, read without the signal windows unless somebody has asked for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.limits.language.parts import CountData, HistogramData, MassData
from tau3mu.limits.results_data import read_results

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from tau3mu.limits.language.model import Spectrum
    from tau3mu.limits.language.parts import Interval

    Array = npt.NDArray[np.float64]

__all__ = ["Observation", "observe"]


@dataclass(frozen=True)
class Observation:
    """The data of a spectrum, of all of its range or of its sidebands.

    Attributes:
        masses: In GeV, if they are known one by one.
        edges: Of bins, two for each: lower and upper, shape B × 2; None without bins.
        counts: Entries of the bins.
        total: The number of events where nothing else is known.
        sidebands: Whether the windows are left out.
        warnings: What is odd about them.
    """

    masses: Array | None = None
    edges: Array | None = None
    counts: Array | None = None
    total: float | None = None
    sidebands: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def entries(self) -> float:
        """The number of events."""
        if self.masses is not None:
            return float(len(self.masses))
        return float(self.counts.sum()) if self.counts is not None else float(self.total or 0)


def observe(name: str, channel: Spectrum, *, observed: bool, folder: Path) -> Observation | None:
    """Returns the data of a channel, None if there are none that may be read.

    Without `observed`, masses and bins in the signal windows are dropped where they are read, and
    channels without windows give no data but a bare number of events.

    Args:
        name: Of the channel.
        channel: The channel.
        observed: Whether the signal windows are read as well.
        folder: From which relative paths start.

    Raises:
        InputError: The data cannot be read, or are not in the range.
    """
    data = channel.data
    if data is None:
        return None
    if isinstance(data, CountData):
        return Observation(total=data.count)
    if not observed and not channel.windows:
        return None
    windows = () if observed else channel.windows
    if isinstance(data, MassData):
        masses = np.asarray(data.masses, np.float64)
        return Observation(masses=_outside(masses, windows), sidebands=not observed)
    if isinstance(data, HistogramData):
        return _bins(np.asarray(data.edges), np.asarray(data.counts), windows, not observed)
    read = read_results(name, data, channel.range, folder, observed=observed)
    if isinstance(read.data, tuple):
        seen = _bins(*read.data, windows, not observed)
    else:
        seen = Observation(masses=_outside(read.data, windows), sidebands=not observed)
    return replace(seen, warnings=read.warnings)


def _outside(masses: Array, windows: tuple[Interval, ...]) -> Array:
    kept = np.ones(len(masses), bool)
    for low, high in windows:
        kept &= (masses < low) | (masses > high)
    return masses[kept]


def _bins(
    edges: Array, counts: Array, windows: tuple[Interval, ...], sidebands: bool
) -> Observation:
    pairs = np.stack([edges[:-1], edges[1:]], axis=1)
    kept = np.ones(len(pairs), bool)
    for low, high in windows:
        kept &= (pairs[:, 1] <= low + 1e-12) | (pairs[:, 0] >= high - 1e-12)
    return Observation(edges=pairs[kept], counts=np.asarray(counts, np.float64)[kept],
                       sidebands=sidebands)  # fmt: skip
