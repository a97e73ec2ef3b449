"""Models as templates only: spectra in bins, for programs that know nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from tau3mu.limits.engine.backgrounds import n_shape_parameters
from tau3mu.limits.engine.points import bin_points, grid, side_by_side
from tau3mu.limits.language.model import Counting, Spectrum
from tau3mu.limits.language.parts import CountData, HistogramData, ResultsData

if TYPE_CHECKING:
    import numpy.typing as npt

    from tau3mu.limits.compiled import Compiled

    Array = npt.NDArray[np.float64]

__all__ = ["BIN", "WIDE", "Channel", "Sample", "binned", "lost_in_bins"]

BIN: Final = 5e-3
"""The width in GeV of bins of spectra without bins of their own."""
WIDE: Final = 3.0
"""Parameters of shape become nuisances of this many of their uncertainties."""
_LITTLE: Final = 0.01  # background events of a spectrum that expects none


@dataclass(frozen=True)
class Sample:
    """A process of a channel.

    Attributes:
        name: Of the process.
        signal: Whether it is multiplied by r.
        counts: Of its bins for r = 1.
        factor: The name of its free factor, None if it has none.
        bounds: Of that factor.
        rates: κ by nuisance, for one σ down and up.
        moved: Templates of the nominal rate by nuisance, for one σ down and up.
    """

    name: str
    signal: bool
    counts: Array
    factor: str | None = None
    bounds: tuple[float, float] = (0.0, 10.0)
    rates: dict[str, tuple[float, float]] = field(default_factory=dict)
    moved: dict[str, tuple[Array, Array]] = field(default_factory=dict)


@dataclass(frozen=True)
class Channel:
    """A channel of templates.

    Attributes:
        name: Of the channel.
        samples: Its processes.
        observed: Entries of its bins.
        edges: Of the bins in GeV; bin numbers for templates without edges.
    """

    name: str
    samples: tuple[Sample, ...]
    observed: Array
    edges: Array


def lost_in_bins(compiled: Compiled) -> list[str]:
    """Returns what templates do not hold of a model, in words.

    Args:
        compiled: The model.
    """
    spectra = compiled.likelihood.spectra
    if spectra is None:
        return []
    lost = [
        f"spectra without bins are put into bins of {1e3 * BIN:g} MeV",
        "position and width of peaks move as templates do: exact at one standard deviation",
    ]
    if any(n_shape_parameters(family) for family in spectra.backgrounds.families):
        lost.append(
            "parameters of background shapes without a measurement become nuisances whose standard "
            f"deviation is {WIDE:g} times their uncertainty, and change templates linearly"
        )
    if np.isfinite(spectra.widths[0]).any():
        lost.append("measured numbers of background events have log-normal uncertainties")
    return lost


def binned(compiled: Compiled) -> list[Channel]:
    """Returns the channels of a model as templates, with the data that it has.

    Without observed data, the entries are what is expected of the background.

    Args:
        compiled: The model.
    """
    like = compiled.likelihood
    found = _spectra(compiled) if like.spectra else []
    return found + (_templates(compiled) if like.templates else [])


def _has_bins(channel: Spectrum) -> bool:
    """Returns whether the data are a histogram."""
    data = channel.data
    return isinstance(data, HistogramData) or (
        isinstance(data, ResultsData) and data.histogram is not None
    )


def _edges(compiled: Compiled, number: int, channel: Spectrum) -> Array:
    """Returns the edges of the data where they are bins, else those of bins of `BIN`."""
    seen = compiled.observed
    if not _has_bins(channel) or seen is None or seen.points is None:
        return grid(*channel.range, BIN)
    points = seen.points
    widths = points.binned(np.ones(len(points.x)))[points.bin_channel == number]
    return np.append(channel.range[0], channel.range[0] + np.cumsum(widths))


def _observed(compiled: Compiled, number: int, channel: Spectrum, edges: Array) -> Array | None:
    """Returns the observed entries of bins, None if there are none."""
    data, seen = channel.data, compiled.observed
    if seen is None or seen.points is None or data is None or isinstance(data, CountData):
        return None
    counts = np.asarray(seen.spectra[0][seen.points.bin_channel == number], np.float64)
    if not _has_bins(channel):
        masses = seen.points.x[seen.points.channel == number]
        counts = np.asarray(np.histogram(masses, edges, weights=counts)[0], np.float64)
    return counts


def _spectra(compiled: Compiled) -> list[Channel]:
    like, model = compiled.likelihood, compiled.model
    part = like.spectra
    assert part is not None
    described = [model.channels[name] for name in part.names]
    edges = [_edges(compiled, number, one) for number, one in enumerate(described)
             if isinstance(one, Spectrum)]  # fmt: skip
    # A width of nothing: bins are integrated over, not taken at their centers.
    points = side_by_side([bin_points(one, np.zeros(len(one) - 1), 1e-9) for one in edges])
    start = like.start.copy()
    start[0] = 1.0
    yields = slice(like.n_globals, like.n_globals + like.n_spectra)
    start[yields] = np.maximum(start[yields], _LITTLE)
    for number in range(like.n_spectra):  # a measured number is where it was measured
        if np.isfinite(part.widths[0, number]):
            start[like.n_globals + number] = part.centers[0, number]
    sets = [start]

    def changed(at: int, value: float) -> int:
        one = start.copy()
        one[at] = value
        sets.append(one)
        return len(sets) - 1

    steps = _steps(compiled, start)
    by_nuisance = [(changed(1 + j, -1.0), changed(1 + j, 1.0)) for j in range(len(like.nuisances))]
    by_shape = {}
    for (row, number), step in steps.items():
        at = like.n_globals + (1 + row) * like.n_spectra + number
        down, up = max(start[at] - step, like.low[at]), min(start[at] + step, like.high[at])
        by_shape[row, number] = changed(at, down), changed(at, up)
    stacked = np.array(sets)
    signal, background = part.parts(
        points, stacked[:, 0], like.theta(stacked), like.locals(stacked)
    )
    found = []
    for number, name in enumerate(part.names):
        here = points.bin_channel == number
        s, b = signal[:, here], background[:, here]
        rates, moved = {}, {}
        for j, nuisance in enumerate(like.nuisances):
            up, down = part.effects.up[j, number], part.effects.down[j, number]
            if up != 0 or down != 0:
                rates[nuisance] = float(np.exp(-down)), float(np.exp(up))
            if part.on_mean[j, number] != 0 or part.on_width[j, number] != 0:
                first, second = by_nuisance[j]
                moved[nuisance] = _like(s[first], s[0]), _like(s[second], s[0])
        peak = Sample("signal", True, s[0], rates=rates, moved=moved)
        shapes = {
            f"shape{row + 1}_{name}": (_like(b[first], b[0]), _like(b[second], b[0]))
            for (row, of), (first, second) in by_shape.items() if of == number
        }  # fmt: skip
        below = _normalized(compiled, number, name, Sample("background", False, b[0], moved=shapes))
        channel = described[number]
        assert isinstance(channel, Spectrum)
        seen = _observed(compiled, number, channel, edges[number])
        found.append(Channel(name, (peak, below), b[0] if seen is None else seen, edges[number]))
    return found


def _like(moved: Array, nominal: Array) -> Array:
    """Returns a template with the rate of another."""
    total = moved.sum()
    return moved * (nominal.sum() / total) if total > 0 else nominal


def _normalized(compiled: Compiled, number: int, name: str, sample: Sample) -> Sample:
    """Returns the background of a spectrum with a free number of events, or a measured one."""
    like = compiled.likelihood
    assert like.spectra is not None
    total, factor = float(sample.counts.sum()), f"norm_{name}"
    width = float(like.spectra.widths[0, number])
    if np.isfinite(width):
        kappa = 1 + width / total
        return replace(sample, rates={factor: (1 / kappa, kappa)})
    low, high = like.low[like.n_globals + number], like.high[like.n_globals + number]
    most = float(high) / total if np.isfinite(high) else 10 + 10 / total
    return replace(sample, factor=factor, bounds=(float(low) / total, most))


def _steps(compiled: Compiled, start: Array) -> dict[tuple[int, int], float]:
    """Returns by how much parameters of shape move, by row and channel."""
    like = compiled.likelihood
    part = like.spectra
    assert part is not None
    background = np.where(np.arange(like.size) == 0, 0.0, start)
    curvature = like.curvature(background[None], compiled.asimov(background)).locals[0]
    found = {}
    for number, family in enumerate(part.backgrounds.families):
        size = n_shape_parameters(family)
        block = curvature[: 1 + size, : 1 + size, number]
        variances = np.diag(np.linalg.pinv(block))
        for row in range(size):
            width = part.widths[1 + row, number]
            step = width if np.isfinite(width) else WIDE * np.sqrt(max(variances[1 + row], 0.0))
            found[row, number] = float(step)
    return found


def _templates(compiled: Compiled) -> list[Channel]:
    like = compiled.likelihood
    part = like.templates
    assert part is not None
    data = compiled.observed
    if data is None:
        data = compiled.asimov(np.where(np.arange(like.size) == 0, 0.0, like.start))
    begins = np.cumsum([0, *part.bins])
    found = []
    for number, name in enumerate(part.names):
        channel = compiled.model.channels[name]
        assert isinstance(channel, Counting)
        samples = []
        for process, called in zip(
            np.nonzero(part.channel == number)[0].tolist(), channel.processes, strict=True
        ):
            free, counts = part.free[process], part.counts[process]
            factor = like.free[free].replace("/", "_") if free >= 0 else None
            at = 1 + len(like.nuisances) + free
            bounds = (float(like.low[at]), float(like.high[at])) if factor else (0.0, 10.0)
            rates = {
                nuisance: (float(np.exp(-down)), float(np.exp(up)))
                for nuisance, down, up in zip(
                    like.nuisances, part.effects.down[:, process], part.effects.up[:, process],
                    strict=True,
                ) if up != 0 or down != 0
            }  # fmt: skip
            moved = {
                like.nuisances[one.nuisance]: (
                    counts - one.mean + one.curve, counts + one.mean + one.curve
                )
                for one in part.morphs if one.process == process
            }  # fmt: skip
            samples.append(
                Sample(called, bool(part.signal[process]), counts, factor, bounds, rates, moved)
            )
        seen = data.templates[0][begins[number] : begins[number + 1]]
        found.append(Channel(name, tuple(samples), seen, np.arange(part.bins[number] + 1.0)))
    return found
