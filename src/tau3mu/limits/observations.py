"""What was observed, read without the signal windows unless somebody has asked for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tau3mu.errors import InputError
from tau3mu.limits.language.parts import CountData, HistogramData, MassData

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from hist import Hist

    from tau3mu.limits.language.model import Spectrum
    from tau3mu.limits.language.parts import Interval, ResultsData

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
    """

    masses: Array | None = None
    edges: Array | None = None
    counts: Array | None = None
    total: float | None = None
    sidebands: bool = False

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
    return _of_results(name, data, windows, channel.range, folder, sidebands=not observed)


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


def _of_results(
    name: str, data: ResultsData, windows: tuple[Interval, ...], limits: Interval, folder: Path,
    *, sidebands: bool,
) -> Observation:  # fmt: skip
    """Returns the data of a results folder."""
    from tau3mu.config.input_files import user_path
    from tau3mu.fit.data.results import read_candidates, read_spectrum
    from tau3mu.fit.expressions import parse_cut

    path = folder / user_path(data.results)
    if data.column is not None:
        cut = None if data.cut is None else parse_cut(data.cut)
        source = read_candidates(path, data.column, None, cut, data.processor, data.era)
        masses = np.asarray(source.data[0], np.float64)
        low, high = limits
        masses = masses[(masses >= low) & (masses <= high)]
        return Observation(masses=_outside(masses, windows), sidebands=sidebands)
    assert data.histogram is not None
    histogram = cast(
        "Hist[Any]", read_spectrum(path, data.histogram, data.processor, data.era).data
    )
    edges = np.asarray(histogram.axes[0].edges, np.float64)
    inside = (edges[:-1] >= limits[0] - 1e-9) & (edges[1:] <= limits[1] + 1e-9)
    kept = edges[np.append(inside, False) | np.append(False, inside)]
    if not inside.any() or abs(kept[0] - limits[0]) > 1e-9 or abs(kept[-1] - limits[1]) > 1e-9:
        message = (
            f"the bins of histogram {data.histogram} of {path} have no edges at the range "
            f"{limits[0]:g} to {limits[1]:g} GeV of channel {name}"
        )
        raise InputError(message, code="limits.out-of-range", path=f"channels.{name}.range")
    return _bins(kept, np.asarray(histogram.values(), np.float64)[inside], windows, sidebands)
