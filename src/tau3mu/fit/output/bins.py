"""A fitted spectrum in bins, for the plots, the report and the ROOT file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tau3mu.errors import InputError, suggest
from tau3mu.fit.data import Binned
from tau3mu.fit.data.sample import TOLERANCE, split

if TYPE_CHECKING:
    from tau3mu.fit.fitting.result import FitResult
    from tau3mu.fit.language import SpectrumModel

__all__ = ["POINTS", "BinnedFit", "binned_fit", "subdivided"]

POINTS = 20  # of a curve, per bin of the data


@dataclass(frozen=True, eq=False)
class BinnedFit:
    """One spectrum of a fit, data and expectation in the same bins.

    Attributes:
        name: Of the spectrum.
        part: The model of the spectrum.
        data: The data; of single entries, their numbers in the bins of the observable, which are
            split where a fitted range begins or ends.
        width: Of a bin, None if the bins of the observable have different ones.
        shown: The bins with all their entries: neither blinded, nor cut by the ranges of a fit of
            single entries.
        expected: The fitted numbers of entries, components x bins.
        curves: As `expected`, in `POINTS` equal parts of every bin and for a whole bin: the mean
            of a bin's parts is its expectation.
        subtracted: Whether the contents are not counts, so that their variances are all that is
            known of their errors.
    """

    name: str
    part: SpectrumModel
    data: Binned
    width: float | None
    shown: np.ndarray
    expected: np.ndarray
    curves: np.ndarray
    subtracted: bool

    @property
    def centers(self) -> np.ndarray:
        """The centers of the bins."""
        return np.asarray((self.data.edges[1:] + self.data.edges[:-1]) / 2)

    @property
    def total(self) -> np.ndarray:
        """The fitted number of entries in every bin."""
        return np.asarray(self.expected.sum(axis=0))

    @property
    def pulls(self) -> np.ndarray:
        """Data less fit in standard deviations, NaN in bins that are not fitted."""
        return self.data.pulls(self.total)

    @property
    def peaks(self) -> np.ndarray:
        """Which components are peaks."""
        return np.array([component.peaks for component in self.part.components.values()])

    @property
    def errors(self) -> np.ndarray:
        """The lengths of the error bars of the data, down and up, shape (2, bins).

        Of counts they are the central intervals of Poisson means at 68 %, scaled by the mean
        weight if they are weighted.
        """
        from hist.intervals import poisson_interval

        contents, scale = self.data.contents, self.data.mean_weight
        if self.subtracted:
            return np.tile(np.sqrt(self.data.variances), (2, 1))
        low, high = scale * poisson_interval(contents / scale)
        return np.stack([contents - low, high - contents])


def binned_fit(result: FitResult, spectrum: str | None = None) -> BinnedFit:
    """Returns one spectrum of a fit in bins.

    Args:
        result: The fit.
        spectrum: Which one; it may be left out where there is only one.

    Raises:
        InputError: There is no such spectrum, or it is not said which of several.
    """
    name = _name(result, spectrum)
    part, sample = result.model.parts[name], result.data[name]
    if isinstance(sample, Binned):
        data, whole = sample, sample.edges
        seen = ~_overlap(whole, part.blind)
    else:
        whole = part.observable.edges
        data = sample.binned(split(whole, sample.intervals))
        seen = data.used
    edges, widths = data.edges, np.diff(whole)
    negative = bool((data.contents < 0).any())
    return BinnedFit(
        name=name,
        part=part,
        data=data,
        width=float(widths[0]) if np.allclose(widths, widths[0], rtol=TOLERANCE) else None,
        shown=seen,
        expected=result.expected(edges, name),
        curves=result.expected(subdivided(edges), name) * POINTS,
        subtracted=negative or result.model.method.loss == "chi2",
    )


def subdivided(edges: np.ndarray) -> np.ndarray:
    """Returns the edges of `POINTS` equal parts of every bin.

    Args:
        edges: Of the bins, shape (bins + 1,).
    """
    steps = np.arange(POINTS) / POINTS
    inner = edges[:-1, None] + np.diff(edges)[:, None] * steps
    return np.append(inner.ravel(), edges[-1])


def _name(result: FitResult, spectrum: str | None) -> str:
    known = list(result.model.parts)
    if spectrum is None and len(known) == 1:
        return known[0]
    if spectrum in known:
        return str(spectrum)
    problem = "expected a spectrum" if spectrum is None else f"unknown spectrum {spectrum!r}"
    hint = suggest(spectrum or "", known)
    message = f"fit {result.model.name}: {problem}{hint}; it has: {', '.join(known)}"
    raise InputError(message, code="fit.unknown-spectrum", path=spectrum or "spectrum")


def _overlap(edges: np.ndarray, intervals: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Returns which bins reach into one of the intervals."""
    rounding = 1e-6 * np.diff(edges)
    lows, highs = edges[:-1] + rounding, edges[1:] - rounding
    reach = [(highs > start) & (lows < stop) for start, stop in intervals]
    return np.asarray(np.any([np.zeros(len(lows), dtype=bool), *reach], axis=0))
