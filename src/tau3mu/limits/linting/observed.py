"""Warnings that need data outside of the signal windows: starts, and events that count twice."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.config.input_files import user_path
from tau3mu.limits.engine.backgrounds import Backgrounds
from tau3mu.limits.language.model import LimitModel, Spectrum
from tau3mu.limits.language.parts import HistogramData, ResultsData
from tau3mu.limits.linting.warning import LintWarning

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import numpy.typing as npt

    from tau3mu.limits.observations import Observation

    Array = npt.NDArray[np.float64]

__all__ = ["gap_warnings", "same_events", "start_warnings"]

_FAR: Final = 3.0
"""Statistical uncertainties between a start and the sidebands."""
_FEWEST: Final = 3
"""Equal masses beyond chance from which channels have the same events."""
_FEWEST_IN_BINS: Final = 10
_MISSED: Final = 10.0
"""Events that are expected in a gap from which on it is none by chance."""
_DIGITS: Final = 9
_CHANCE: Final = 0.05
"""The share of masses that are equal by chance above which single ones say nothing."""


def start_warnings(
    model: LimitModel, found: Mapping[str, Observation | None]
) -> Iterator[LintWarning]:
    """Yields warnings about backgrounds that start far from what the data say.

    Args:
        model: The model.
        found: What was read of the data of its spectra, without signal windows.
    """
    for name, channel in model.channels.items():
        if not isinstance(channel, Spectrum) or (seen := found.get(name)) is None:
            continue
        at, background = ("channels", name, "background"), channel.background
        shape = [one.start for one in background.shape]
        share = _share(channel, seen, shape)
        events = background.events
        if events is not None and share > 0:
            expected = events.start * share
            spread = np.sqrt(max(expected, seen.entries, 1.0))
            if abs(expected - seen.entries) > _FAR * spread:
                message = (
                    f"{events.start:g} is no best fit: {expected:.3g} events were to be in the "
                    f"data that are read while blind, in which there are {seen.entries:g}"
                )
                yield LintWarning("limits.start-not-best-fit", (*at, "events", "start"), message)
        if not shape or any(one.constraint for one in background.shape):
            continue
        if "start" in background.shape[0].model_fields_set and seen.total is None:
            worse = _worse(channel, seen, shape)
            if worse > _FAR**2:
                message = (
                    "the start is no best fit: 2Δ(−ln L) of the sidebands over their best fit is "
                    f"{worse:.3g}"
                )
                yield LintWarning("limits.start-not-best-fit", (*at, "shape", 0, "start"), message)


def _density(channel: Spectrum, x: Array, shape: list[float]) -> Array:
    low, high = channel.range
    form = Backgrounds([channel.background.family], np.array([low]), np.array([high]))
    values = np.zeros((1, form.size, 1))
    values[0, : len(shape), 0] = shape
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        found = form.densities(x, np.zeros(len(x), np.intp), values)[0][0]
    return np.nan_to_num(np.asarray(found, np.float64))


def _fine(channel: Spectrum, seen: Observation) -> tuple[Array, float]:
    """Returns the centers of fine bins that were read, and their width."""
    low, high = channel.range
    edges = np.linspace(low, high, 2001)
    x = (edges[:-1] + edges[1:]) / 2
    kept = np.ones(len(x), bool)
    if seen.edges is not None:
        inside = (x[:, None] > seen.edges[:, 0]) & (x[:, None] < seen.edges[:, 1])
        kept &= inside.any(axis=1)
    elif seen.sidebands:
        for start, stop in channel.windows:
            kept &= (x < start) | (x > stop)
    return x[kept], (high - low) / len(x)


def _share(channel: Spectrum, seen: Observation, shape: list[float]) -> float:
    """Returns the share of the background in what was read."""
    x, width = _fine(channel, seen)
    return float(_density(channel, x, shape).sum() * width) if len(x) else 0.0


def _worse(channel: Spectrum, seen: Observation, shape: list[float]) -> float:
    """Returns 2 Δ(−ln L) of a shape over the best one, of the sidebands alone."""
    from scipy.optimize import minimize

    if seen.masses is not None:
        x, counts = seen.masses, np.ones(len(seen.masses))
    else:
        assert seen.edges is not None
        assert seen.counts is not None
        x, counts = seen.edges.mean(axis=1), seen.counts
    if not counts.sum() > 0:
        return 0.0

    def nll(values: Array) -> float:
        share = _share(channel, seen, list(values))
        densities = np.maximum(_density(channel, x, list(values)), 1e-300)
        return float(-(counts * np.log(densities / max(share, 1e-300))).sum())

    start = np.array(shape)
    best = minimize(nll, start, method="Nelder-Mead", options={"maxiter": 400, "xatol": 1e-2})
    return 2 * (nll(start) - float(best.fun))


def gap_warnings(
    model: LimitModel, found: Mapping[str, Observation | None]
) -> Iterator[LintWarning]:
    """Yields warnings about sidebands that are empty beside a window.

    Args:
        model: The model.
        found: What was read of the data of its spectra, without signal windows.
    """
    for name, seen in found.items():
        channel = model.channels[name]
        if not isinstance(channel, Spectrum) or seen is None or not seen.sidebands:
            continue
        edges = np.stack([seen.masses] * 2, 1) if seen.masses is not None else seen.edges
        assert edges is not None
        counts = np.ones(len(edges)) if seen.counts is None else seen.counts
        edges, counts = edges[counts > 0], counts[counts > 0]
        low, high = min(one[0] for one in channel.windows), max(one[1] for one in channel.windows)
        for start, stop, side in (
            (channel.range[0], low, edges[:, 1] <= low + 1e-12),
            (high, channel.range[1], edges[:, 0] >= high - 1e-12),
        ):
            if not side.any():
                continue
            below = stop == low
            nearest = edges[side, 1].max() if below else edges[side, 0].min()
            gap = (stop - nearest) if below else (nearest - start)
            missed = counts[side].sum() * gap / max(stop - start - gap, 1e-9)
            if missed > _MISSED:
                window = low if below else high
                message = (
                    f"there are no events between {nearest:.4g} GeV and the window at {window:g}, "
                    f"where {missed:.0f} would be expected: are the data blind in wider windows?"
                )
                yield LintWarning("limits.gap-at-window", ("channels", name, "windows"), message)
                break


def same_events(
    model: LimitModel, found: Mapping[str, Observation | None], folder: Path
) -> Iterator[LintWarning]:
    """Yields warnings about channels with the same events, which would count twice.

    Args:
        model: The model.
        found: What was read of the data of its spectra, without signal windows.
        folder: From which relative paths start.
    """
    spectra = {n: one for n, one in model.channels.items() if isinstance(one, Spectrum)}
    masses = {
        name: np.sort(np.round(one.masses, _DIGITS))
        for name, one in found.items()
        if one is not None and one.masses is not None
    }
    for (a, first), (b, second) in combinations(spectra.items(), 2):
        text = ""
        if a in masses and b in masses:
            text = _shared(masses[a], masses[b])
        if not text and _same_source(first, second, folder):
            text = "its data are those of the same results, with no cuts that tell them apart,"
        if text:
            message = f"{text} as in channel {a}: events that are in both count twice"
            yield LintWarning("limits.same-events", ("channels", b, "data"), message)


def _shared(a: Array, b: Array) -> str:
    one, two = np.unique(a), np.unique(b)
    shared = np.intersect1d(one, two, assume_unique=True)
    if len(shared) < _FEWEST:
        return ""
    # Rounded masses may be equal by chance.
    every = np.concatenate([one, two])
    digits = (n for n in range(1, _DIGITS) if np.allclose(every, every.round(n), 0, 1e-11))
    cells = max((every.max() - every.min()) * 10 ** next(digits, _DIGITS), 1.0)
    chance = len(one) * len(two) / cells
    if chance > _CHANCE * min(len(one), len(two)):
        if not np.array_equal(a, b):
            return ""
    elif len(shared) < chance + _FAR * np.sqrt(chance) + _FEWEST:
        return ""
    return f"{len(shared)} masses are the same"


def _same_source(a: Spectrum, b: Spectrum, folder: Path) -> bool:
    one, two = a.data, b.data
    if isinstance(one, HistogramData) and isinstance(two, HistogramData):
        return one == two and sum(one.counts) >= _FEWEST_IN_BINS
    if not (isinstance(one, ResultsData) and isinstance(two, ResultsData)):
        return False
    paths = {(folder / user_path(data.results)).resolve() for data in (one, two)}
    if len(paths) > 1 or one.processor != two.processor:
        return False
    if one.era and two.era and one.era != two.era:
        return False
    if one.histogram or two.histogram:
        return one.histogram == two.histogram
    return one.cut is None or two.cut is None or one.cut == two.cut
